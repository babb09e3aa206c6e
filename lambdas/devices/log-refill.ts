/**
 * Entries that the log lost, because the operator restored an older copy of its table. A device that kept them sends them
 * again, the newest one first. The chain says which entry belongs in a place: the entry after it contains its hash.
 */
import { entryHash, parseSignedEntry, type SignedEntry } from '../../core/devices/chain-entry.ts';
import type { ChainState } from '../../core/devices/chain-state.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { LogStore } from './device-ports.ts';

/** Whether this is the entry that is missing in its place, which is not behind the head. */
export async function isMissingEntry(
  { scope, head }: ChainState,
  { seq, unsigned }: SignedEntry,
  logs: Pick<LogStore, 'get'>,
): Promise<boolean> {
  const hash = await entryHash(unsigned);
  if (seq === head.seq) return equalBytes(hash, head.hash);
  const stored = await logs.get(scope, seq + 1);
  const next = stored === undefined ? 'malformed' : parseSignedEntry(stored);
  return typeof next !== 'string' && equalBytes(next.prev, hash);
}
