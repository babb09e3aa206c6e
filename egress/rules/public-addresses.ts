/** Decides which addresses a request with a secret may be sent to: only addresses on the public internet. */
import ipaddr from 'ipaddr.js';

/** Global unicast (RFC 4291 section 2.4). Addresses outside it are not publicly routed. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/** Public addresses that a cloud uses for internal services: Azure's metadata and DNS. */
const cloudInternalAddresses = new Set(['168.63.129.16']);

/**
 * Whether an address is on the public internet. Private, loopback, link-local, shared (RFC 6598), multicast,
 * unspecified, reserved and documentation addresses are rejected. So is every IPv6 address that embeds an IPv4 address,
 * even a public one: IPv4-mapped, IPv4-compatible, NAT64 (RFC 6052, RFC 8215), 6to4, Teredo, ISATAP (RFC 5214).
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

/** Whether an address is loopback: 127.0.0.0/8 or ::1. */
export const isLoopbackAddress = (address: string): boolean => parseIpAddress(address)?.range() === 'loopback';

/** The IP address in a URL's host, with or without brackets; undefined if the host is a name. */
export function ipLiteralOf(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return parseIpAddress(bare) === undefined ? undefined : bare;
}

function parseIpAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // Only four decimal parts are accepted: resolvers disagree whether `0177.1` and `2130706433` are addresses or names.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return undefined;
  return ipaddr.parse(address);
}
