/**
 * A record of the log file: a batch, and the position for which it was written.
 *
 *     header = u32(length of the payload) ‖ u64(position of the record in the file)
 *              ‖ first 4 bytes of SHA-256(both) ‖ first 8 bytes of SHA-256(payload)
 *     record = header ‖ payload
 *     payload = fields(name, bytes, name, bytes, …); empty bytes delete the name
 *
 * A record at another position than its own lost against the one that is there, and does not count.
 */
import {
  type Bytes,
  concatBytes,
  encodeFieldBytes,
  equalBytes,
  u32Bytes,
  u64Bytes,
} from '../../../../core/encoding/bytes.ts';
import { decodeU32Field, decodeU64Field } from '../../../../core/encoding/field-reader.ts';
import { deviceError } from '../device-errors.ts';
import { type OpenFile, readAt } from './node-modules.ts';

export const headerBytes = 24;
const lengthBytes = 4;
/** Where the check of length and position is in the header, and that of the payload. */
const placeCheckAt = 12;
const payloadCheckAt = 16;

export type LogItem = readonly [name: string, bytes: Uint8Array];

const digest = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

const checked = async (place: Bytes): Promise<Bytes> =>
  concatBytes(place, (await digest(place)).subarray(0, payloadCheckAt - placeCheckAt));

const payloadCheck = async (payload: Bytes): Promise<Bytes> =>
  (await digest(payload)).subarray(0, headerBytes - payloadCheckAt);

export async function encodeRecord(position: number, items: Iterable<LogItem>): Promise<Bytes> {
  const payload = encodeFieldBytes(...[...items].flat());
  const start = await checked(concatBytes(u32Bytes(payload.length), u64Bytes(position)));
  return concatBytes(start, await payloadCheck(payload), payload);
}

/**
 * Reads the record that begins at a position.
 * @returns undefined if it is the last one and was not written to its end
 * @throws DeviceVaultError storage_damaged
 */
export async function readRecord(
  file: OpenFile,
  at: number,
  size: number,
): Promise<{ readonly position: number; readonly payload: Bytes } | undefined> {
  const header = await readAt(file, at, headerBytes);
  if (header.length < headerBytes) return undefined;
  const place = header.subarray(0, placeCheckAt);
  const position = decodeU64Field(place.subarray(lengthBytes));
  const isPlace = equalBytes(await checked(place), header.subarray(0, payloadCheckAt));
  if (!isPlace || position === undefined) {
    // A crash can leave zeros in place of what was not written.
    if (await isZero(file, at + headerBytes, size)) return undefined;
    throw deviceError('storage_damaged');
  }
  const length = decodeU32Field(place.subarray(0, lengthBytes)) ?? 0;
  const payload = await readAt(file, at + headerBytes, length);
  const isWhole = payload.length === length && equalBytes(await payloadCheck(payload), header.subarray(payloadCheckAt));
  if (isWhole) return { position, payload };
  // Only the last record can be incomplete. Anything else was changed after it had been confirmed.
  if (at + headerBytes + length >= size) return undefined;
  throw deviceError('storage_damaged');
}

async function isZero(file: OpenFile, start: number, end: number): Promise<boolean> {
  const rest = await readAt(file, start, end - start);
  return rest.every((byte) => byte === 0);
}
