/**
 * Parses addresses in email headers (RFC 5322 section 3.4). Rejects every header that parsers could interpret
 * differently.
 */
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';

/**
 * `"Ada \"L\" Lovelace"`: printable characters, tabs and backslash escapes between quotes. Non-ASCII characters are
 * allowed (RFC 6532).
 */
const quotedNamePattern = /^"(?:[^"\\\p{Cc}]|\t|\\[^\p{Cc}])*"$/u;
/** Words without characters that are special in an address. Encoded words (RFC 2047) match this pattern. */
const unquotedNamePattern = /^[^\p{Cc}"(),:;<>@[\\\]]*$/u;
/** Characters; far above any real header. Bounds the cost of parsing. */
const maxHeaderLength = 4_096;

/**
 * Returns the canonical identity of a header that contains exactly one address: `ada@example.com`, `<ada@example.com>`
 * or `Ada <ada@example.com>`. Returns undefined for several addresses, groups, comments, routes and an `@` in an
 * unquoted name. A quoted name is never an address: `"ada@example.com" <eve@example.net>` is the address of eve.
 */
export function parseSingleAddress(header: string): string | undefined {
  const text = header.trim();
  if (text.length > maxHeaderLength) return undefined;
  const open = text.lastIndexOf('<');
  if (open < 0) return canonicalEmail(text);
  const name = text.slice(0, open).trimEnd();
  return text.endsWith('>') && (quotedNamePattern.test(name) || unquotedNamePattern.test(name))
    ? canonicalEmail(text.slice(open + 1, -1))
    : undefined;
}

/**
 * Whether a header contains an address, alone or in a list. Returns false for an ambiguous list.
 * @param matches whether a canonical identity is the address
 */
export function includesAddress(header: string, matches: (identity: string) => boolean): boolean {
  if (header.length > maxHeaderLength) return false;
  // A comma inside quotes is part of a name.
  const items = header.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/gsu) ?? [];
  const addresses = items.map(parseSingleAddress);
  return items.join(',') === header && addresses.every((one) => one !== undefined) && addresses.some(matches);
}
