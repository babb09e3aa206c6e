/**
 * Canonical JSON (RFC 8785, JCS) for signed and hashed data: members sorted by UTF-16 code units, no white space,
 * strings as JSON.stringify writes them. Numbers are limited to safe integers, which all implementations write with the
 * same digits.
 */

/**
 * Encodes a value. Members that are undefined are left out.
 * @throws RangeError for a value that has no canonical form here
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return JSON.stringify(value);
  throw new RangeError('the value has no canonical JSON');
}
