/**
 * Usage rules of a value, from its metadata. The metadata is encrypted with the value, so only callers who can write
 * the value can extend its use.
 */
import { fetchLimits } from '../../contract/broker/limits.ts';
import {
  type UseMethod,
  type UsePlace,
  usageRuleKeys,
  useMethods,
  usePlaces,
} from '../../contract/broker/usage-rules.ts';
import { type ApprovalRule, parseApprovalRule } from './approval-rules.ts';
import { InvalidUsageRuleError } from './invalid-usage-rule.ts';
import { ipLiteralOf, isLoopbackAddress } from './public-addresses.ts';
import { isPublicSuffix, isSameRegistrant } from './public-suffixes.ts';
import { type HoursRule, type PathRule, parseHours, parseLimit, parsePaths } from './use-limits.ts';

export { usageRuleKeys };

export const methods = useMethods;
export type Method = UseMethod;

/** Parts of a request that may contain a value. Host, path and user are never allowed. */
export const requestParts = usePlaces;
export type RequestPart = UsePlace;

/** One entry of `allowed_hosts`. */
export interface HostRule {
  readonly protocol: 'https:' | 'http:';
  /** In the form of `URL.hostname`. */
  readonly hostname: string;
  /** Whether the rule covers all names below `hostname`, but not `hostname` itself. */
  readonly matchesSubdomains: boolean;
  readonly port: number;
  /** Whether the rule is a loopback address with a port, which is allowed with --allow-local. */
  readonly isLoopback: boolean;
}

export interface UsageRules {
  readonly hosts: readonly HostRule[];
  readonly methods: readonly Method[];
  readonly requestParts: readonly RequestPart[];
  /** Undefined allows every path. */
  readonly paths: readonly PathRule[] | undefined;
  /** Lower-case names of headers; undefined allows every header. */
  readonly headers: readonly string[] | undefined;
  /** Hosts whose token endpoint may receive the value. */
  readonly tokenHosts: readonly HostRule[];
  readonly perMinute: number | undefined;
  readonly hours: HoursRule | undefined;
  readonly responseBytes: number | undefined;
  /** A person must allow each use. */
  readonly approval: ApprovalRule | undefined;
}

