/** The inner layer of a value of custody `approval` (docs/format-approvals.md, section 6). */
import { DecryptionError } from '../decryption-error.ts';
import { hashLength, isOpaqueName } from '../directory/directory-ids.ts';
import { type Bytes, encodeFieldBytes, fromBase64Url, toBase64Url, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, fieldOfLength } from '../encoding/field-reader.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { hpkeOverhead, openHpke, sealHpke } from '../hazmat/hpke.ts';
import { boxOverhead, type RandomSource, randomBytes, withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { maxApprovalValueBytes } from './limits.ts';
import type { KeyEpoch } from './person-key-wraps.ts';

/** Bytes of a share. */
export const shareLength = 32;

/** Bytes of a share that is sealed to the key of a person. */
export const sealedShareLength = shareLength + hpkeOverhead;

/** The version of a value that a share opens, with the rules that its setter gave it. */
export interface ValueBinding {
  readonly org: string;
  readonly name: string;
  readonly version: number;
  /** Of the rules of this version, 32 bytes. */
  readonly rulesHash: Bytes;
}

/** Where a share is sealed to: one epoch of a person's key. */
export interface ShareAddress {
  readonly person: string;
  readonly epoch: number;
}

/** A value as the outer layer keeps it. */
export interface SealedValue extends ShareAddress, Omit<ValueBinding, 'org' | 'name'> {
  /** The share, sealed to the person's key. */
  readonly share: Bytes;
  readonly box: Bytes;
}

const label = 'anima:approval-value:v1';
const prefix = 'anima:approval:v1:';
const fieldCount = 6;

const bindingFields = ({ org, name, version, rulesHash }: ValueBinding): Bytes =>
  encodeFieldBytes(label, org, name, u32Bytes(version), rulesHash);

const shareInfo = ({ org, name, version, rulesHash }: ValueBinding, { person, epoch }: ShareAddress): Bytes =>
  encodeFieldBytes('anima:approval-share:v1', org, name, u32Bytes(version), rulesHash, person, u32Bytes(epoch));

const valueKey = (share: Uint8Array, binding: Bytes): Bytes => hkdfSha256(share, new Uint8Array(0), binding, 32);

/**
 * Seals a value under a new share, and the share to the key of a person.
 * @param to the verified key of the person
 * @param value UTF-8, which the caller zeroes
 * @throws RangeError for a value that is too long
 */
export async function sealApprovalValue(
  binding: ValueBinding,
  to: KeyEpoch,
  value: Uint8Array,
  random: RandomSource = randomBytes,
): Promise<string> {
  if (value.length > maxApprovalValueBytes) throw new RangeError('the value is too long');
  const share = new Uint8Array(random(shareLength));
  const bytes = bindingFields(binding);
  try {
    const box = await withBoxKey(valueKey(share, bytes), (key) => key.seal(bytes, value, random));
    const sealed = await sealHpke(to.key, shareInfo(binding, to), share);
    return formatSealedValue({ ...binding, person: to.person, epoch: to.epoch, share: sealed, box });
  } finally {
    share.fill(0);
  }
}

/** The text that is stored as the value. */
export const formatSealedValue = ({ person, epoch, version, rulesHash, share, box }: SealedValue): string =>
  prefix + toBase64Url(encodeFieldBytes(label, person, u32Bytes(epoch), u32Bytes(version), rulesHash, share, box));

/** Parses the stored text; undefined for any other form. Nothing of it is verified. */
export function parseSealedValue(text: string): SealedValue | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const bytes = fromBase64Url(text.slice(prefix.length));
  const [what, ...fields] = (bytes && decodeFieldBytes(bytes)) ?? [];
  if (fields.length !== fieldCount || decodeTextField(what) !== label) return undefined;
  const [person, epoch, version] = [decodeTextField(fields[0]), decodeU32Field(fields[1]), decodeU32Field(fields[2])];
  const [rulesHash, share] = [fieldOfLength(fields[3], hashLength), fieldOfLength(fields[4], sealedShareLength)];
  const box = fields[5] && new Uint8Array(fields[5]);
  if (person === undefined || !isOpaqueName(person) || epoch === undefined || version === undefined) return undefined;
  if (rulesHash === undefined || share === undefined || box === undefined) return undefined;
  if (epoch < 1 || version < 1 || box.length < boxOverhead || box.length > maxApprovalValueBytes + boxOverhead)
    return undefined;
  return { person, epoch, version, rulesHash, share, box };
}

/**
 * Opens the share of a value, on an approving device. The caller zeroes it.
 * @param secret of the person's key, in the epoch of the share
 * @throws DecryptionError for every cause
 */
export async function openShare(
  binding: ValueBinding,
  address: ShareAddress,
  secret: Uint8Array,
  sealed: Uint8Array,
): Promise<Bytes> {
  const share = await openHpke(secret, shareInfo(binding, address), sealed);
  if (share.length === shareLength) return share;
  share.fill(0);
  throw new DecryptionError();
}

/**
 * Opens a value with its share. The caller zeroes both.
 * @throws DecryptionError for every cause
 */
export async function openApprovalValue(
  binding: ValueBinding,
  { box }: Pick<SealedValue, 'box'>,
  share: Uint8Array,
): Promise<Bytes> {
  if (share.length !== shareLength) throw new DecryptionError();
  const bytes = bindingFields(binding);
  return await withBoxKey(valueKey(share, bytes), (key) => key.open(bytes, box));
}
