/**
 * API keys: `anm_<org>_<id>_<secret><checksum>`. The form is specified in docs/format.md, section 6. Pure JavaScript,
 * so that clients can reject a mistyped key without sending a request.
 */

export interface ApiKey {
  /** Opaque id of the organization. */
  readonly org: string;
  /** Id of the key within the organization. */
  readonly id: string;
  /** 43 characters of base62: 32 random bytes. */
  readonly secret: string;
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const apiKeyPattern = /^anm_([0-9a-z]{16})_([0-9a-z]{16,17})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** Base62 of a big-endian unsigned number, padded with `0` to `length` characters. */
function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text;
  return text.padStart(length, '0');
}

/** CRC-32 of ASCII text (ISO 3309, as in gzip and in GitHub tokens). */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The six check characters of a key or an invite: CRC-32 in base62. They find typing mistakes, nothing more. */
export const keyChecksum = (body: string): string => base62(BigInt(crc32(body)), 6);

/** Encodes 32 secret bytes as the 43 base62 characters of a key. */
export function encodeKeySecret(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return base62(value, 43);
}

/**
 * Formats a key of any kind, with its checksum.
 * @param id what follows the organization id: the id of an API key, or `u` and the id of a user
 */
export function formatAnyKey(org: string, id: string, secret: string): string {
  const body = `anm_${org}_${id}_${secret}`;
  return body + keyChecksum(body);
}

/** Parses a key of any kind. Returns undefined when the form or the checksum is wrong. */
export function parseAnyKey(text: string): ApiKey | undefined {
  const [, org, id, secret, check] = apiKeyPattern.exec(text) ?? [];
  if (org === undefined || id === undefined || secret === undefined || check === undefined) return undefined;
  // The checksum is computed from the rest of the key and is not a secret, so an ordinary comparison leaks nothing.
  return keyChecksum(text.slice(0, -6)) === check ? { org, id, secret } : undefined;
}

/** Formats an API key as text. */
export const formatApiKey = ({ org, id, secret }: ApiKey): string => formatAnyKey(org, id, secret);

/** Parses an API key. Returns undefined when its form or checksum is wrong, which means that it was never issued. */
export function parseApiKey(text: string): ApiKey | undefined {
  const key = parseAnyKey(text);
  return key !== undefined && key.id.length === 16 ? key : undefined;
}
