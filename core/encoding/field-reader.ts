/** Reads length-prefixed fields (docs/format.md, section 1). The inverse of `encodeFieldBytes`. */
import { type Bytes, toNonSharedBytes } from './bytes.ts';

const lengthPrefixBytes = 4;

/** The fields, as views of `bytes`; undefined unless `bytes` consists of whole fields only. */
export function decodeFieldBytes(bytes: Uint8Array): readonly Bytes[] | undefined {
  const source = toNonSharedBytes(bytes);
  const view = new DataView(source.buffer, source.byteOffset, source.length);
  const fields: Bytes[] = [];
  let at = 0;
  while (at < source.length) {
    if (source.length - at < lengthPrefixBytes) return undefined;
    const start = at + lengthPrefixBytes;
    const end = start + view.getUint32(at);
    if (end > source.length) return undefined;
    fields.push(source.subarray(start, end));
    at = end;
  }
  return fields;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A field as text; undefined unless it is valid UTF-8. A byte-order mark stays part of the text. */
export function decodeTextField(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A field of 4 bytes as a number; undefined for another length. */
export const decodeU32Field = (bytes: Uint8Array | undefined): number | undefined =>
  bytes?.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) : undefined;

/** A field of 8 bytes as a number; undefined for another length, and above 2^53−1. */
export function decodeU64Field(bytes: Uint8Array | undefined): number | undefined {
  if (bytes?.length !== 8) return undefined;
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

/** A field of exactly `length` bytes, copied; undefined for another length. */
export const fieldOfLength = (bytes: Uint8Array | undefined, length: number): Bytes | undefined =>
  bytes?.length === length ? new Uint8Array(bytes) : undefined;
