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
 * @returns undefined if it was not written to its end: nothing that was confirmed is behind it
 * @throws DeviceVaultError storage_damaged
 */
export async function readRecord(
  file: OpenFile,
  at: number,
  size: number,
): Promise<{ readonly position: number; readonly payload: Bytes } | undefined> {
  const header = await readAt(file, at, headerBytes);
  const length = await payloadLength(header);
  if (length !== undefined) {
    const payload = await readAt(file, at + headerBytes, length);
    const isWhole =
      payload.length === length && equalBytes(await payloadCheck(payload), header.subarray(payloadCheckAt));
    if (isWhole) return { position: positionIn(header) ?? 0, payload };
  }
  // Whoever opens the log writes it anew before a batch is appended to such an end. So a batch at its place behind it says
  // that this one was changed after it had been confirmed.
  if (await hasBatchBehind(file, at + 1, size)) throw deviceError('storage_damaged');
  return undefined;
}

const positionIn = (header: Bytes): number | undefined => decodeU64Field(header.subarray(lengthBytes, placeCheckAt));

/** @returns undefined if the header is not whole, or was changed */
async function payloadLength(header: Bytes): Promise<number | undefined> {
  if (header.length < headerBytes || positionIn(header) === undefined) return undefined;
  const place = header.subarray(0, placeCheckAt);
  if (!equalBytes(await checked(place), header.subarray(0, payloadCheckAt))) return undefined;
  return decodeU32Field(place.subarray(0, lengthBytes));
}

/** Whether a record with items follows that states its own position. */
async function hasBatchBehind(file: OpenFile, start: number, end: number): Promise<boolean> {
  const rest = await readAt(file, start, end - start);
  for (let at = 0; at + headerBytes <= rest.length; at++) {
    const header = rest.subarray(at, at + headerBytes);
    if (positionIn(header) !== start + at) continue;
    if (((await payloadLength(header)) ?? 0) > 0) return true;
  }
  return false;
}
