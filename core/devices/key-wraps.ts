/**
 * The wraps of a roster entry (docs/format-devices.md, section 5): the UMK of an epoch for each member, and the UMK of an
 * earlier epoch. They are stored apart from the entry, which contains their hash.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, fieldOfLength } from '../encoding/field-reader.ts';
import { generateKeyPair, isCurvePoint, type KeyPair, pointLength } from '../hazmat/p256.ts';
import { boxOverhead, type RandomSource } from '../hazmat/portable-aes-gcm.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import type { DeviceKeys } from './device-keys.ts';
import { type EpochKey, openEpochKey, sealEarlierUmk, umkLength } from './epoch-keys.ts';
import { maxMembers } from './limits.ts';
import { type DeviceWrap, unwrapUmkAtDevice, wrapUmkForDevice } from './published-boxes.ts';
import { isDeviceId, scopeFields, type VaultScope } from './vault-scope.ts';

const label = 'anima:wraps:v1';
const saltLength = 32;
const wrapBoxLength = umkLength + boxOverhead;

/** The UMK of an earlier epoch, sealed under the history key. */
export interface SealedHistory {
  readonly epoch: number;
  readonly box: Bytes;
}

export interface KeyWraps {
  readonly scope: VaultScope;
  /** The epoch whose UMK is wrapped. */
  readonly epoch: number;
  /** Public ECDH key of the sender, used for this set of wraps only. */
  readonly sender: Bytes;
  /** Absent for the first epoch, and in the wraps of an entry `add`. */
  readonly history: SealedHistory | undefined;
  /** In the order of the device ids. */
  readonly wraps: readonly (DeviceWrap & { readonly device: string })[];
}

export const encodeKeyWraps = ({ scope, epoch, sender, history, wraps }: KeyWraps): Bytes =>
  encodeFieldBytes(
    label,
    ...scopeFields(scope),
    u32Bytes(epoch),
    sender,
    u32Bytes(history?.epoch ?? 0),
    history?.box ?? '',
    ...wraps.flatMap(({ device, salt, box }) => [device, salt, box]),
  );

/** The hash that the roster entry contains. */
export const keyWrapsHash = (encoded: Uint8Array): Promise<Bytes> => portableSha256(encoded);

function parseWraps(fields: readonly Bytes[]): KeyWraps['wraps'] | undefined {
  if (fields.length % 3 !== 0 || fields.length > 3 * maxMembers) return undefined;
  const wraps: KeyWraps['wraps'][number][] = [];
  for (let at = 0; at < fields.length; at += 3) {
    const device = decodeTextField(fields[at]) ?? '';
    const salt = fieldOfLength(fields[at + 1], saltLength);
    const box = fieldOfLength(fields[at + 2], wrapBoxLength);
    const isOrdered = device > (wraps.at(-1)?.device ?? '');
    if (!isDeviceId(device) || !isOrdered || salt === undefined || box === undefined) return undefined;
    wraps.push({ device, salt, box });
  }
  return wraps;
}

function parseHistory(
  epoch: number,
  earlier: Bytes | undefined,
  sealed: Bytes | undefined,
): SealedHistory | 'bad' | undefined {
  const number = decodeU32Field(earlier);
  if (number === 0 && sealed?.length === 0) return undefined;
  const box = fieldOfLength(sealed, wrapBoxLength);
  return number === undefined || number === 0 || number >= epoch || box === undefined ? 'bad' : { epoch: number, box };
}

/** @throws DecryptionError for any other form, or for another vault */
function parseKeyWraps(scope: VaultScope, encoded: Uint8Array): KeyWraps {
  const [name, org, user, vault, epochField, senderField, earlier, sealed, ...rest] = decodeFieldBytes(encoded) ?? [];
  const texts = [name, org, user, vault].map(decodeTextField);
  const isScope = [label, ...scopeFields(scope)].every((text, at) => text === texts[at]);
  const epoch = decodeU32Field(epochField);
  const sender = fieldOfLength(senderField, pointLength);
  const wraps = parseWraps(rest);
  if (!isScope || epoch === undefined || sender === undefined || !isCurvePoint(sender)) throw new DecryptionError();
  const history = parseHistory(epoch, earlier, sealed);
  if (history === 'bad' || wraps === undefined) throw new DecryptionError();
  return { scope, epoch, sender, history, wraps };
}

/**
 * Wraps the UMK of an epoch for members.
 * @param earlier the epoch whose UMK is sealed for members that join later; normally the one before
 * @param sender a new key pair; replaced only for worked examples
 */
export async function createKeyWraps(
  key: EpochKey,
  members: readonly { readonly id: string; readonly ecdh: Uint8Array }[],
  earlier: EpochKey | undefined,
  random?: RandomSource,
  sender?: KeyPair,
): Promise<Bytes> {
  const { publicKey, privateKey } = sender ?? (await generateKeyPair('ECDH', false));
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const wraps: KeyWraps['wraps'][number][] = [];
  for (const member of sorted) {
    wraps.push({ device: member.id, ...(await wrapUmkForDevice(key.umk, member, privateKey, random)) });
  }
  const history =
    earlier === undefined ? undefined : { epoch: earlier.epoch, box: await sealEarlierUmk(key, earlier, random) };
  return encodeKeyWraps({ scope: key.scope, epoch: key.epoch, sender: publicKey, history, wraps });
}

/**
 * Reads the wraps of a roster entry.
 * @param hash hash of the wraps, from the verified chain
 * @throws DecryptionError for other wraps
 */
export async function readKeyWraps(scope: VaultScope, encoded: Uint8Array, hash: Uint8Array): Promise<KeyWraps> {
  if (!equalBytes(await keyWrapsHash(encoded), hash)) throw new DecryptionError();
  return parseKeyWraps(scope, encoded);
}

/** What the verified chain says about an epoch and its wraps. */
export interface ExpectedWraps {
  readonly epoch: number;
  readonly commitment: Uint8Array;
  /** Hash of the wraps, from the roster entry. */
  readonly hash: Uint8Array;
}

/**
 * Opens the UMK that was wrapped for this device.
 * @returns the keys of the epoch, and the sealed UMK of an earlier epoch
 * @throws DecryptionError when the wraps are not those of the roster entry, have none for this device, or contain
 *   another UMK than the one committed to
 */
export async function openKeyWraps(
  scope: VaultScope,
  device: DeviceKeys,
  encoded: Uint8Array,
  expected: ExpectedWraps,
): Promise<{ readonly key: EpochKey; readonly history: SealedHistory | undefined }> {
  const { epoch, sender, history, wraps } = await readKeyWraps(scope, encoded, expected.hash);
  const wrap = wraps.find((one) => one.device === device.id);
  if (epoch !== expected.epoch || wrap === undefined) throw new DecryptionError();
  const umk = await unwrapUmkAtDevice({ id: device.id, privateKey: device.ecdh.privateKey }, sender, wrap);
  return { key: await openEpochKey(scope, epoch, umk, expected.commitment), history };
}
