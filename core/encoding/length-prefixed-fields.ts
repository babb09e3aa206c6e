/**
 * Length-prefixed fields (docs/format.md, section 1): the only way in which several values are combined into one byte
 * string. With separators, ("a", "bc") and ("ab", "c") could have the same encoding. With a length before each field,
 * they cannot.
 */

export type Field = string | Uint8Array;

const lengthPrefixBytes = 4;

/** Number of bytes that {@link writeLengthPrefixedFields} will write. */
export function lengthPrefixedFieldsLength(fields: readonly Field[]): number {
  let length = 0;
  for (const field of fields) {
    length += lengthPrefixBytes + (typeof field === 'string' ? Buffer.byteLength(field, 'utf8') : field.length);
  }
  return length;
}

/**
 * Writes each field at `offset` as its length (u32, big-endian) and its bytes (strings as UTF-8). Returns the end
 * offset.
 */
export function writeLengthPrefixedFields(target: Buffer, offset: number, fields: readonly Field[]): number {
  let at = offset;
  for (const field of fields) {
    let length: number;
    if (typeof field === 'string') {
      length = target.write(field, at + lengthPrefixBytes, 'utf8');
    } else {
      target.set(field, at + lengthPrefixBytes);
      length = field.length;
    }
    target.writeUInt32BE(length, at);
    at += lengthPrefixBytes + length;
  }
  return at;
}

/** The fields as one byte string. */
export function encodeLengthPrefixedFields(...fields: readonly Field[]): Buffer {
  const bytes = Buffer.allocUnsafe(lengthPrefixedFieldsLength(fields));
  writeLengthPrefixedFields(bytes, 0, fields);
  return bytes;
}

/**
 * An optional value as one field: the byte 1 and the value, or no byte if it is absent. An absent value therefore
 * differs from an empty one.
 */
export const optionalField = (value: Field | undefined): Field =>
  value === undefined ? '' : Buffer.concat([Buffer.of(1), Buffer.from(value)]);

/**
 * A number as 4 bytes, big-endian.
 * @throws RangeError outside 0 … 2^32−1
 */
export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/**
 * A number as 8 bytes, big-endian.
 * @throws RangeError unless the number is a safe integer from 0 on
 */
export function u64(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not an unsigned safe integer');
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), 0);
  bytes.writeUInt32BE(value % 0x1_0000_0000, 4);
  return bytes;
}
