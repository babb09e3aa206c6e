/** Which addresses a request with a secret may go to: those of the public internet, and nothing that an insider alone can reach. */
import ipaddr from 'ipaddr.js';

/** Global unicast (RFC 4291 section 2.4): what lies outside of it is not routed, whatever name it has. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/** Addresses of public ranges behind which a cloud keeps its own services: Azure's metadata and DNS. */
const cloudInternalAddresses = new Set(['168.63.129.16']);

/**
 * Whether an address is of the public internet. Refused are private, loopback, link-local, shared (RFC 6598), multicast, unspecified, reserved and
 * documentation addresses, and every form of IPv6 address in which an IPv4 address is embedded, however public that one is: IPv4-mapped,
 * IPv4-compatible, NAT64 (RFC 6052, RFC 8215), 6to4, Teredo, ISATAP (RFC 5214).
 */
export function isPublicAddress(address: string): boolean {
  if (cloudInternalAddresses.has(address)) return false;
  const parsed = parseIpAddress(address);
  if (parsed === undefined || parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv4) return true;
  const [, , , , fifth, sixth] = parsed.parts;
  const isatap = sixth === 0x5efe && (fifth === 0 || fifth === 0x200);
  return parsed.match(globalUnicast) && !isatap;
}

/** Whether an address is this machine's own: 127.0.0.0/8 or ::1. */
export const isLoopbackAddress = (address: string): boolean => parseIpAddress(address)?.range() === 'loopback';

/** The address in brackets or without that a URL's host is; undefined when it is a name. */
export function ipLiteralOf(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return parseIpAddress(bare) === undefined ? undefined : bare;
}

function parseIpAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // Four decimal parts: `0177.1` and `2130706433` are addresses to some resolvers and names to others.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return undefined;
  return ipaddr.parse(address);
}
