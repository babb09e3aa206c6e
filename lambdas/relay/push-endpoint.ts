/** Which endpoints push notices are sent to (docs/session-service.md, section 9). */
import { isIP } from 'node:net';
import { sessionLimits } from '../../contract/sessions/limits.ts';

/** Top-level names that no public host has (RFC 6761, RFC 6762, RFC 7686, RFC 8375), and usual ones of private networks. */
const privateNames = new Set([
  ...['arpa', 'corp', 'example', 'home', 'internal', 'invalid', 'lan', 'local', 'localhost', 'onion', 'test'],
]);
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** The URL of an endpoint; undefined unless it is `https` on port 443 of a public name. */
export function parsePushEndpoint(text: string): URL | undefined {
  if (text.length > sessionLimits.pushEndpointLength || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const { protocol, hostname, port, username, password, hash } = url;
  const isPlain = protocol === 'https:' && port === '' && username === '' && password === '' && hash === '';
  return isPlain && isPublicName(hostname) ? url : undefined;
}

function isPublicName(hostname: string): boolean {
  const labels = hostname.split('.');
  const top = labels.at(-1) ?? '';
  if (isIP(hostname) !== 0 || labels.length < 2 || hostname.length > 253) return false;
  return labels.every((one) => label.test(one)) && !privateNames.has(top) && /[a-z]/.test(top);
}
