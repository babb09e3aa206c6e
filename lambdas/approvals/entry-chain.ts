/** Hashes of earlier entries, found by going back from a verified head: each entry names the hash of the one before. */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import { compareHeads, type HeadRelation } from '../../core/directory/directory-pin.ts';
import type { DirectoryHead } from '../../core/directory/directory-state.ts';
import { entryHash, parseSignedEntry } from '../../core/directory/entry.ts';
import { type Bytes, equalBytes } from '../../core/encoding/bytes.ts';
import type { DirectoryStore } from '../directory/directory-ports.ts';

const pageBytes = 1_000_000;
/** Entries that are read for one answer. A device that answers knows the entry of the question. */
export const maxEntriesBack = 2_000;

/**
 * How a head relates to the chain that ends at a verified one. `older` if more than `mostBack` entries are between, or if
 * the table does not have them.
 * @throws VaultError `unavailable`
 */
export async function relationTo(
  store: Pick<DirectoryStore, 'listEntries'>,
  org: string,
  verified: DirectoryHead,
  other: DirectoryHead,
  mostBack: number,
): Promise<HeadRelation> {
  if (verified.seq - other.seq > mostBack) return 'older';
  const hash = other.seq < verified.seq ? await hashAt(store, org, verified, other.seq) : undefined;
  return compareHeads({ head: verified }, other, () => hash);
}

async function hashAt(
  store: Pick<DirectoryStore, 'listEntries'>,
  org: string,
  verified: DirectoryHead,
  seq: number,
): Promise<Bytes | undefined> {
  // What entry n says about the entry before it, for the entries after `seq`, and the hash of entry n.
  const found = new Map<number, { readonly prev: Bytes; readonly hash: Bytes }>();
  for (let after = seq, more = true; more && after < verified.seq; ) {
    const page = await store.listEntries(org, after, sessionLimits.directoryPage, pageBytes);
    for (const { seq: number, signed } of page.entries) {
      const entry = parseSignedEntry(signed);
      if (typeof entry === 'string') return undefined;
      found.set(number, { prev: entry.prev, hash: entryHash(entry.unsigned) });
    }
    const last = page.entries.at(-1)?.seq ?? after;
    more = page.more && last > after;
    after = last;
  }
  let expected = verified.hash;
  for (let number = verified.seq; number > seq; number--) {
    const entry = found.get(number);
    if (entry === undefined || !equalBytes(entry.hash, expected)) return undefined;
    expected = entry.prev;
  }
  return expected;
}
