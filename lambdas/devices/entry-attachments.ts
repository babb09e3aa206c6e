/** Wraps and recovery box of an entry: their hashes are in the entry (docs/format-devices.md, sections 5, 7 and 10). */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isRosterKind, type SignedEntry } from '../../core/devices/chain-entry.ts';
import { keyWrapsHash } from '../../core/devices/key-wraps.ts';
import { recoveryBoxHash } from '../../core/devices/recovery-code.ts';
import { parseRosterBody } from '../../core/devices/roster-body.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { AttachmentKind } from './device-ports.ts';

/** The hashes of the attachments of an entry; none for other kinds and for a body of another form. */
export async function attachmentHashes({
  kind,
  body,
}: SignedEntry): Promise<Partial<Record<AttachmentKind, Uint8Array>>> {
  const roster = isRosterKind(kind) ? await parseRosterBody(kind, body) : undefined;
  return {
    ...(roster !== undefined && 'wraps' in roster ? { wraps: roster.wraps } : {}),
    ...(roster !== undefined && 'box' in roster ? { recovery: roster.box } : {}),
  };
}

export interface Attachment {
  readonly kind: AttachmentKind;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

const hashOf: Record<AttachmentKind, (bytes: Uint8Array) => Promise<Uint8Array>> = {
  wraps: keyWrapsHash,
  recovery: recoveryBoxHash,
};

const fieldNames: Record<AttachmentKind, string> = { wraps: 'wraps', recovery: 'recoveryBox' };

/**
 * The attachments that were sent with an entry.
 * @throws VaultError `entry_refused` if one is missing, is not the one of the entry, or belongs to no entry
 */
export async function requireAttachments(
  entry: SignedEntry,
  sent: Readonly<Partial<Record<AttachmentKind, Uint8Array>>>,
): Promise<readonly Attachment[]> {
  const hashes = await attachmentHashes(entry);
  const list: Attachment[] = [];
  for (const kind of ['wraps', 'recovery'] as const) {
    const [hash, bytes] = [hashes[kind], sent[kind]];
    if (hash === undefined && bytes === undefined) continue;
    if (hash === undefined || bytes === undefined || !equalBytes(hash, await hashOf[kind](bytes))) {
      const detail = `\`${fieldNames[kind]}\` does not have the hash that the entry contains. Nothing was stored.`;
      throw new VaultError('entry_refused', { detail });
    }
    list.push({ kind, hash, bytes });
  }
  return list;
}
