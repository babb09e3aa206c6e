/** The plaintext of a record (docs/format-devices.md, section 4). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { pad, paddedLength } from '../encoding/padding.ts';
import { hashLength } from './chain-entry.ts';

export interface RecordPlaintext {
  /** 1, 2, 3 … */
  readonly version: number;
  /** Hash of the change that wrote the version before; 32 zero bytes for version 1. */
  readonly parent: Bytes;
  /** Id of the device that wrote the version. */
  readonly device: string;
  readonly lamport: number;
  /** False for a tombstone, which has neither media type nor body. */
  readonly live: boolean;
  readonly mediaType: string;
  readonly body: Bytes;
}

const formatByte = 2;
const headerLength = 5;
const maxMediaTypeLength = 127;

const isMediaType = (text: string): boolean => text.length <= maxMediaTypeLength && /^[\x21-\x7e]+$/.test(text);

/** @throws RangeError for values that no reader accepts */
export function encodeRecordPlaintext(record: RecordPlaintext): Bytes {
  const { version, parent, device, lamport, live, mediaType, body } = record;
  if (!isConsistent(record)) throw new RangeError('not a record');
  const flag = Uint8Array.of(live ? 1 : 0);
  const fields = encodeFieldBytes(u64Bytes(version), parent, device, u64Bytes(lamport), flag, mediaType, body);
  const padded = pad(concatBytes(Uint8Array.of(formatByte), u32Bytes(fields.length), fields));
  fields.fill(0);
  return padded;
}

const isConsistent = ({ version, parent, live, mediaType, body }: RecordPlaintext): boolean =>
  version >= 1 &&
  parent.length === hashLength &&
  (live ? isMediaType(mediaType) : mediaType === '' && body.length === 0);

/** @throws DecryptionError for every other form */
export function parseRecordPlaintext(plaintext: Uint8Array): RecordPlaintext {
  const length =
    plaintext.length < headerLength ? -1 : new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(1);
  const end = headerLength + length;
  const isForm = plaintext[0] === formatByte && length >= 0 && end <= plaintext.length;
  if (!isForm || plaintext.length !== paddedLength(end)) throw new DecryptionError();
  if (plaintext.subarray(end).some((byte) => byte !== 0)) throw new DecryptionError();
  const record = parseFields(decodeFieldBytes(plaintext.subarray(headerLength, end)) ?? []);
  if (record === undefined || !isConsistent(record)) throw new DecryptionError();
  return record;
}

function parseFields(fields: readonly Bytes[]): RecordPlaintext | undefined {
  const [versionField, parentField, deviceField, lamportField, flag, mediaTypeField, body] = fields;
  const version = decodeU64Field(versionField);
  const parent = fieldOfLength(parentField, hashLength);
  const device = decodeTextField(deviceField);
  const lamport = decodeU64Field(lamportField);
  const mediaType = decodeTextField(mediaTypeField);
  if (fields.length !== 7 || flag?.length !== 1 || (flag[0] !== 0 && flag[0] !== 1)) return undefined;
  if (version === undefined || parent === undefined || device === undefined) return undefined;
  if (lamport === undefined || mediaType === undefined || body === undefined) return undefined;
  return { version, parent, device, lamport, live: flag[0] === 1, mediaType, body: new Uint8Array(body) };
}
