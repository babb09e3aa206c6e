/** The form of a value of custody `approval` (docs/format-approvals.md, section 6), without its cryptography. */
import { hashLength, isOpaqueName } from '../directory/directory-ids.ts';
import { type Bytes, encodeFieldBytes, fromBase64Url, toBase64Url, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, fieldOfLength } from '../encoding/field-reader.ts';
import { hpkeOverhead } from '../hazmat/hpke-overhead.ts';
import { boxOverhead } from '../hazmat/portable-aes-gcm.ts';
import { maxApprovalValueBytes } from './limits.ts';

/** Bytes of a share. */
export const shareLength = 32;

/** Bytes of a share that is sealed to the key of a person. */
export const sealedShareLength = shareLength + hpkeOverhead;

export function zeroShares(shares: readonly { readonly share: Uint8Array }[]): void {
  for (const { share } of shares) share.fill(0);
}

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

export const sealedValueLabel = 'anima:approval-value:v1';
const prefix = 'anima:approval:v1:';
const fieldCount = 6;

/** The text that is stored as the value. */
export const formatSealedValue = ({ person, epoch, version, rulesHash, share, box }: SealedValue): string =>
  prefix +
  toBase64Url(encodeFieldBytes(sealedValueLabel, person, u32Bytes(epoch), u32Bytes(version), rulesHash, share, box));

/** Parses the stored text; undefined for any other form. Nothing of it is verified. */
export function parseSealedValue(text: string): SealedValue | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const bytes = fromBase64Url(text.slice(prefix.length));
  const [what, ...fields] = (bytes && decodeFieldBytes(bytes)) ?? [];
  if (fields.length !== fieldCount || decodeTextField(what) !== sealedValueLabel) return undefined;
  const [person, epoch, version] = [decodeTextField(fields[0]), decodeU32Field(fields[1]), decodeU32Field(fields[2])];
  const [rulesHash, share] = [fieldOfLength(fields[3], hashLength), fieldOfLength(fields[4], sealedShareLength)];
  const box = fields[5] && new Uint8Array(fields[5]);
  if (person === undefined || !isOpaqueName(person) || epoch === undefined || version === undefined) return undefined;
  if (rulesHash === undefined || share === undefined || box === undefined) return undefined;
  if (epoch < 1 || version < 1 || box.length < boxOverhead || box.length > maxApprovalValueBytes + boxOverhead)
    return undefined;
  return { person, epoch, version, rulesHash, share, box };
}
