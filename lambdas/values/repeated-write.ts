/** Recognizes a write that is sent again, by its write ID. */
import { createHash } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SetValueRequest, VersionInfo } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { allSlots, historySlots, isKeptBeside, keptVersionOf, slotOf } from '../../core/values/history-slots.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { isMalformed, type StoredValue, type StoredVersion } from '../shared/ports.ts';
import { decryptInfo, decryptValue } from './value-encryption.ts';
import type { ValueHistoryStore } from './value-ports.ts';

/** A write as it was requested. */
export interface RequestedWrite {
  readonly writeId: string;
  readonly request: SetValueRequest;
  readonly info: Omit<VersionInfo, 'version'>;
}

/**
 * The version that an earlier attempt of a write stored, if it is still kept. Reads history slots only if their hint
 * matches, so a new write reads one slot in about 256.
 * @throws VaultError `write_id_reused` if that version has other content
 */
export async function findRepeatedWrite(
  history: ValueHistoryStore,
  keys: OpenKeyring,
  current: StoredValue,
  { writeId, request, info: requested }: RequestedWrite,
): Promise<VersionInfo | undefined> {
  const { name } = current;
  const earlier =
    current.writeId === writeId ? current : await findInHistory(history, keys.keyring.org, current, writeId);
  if (earlier === undefined) return undefined;
  let stored: { readonly info: VersionInfo; readonly value: string };
  try {
    stored = { info: await decryptInfo(keys, name, earlier), value: await decryptValue(keys, name, earlier) };
  } catch (error) {
    // What cannot be decrypted is no stored result. The write is carried out, which also repairs a damaged value.
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
  const isSame =
    stored.value === request.value &&
    stored.info.expiresAt === requested.expiresAt &&
    hasSameEntries(stored.info.metadata, requested.metadata);
  if (!isSame) throw new VaultError('write_id_reused');
  return stored.info;
}

async function findInHistory(
  history: ValueHistoryStore,
  org: string,
  current: StoredValue,
  writeId: string,
): Promise<StoredVersion | undefined> {
  const { name, life, version, hints } = current;
  if (hints?.length !== historySlots) return undefined;
  const hint = hintOf(writeId);
  const slots = allSlots.filter((slot) => hints[slot] === hint && keptVersionOf(version, slot) !== undefined);
  if (slots.length === 0) return undefined;
  for (const { content } of await history.read(org, name, slots)) {
    if (isMalformed(content) || content.life !== life || !isKeptBeside(version, content.version)) continue;
    if (content.writeId === writeId) return content;
  }
  return undefined;
}

/** The hints of the version after `outgoing`, which is now in its slot. */
export function hintsAfter(outgoing: StoredValue): Uint8Array {
  const hints = new Uint8Array(historySlots);
  if (outgoing.hints?.length === historySlots) hints.set(outgoing.hints);
  hints[slotOf(outgoing.version)] = hintOf(outgoing.writeId);
  return hints;
}

/** The first byte of the SHA-256 of a write ID. */
const hintOf = (writeId: string): number => createHash('sha256').update(writeId).digest().readUInt8(0);

function hasSameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
