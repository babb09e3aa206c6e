import type { DeviceLogEntry } from '../../contract/devices/wire.ts';
import { parseSignedEntry } from '../../core/devices/chain-entry.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { toHex } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { RosterStore } from './device-ports.ts';
import { attachmentHashes } from './entry-attachments.ts';

/** Entries as they are served: each with its wraps, if it has any and they exist. */
export async function withWraps(
  rosters: Pick<RosterStore, 'getAttachments'>,
  scope: VaultScope,
  entries: readonly { readonly signed: Uint8Array }[],
): Promise<DeviceLogEntry[]> {
  const hashes = await Promise.all(
    entries.map(async ({ signed }) => {
      const entry = parseSignedEntry(signed);
      return typeof entry === 'string' ? undefined : (await attachmentHashes(entry)).wraps;
    }),
  );
  const wanted = hashes.filter((hash) => hash !== undefined);
  const wraps = wanted.length === 0 ? new Map() : await rosters.getAttachments(scope, 'wraps', wanted);
  return entries.map(({ signed }, at) => {
    const hash = hashes[at];
    const found = hash === undefined ? undefined : wraps.get(toHex(hash));
    return { entry: encodeBase64Field(signed), ...(found === undefined ? {} : { wraps: encodeBase64Field(found) }) };
  });
}
