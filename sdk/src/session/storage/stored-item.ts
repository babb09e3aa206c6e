/**
 * Items that a device stores, as bytes: JSON in which bytes are `{"$": base64}`. Only the device itself writes them, and
 * they are authenticated, so their form is not checked again. Secret keys have a form of their own, which can be zeroed.
 */
import { type Bytes, fromBase64, toBase64, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { sessionError } from '../session-errors.ts';

const encodeValue = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { $: toBase64(value) } : value;

function decodeValue(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$' in value)) return value;
  return fromBase64(String(value.$));
}

export const encodeItem = (item: object): Bytes => utf8Bytes(JSON.stringify(item, encodeValue));

/** @throws SessionError storage_damaged */
export function decodeItem<T extends object>(bytes: Uint8Array): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes), decodeValue) as T;
  } catch {
    throw sessionError('storage_damaged');
  }
}
