/**
 * Byte functions without Node's Buffer, for the formats that browsers also read. `Bytes` excludes arrays over a
 * SharedArrayBuffer, because WebCrypto does not accept them.
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const utf8Encoder = new TextEncoder();

/** Text as UTF-8. */
export const utf8Bytes = (text: string): Bytes => utf8Encoder.encode(text);

/** Concatenates the parts. */
export const concatBytes = (...parts: readonly Uint8Array[]): Bytes => joinBytes(parts);

/** Concatenates any number of parts: a call takes only some 100,000 arguments. */
export function joinBytes(parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * The same bytes in a form that WebCrypto accepts, which is not a view of shared memory. Other arrays are not copied.
 */
export const toNonSharedBytes = (bytes: Uint8Array): Bytes =>
  bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes.slice();

/** A number as 4 bytes, big-endian. @throws RangeError outside 0 … 2^32−1 */
export function u32Bytes(value: number): Bytes {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new RangeError('not an unsigned 32-bit number');
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * A number as 8 bytes, big-endian.
 * @throws RangeError unless the number is a safe integer from 0 on
 */
export function u64Bytes(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not an unsigned safe integer');
  return concatBytes(u32Bytes(Math.floor(value / 0x1_0000_0000)), u32Bytes(value % 0x1_0000_0000));
}

/**
 * Length-prefixed fields (docs/format.md, section 1); the same encoding as in length-prefixed-fields.ts, which needs
 * Node.
 */
export function encodeFieldBytes(...fields: readonly (string | Uint8Array)[]): Bytes {
  const parts = fields.map((field) => (typeof field === 'string' ? utf8Bytes(field) : field));
  const encoded = new Uint8Array(parts.reduce((length, part) => length + 4 + part.length, 0));
  const view = new DataView(encoded.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    encoded.set(part, at + 4);
    at += 4 + part.length;
  }
  return encoded;
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexPairs[byte] ?? '';
  return text;
}

/** The inverse of {@link toHex}. Returns undefined for any spelling other than the canonical one. */
export function fromHex(text: string): Bytes | undefined {
  if (!/^([0-9a-f]{2})*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

const urlAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    const characters = Math.min(bytes.length - at, 3) + 1;
    for (let i = 0; i < characters; i++) text += urlAlphabet.charAt((group >>> (18 - 6 * i)) & 63);
  }
  return text;
}

/** The inverse of {@link toBase64Url}. Returns undefined for any spelling other than the canonical one. */
export function fromBase64Url(text: string): Bytes | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let group = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const digit = urlAlphabet.indexOf(character);
    if (digit < 0) return undefined;
    group = ((group << 6) | digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (group >>> bits) & 0xff;
    }
  }
  return toBase64Url(bytes) === text ? bytes : undefined;
}

/** `String.fromCharCode` takes a limited number of arguments. */
const charactersAtOnce = 0x2000;

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += charactersAtOnce) {
    binary += String.fromCharCode(...bytes.subarray(at, at + charactersAtOnce));
  }
  return btoa(binary);
}

/** The inverse of {@link toBase64}. Returns undefined for any spelling other than the canonical one. */
export function fromBase64(text: string): Bytes | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  // `atob` ignores white space, missing padding and unused bits.
  if (btoa(binary) !== text) return undefined;
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** Whether two byte strings are equal. Their contents are public: the time depends on them. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

/**
 * Releases memory that is no longer used, where the platform supports it (ECMAScript 2024,
 * ArrayBuffer.prototype.transfer). The garbage collector gives little weight to bytes outside the heap, so megabytes of
 * them would otherwise accumulate. A view of part of a larger buffer is left unchanged.
 */
export function detachBuffer({ buffer, byteLength }: Uint8Array): void {
  const transfer: unknown = Reflect.get(buffer, 'transfer');
  if (typeof transfer === 'function' && byteLength === buffer.byteLength) Reflect.apply(transfer, buffer, [0]);
}
