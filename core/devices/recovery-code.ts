/** The box that a recovery code opens (docs/format-devices.md, section 10). */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeU32Field, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { type RandomSource, withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256, portableSha256 } from '../hazmat/portable-hash.ts';
import { hashLength } from './chain-entry.ts';
import type { EntryRef } from './chain-state.ts';
import { type DeviceKeys, exportDeviceKeys, importDeviceKeys } from './device-keys.ts';
import { umkLength } from './epoch-keys.ts';
import { scopeFields, type VaultScope } from './vault-scope.ts';

const kekLength = 32;

/** What the recovery code opens. */
export interface RecoveryContent {
  /** Keys of the recovery member. Extractable when sealed; not extractable when opened. */
  readonly keys: DeviceKeys;
  /** Hash of the first entry of the chain. */
  readonly genesis: Bytes;
  /** Head before the entry that makes these keys the recovery member. */
  readonly head: EntryRef;
  /** The epoch that this entry begins, and its UMK. */
  readonly epoch: number;
  readonly umk: Bytes;
}

const recoveryKek = (secret: Uint8Array, scope: VaultScope): Promise<Bytes> =>
  portableHkdfSha256(
    secret,
    new Uint8Array(0),
    encodeFieldBytes('anima:recovery:v1', ...scopeFields(scope)),
    kekLength,
  );

const boxAad = (scope: VaultScope): Bytes => encodeFieldBytes('anima:recovery-box:v1', ...scopeFields(scope));

/** Seals the content. @param secret the 16 bytes of the code */
export async function sealRecoveryBox(
  secret: Uint8Array,
  scope: VaultScope,
  content: RecoveryContent,
  random?: RandomSource,
): Promise<Bytes> {
  const { keys, genesis, head, epoch, umk } = content;
  const exported = await exportDeviceKeys(keys);
  const chain = encodeFieldBytes(genesis, u64Bytes(head.seq), head.hash, u32Bytes(epoch), umk);
  const plaintext = concatBytes(chain, exported);
  chain.fill(0);
  exported.fill(0);
  try {
    return await withBoxKey(await recoveryKek(secret, scope), (key) => key.seal(boxAad(scope), plaintext, random));
  } finally {
    plaintext.fill(0);
  }
}

/** The hash of the box that the roster entry contains. */
export const recoveryBoxHash = (box: Uint8Array): Promise<Bytes> => portableSha256(box);

/**
 * Opens the box. The caller zeroes the UMK.
 * @throws DecryptionError for every cause
 */
export async function openRecoveryBox(
  secret: Uint8Array,
  scope: VaultScope,
  box: Uint8Array,
): Promise<RecoveryContent> {
  const plaintext = await withBoxKey(await recoveryKek(secret, scope), (key) => key.open(boxAad(scope), box));
  try {
    return await parseContent(decodeFieldBytes(plaintext) ?? []);
  } catch {
    throw new DecryptionError();
  } finally {
    plaintext.fill(0);
  }
}

const chainFields = 5;

/** @throws an error of any kind for another form */
async function parseContent(fields: readonly Bytes[]): Promise<RecoveryContent> {
  const genesis = fieldOfLength(fields[0], hashLength);
  const seq = decodeU64Field(fields[1]);
  const hash = fieldOfLength(fields[2], hashLength);
  const epoch = decodeU32Field(fields[3]);
  const umk = fieldOfLength(fields[4], umkLength);
  if (genesis === undefined || seq === undefined || hash === undefined) throw new DecryptionError();
  if (epoch === undefined || umk === undefined) throw new DecryptionError();
  const exported = encodeFieldBytes(...fields.slice(chainFields));
  try {
    return { keys: await importDeviceKeys(exported), genesis, head: { seq, hash }, epoch, umk };
  } finally {
    exported.fill(0);
  }
}
