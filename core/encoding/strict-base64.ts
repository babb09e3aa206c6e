/** Base64 in its canonical spelling only. */

/**
 * Decodes strict base64 (RFC 4648 section 4, canonical by section 3.5). Returns undefined for any other spelling.
 * Node's decoder skips unknown characters, accepts the URL alphabet, and reads only the low byte of a UTF-16 code unit
 * (U+0141 as `A`), so the same value would have many spellings.
 */
export function decodeStrictBase64(text: string, start = 0): Buffer | undefined {
  const length = text.length - start;
  // Only ASCII has one byte of UTF-8 per code unit.
  if (Buffer.byteLength(text, 'utf8') !== text.length) return undefined;
  if (length % 4 !== 0 || text.includes('-', start) || text.includes('_', start)) return undefined;
  const bytes = Buffer.from(start === 0 ? text : text.slice(start), 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (bytes.length !== (length / 4) * 3 - padding) return undefined;
  // The last character before the padding has 4 or 2 unused bits. They are zero only in the characters listed here.
  if (padding === 2 && !'AQgw'.includes(text.charAt(text.length - 3))) return undefined;
  if (padding === 1 && !'AEIMQUYcgkosw048'.includes(text.charAt(text.length - 2))) return undefined;
  return bytes;
}
