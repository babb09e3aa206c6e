/** The inner layer of a value of custody `approval` (docs/format-approvals.md, section 6). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, u32Bytes } from '../encoding/bytes.ts';
import { hkdfSha256 } from '../hazmat/hkdf-sha256.ts';
import { openHpke, sealHpke } from '../hazmat/hpke.ts';
import { type RandomSource, randomBytes, withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { maxApprovalValueBytes } from './limits.ts';
import type { KeyEpoch } from './person-key-wraps.ts';
import {
  formatSealedValue,
  type SealedValue,
  type ShareAddress,
  sealedValueLabel,
  shareLength,
  type ValueBinding,
} from './sealed-value-form.ts';

const bindingFields = ({ org, name, version, rulesHash }: ValueBinding): Bytes =>
  encodeFieldBytes(sealedValueLabel, org, name, u32Bytes(version), rulesHash);

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