const hostEntryPattern =
  /^(?:(https?):\/\/)?(\*\.)?([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/;

/**
 * Parses a list of hosts: `api.example.com, *.example.org, api.example.net:8443`. The default port is 443, or 80 after
 * `http://`.
 * @throws InvalidUsageRuleError for the whole list if one entry is invalid, because a partial list would not be what
 * its author intended
 */
export function parseHosts(text: string, key: string = usageRuleKeys.hosts): HostRule[] {
  return text.split(',').map((entry, i) => {
    const rule = parseHost(entry.trim().toLowerCase());
    if (rule === undefined) {
      throw new InvalidUsageRuleError(
        `entry ${i + 1} of ${key} is not a host such as api.example.com, api.example.com:8443 or *.example.com, or it is a name such as co.uk or github.io, below which anyone can register hosts`,
      );
    }
    return rule;
  });
}

function parseHost(entry: string): HostRule | undefined {
  const [, scheme = 'https', star, host = '', portText] = hostEntryPattern.exec(entry) ?? [];
  const port = portText === undefined ? { https: 443, http: 80 }[scheme] : Number(portText);
  if (host === '' || port === undefined || port > 65_535 || !URL.canParse(`https://${host}`)) return undefined;
  // Spellings that URL parsing changes (0x7f.1, an IPv6 address with leading zeros) would never match, or match
  // another host.
  if (new URL(`https://${host}`).hostname !== host || host.includes('..')) return undefined;
  const address = ipLiteralOf(host);
  const below = star !== undefined;
  if (below && (address !== undefined || !host.includes('.'))) return undefined;
  // Everyone can register hosts below a public suffix. As a single host, it is a mistake for a name below it.
  if (address === undefined && (isPublicSuffix(host) || (below && isPublicSuffix(`any.${host}`)))) return undefined;
  const local = address !== undefined && isLoopbackAddress(address) && portText !== undefined;
  return {
    protocol: scheme === 'http' ? 'http:' : 'https:',
    hostname: host,
    matchesSubdomains: below,
    port,
    isLoopback: local,
  };
}

/** The first rule that allows an address. */
export function findMatchingRule(rules: readonly HostRule[], url: URL): HostRule | undefined {
  const port = url.port === '' ? { 'https:': 443, 'http:': 80 }[url.protocol] : Number(url.port);
  return rules.find(
    (rule) => rule.protocol === url.protocol && rule.port === port && coversHostname(rule, url.hostname),
  );
}

/** Whether a rule allows a host at its own scheme and port. */
export const coversHostname = ({ hostname, matchesSubdomains }: HostRule, requested: string): boolean =>
  matchesSubdomains
    ? requested.endsWith(`.${hostname}`) && isSameRegistrant(requested, hostname)
    : requested === hostname;

/**
 * The rules of a value. Without `allowed_hosts` the value cannot be used. Without the other keys every method and part
 * is allowed.
 * @throws InvalidUsageRuleError
 */
export function parseUsageRules(metadata: Readonly<Record<string, string>>): UsageRules {
  assertKnownRules(metadata);
  const hostsOf = (key: string) => {
    const text = metadata[key] ?? '';
    return text.trim() === '' ? [] : parseHosts(text, key);
  };
  const { hosts, tokenHosts, paths, headers, perMinute, hours, responseBytes } = usageRuleKeys;
  return {
    hosts: hostsOf(hosts),
    tokenHosts: hostsOf(tokenHosts),
    paths: parsePaths(metadata[paths]),
    headers: parseHeaderNames(metadata[headers]),
    perMinute: parseLimit(metadata[perMinute], perMinute, fetchLimits.usesPerMinute),
    hours: parseHours(metadata[hours]),
    responseBytes: parseLimit(metadata[responseBytes], responseBytes, fetchLimits.responseBytesMax),
    approval: parseApprovalRule(metadata),
    methods: parseAllowedList(metadata, usageRuleKeys.methods, methods, (word) => word.toUpperCase()),
    requestParts: parseAllowedList(metadata, usageRuleKeys.places, requestParts, (word) => word.toLowerCase()),
  };
}

const knownKeys: ReadonlySet<string> = new Set(Object.values(usageRuleKeys));

/** A misspelt limit (`allowed_method`), or one of a later version, must not be ignored. */
function assertKnownRules(metadata: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(metadata).find((key) => key.startsWith('allowed_') && !knownKeys.has(key));
  if (unknown === undefined) return;
  const named = /^[a-z_]{1,32}$/.test(unknown) ? unknown : 'an entry that begins with allowed_';
  throw new InvalidUsageRuleError(`${named} is none of the rules ${[...knownKeys].join(', ')}`);
}

function parseAllowedList<T extends string>(
  metadata: Readonly<Record<string, string>>,
  key: string,
  all: readonly T[],
  spell: (word: string) => string,
): readonly T[] {
  const text = metadata[key];
  if (text === undefined) return all;
  return text.split(',').map((word, i) => {
    const found = all.find((known) => known === spell(word.trim()));
    if (found === undefined)
      throw new InvalidUsageRuleError(`entry ${i + 1} of ${key} is not one of ${all.join(', ')}`);
    return found;
  });
}

function parseHeaderNames(text: string | undefined): string[] | undefined {
  return text?.split(',').map((word, i) => {
    const name = word.trim().toLowerCase();
    if (/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) return name;
    throw new InvalidUsageRuleError(`entry ${i + 1} of ${usageRuleKeys.headers} is not the name of a header`);
  });
}

/**
 * Maximum bytes of a usable value, and minimum characters. Shorter values could not be distinguished from other text
 * in a response.
 */
export const maxUsableBytes = 4096;
export const minUsableCharacters = 4;

export const isUsableValue = (value: string): boolean =>
  [...value].length >= minUsableCharacters && Buffer.byteLength(value) <= maxUsableBytes;

/** Formats a rule in its input syntax. */
export const formatHostRule = ({ protocol, hostname, matchesSubdomains, port }: HostRule): string => {
  const usual = port === (protocol === 'https:' ? 443 : 80);
  return `${protocol === 'http:' ? 'http://' : ''}${matchesSubdomains ? '*.' : ''}${hostname}${usual ? '' : `:${port}`}`;
};
