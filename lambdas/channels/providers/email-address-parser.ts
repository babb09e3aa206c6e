/** Addresses as they stand in the headers of mail (RFC 5322 section 3.4), read so that no two readers could differ about them. */
import { canonicalEmail } from '../../../core/users/canonical-identity.ts';

/** `"Ada \"L\" Lovelace"`, between the quotes any printable character, tab and backslash escapes; non-ASCII as RFC 6532 has it. */
const quotedNamePattern = /^"(?:[^"\\\p{Cc}]|\t|\\[^\p{Cc}])*"$/u;
/** Words without any character that has a meaning in an address; encoded words (RFC 2047) are of that form. */
const unquotedNamePattern = /^[^\p{Cc}"(),:;<>@[\\\]]*$/u;
/** Far above what anyone writes; parsing stays cheap. */
const maxHeaderLength = 4_096;

/**
 * The canonical identity of a header that names exactly one address: `ada@example.com`, `<ada@example.com>`, or a name before the latter.
 * Undefined for everything else: several addresses, groups, comments, routes, an `@` in a name without quotes. A quoted name is a name
 * whatever it looks like: `"ada@example.com" <eve@example.net>` is eve.
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

/** Whether a header lists an address, alone or beside others. A list that can't be read in one way lists nothing. */
export function includesAddress(header: string, identity: string): boolean {
  if (header.length > maxHeaderLength) return false;
  // Commas in quotes belong to a name.
  const items = header.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/gsu) ?? [];
  const addresses = items.map(parseSingleAddress);
  return items.join(',') === header && !addresses.includes(undefined) && addresses.includes(identity);
}
