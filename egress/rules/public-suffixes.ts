/** Names under which unrelated parties register their own (Public Suffix List, publicsuffix.org). */
import { parse } from 'tldts';

/** Private suffixes such as github.io count: everyone can get a name below them. */
const parseOptions = { allowPrivateDomains: true, extractHostname: false, validateHostname: false, detectIp: false };

/** Whether the list contains the name as a suffix, such as co.uk or github.io. Other one-label names are not in it. */
export function isPublicSuffix(hostname: string): boolean {
  const { publicSuffix, isIcann, isPrivate } = parse(hostname, parseOptions);
  return publicSuffix === hostname && (isIcann === true || isPrivate === true);
}

/**
 * Whether a host below `parent` belongs to whoever registered `parent`. It does not if a public suffix begins at or
 * below `parent`: customer.s3.amazonaws.com is below amazonaws.com, but belongs to a customer.
 */
export function isSameRegistrant(hostname: string, parent: string): boolean {
  const { publicSuffix } = parse(hostname, parseOptions);
  return publicSuffix !== null && publicSuffix.length < parent.length;
}
