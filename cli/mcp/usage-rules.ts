/** What a value may be used for, as its own metadata says. It is sealed with the value: whoever can't write the value can't widen it. */
import { ipLiteralOf, isLoopbackAddress } from './public-addresses.ts';

/** Keys of metadata. */
export const usageMetadataKeys = { hosts: 'allowed_hosts', methods: 'allowed_methods', places: 'allowed_in' } as const;

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof methods)[number];

/** Where in a request a value may stand. Never in its host, path or user. */
export const requestParts = ['header', 'query', 'body'] as const;
export type RequestPart = (typeof requestParts)[number];

/** One entry of `allowed_hosts`. */
export interface HostRule {
  readonly protocol: 'https:' | 'http:';
  /** As `URL.hostname` spells it. */
  readonly hostname: string;
  /** Whether it stands for all names below `hostname`, and not for `hostname` itself. */
  readonly matchesSubdomains: boolean;
  readonly port: number;
  /** Whether it names an address of this machine and a port: then that may be reached, where --allow-local is given. */
  readonly isLoopback: boolean;
}

export interface UsageRules {
  readonly hosts: readonly HostRule[];
  readonly methods: readonly Method[];
  readonly requestParts: readonly RequestPart[];
}

/** Rules that can't be understood. The message repeats nothing of them. */
export class InvalidUsageRuleError extends Error {
  static {
    InvalidUsageRuleError.prototype.name = 'RuleProblem';
  }
}

const hostEntryPattern =
  /^(?:(https?):\/\/)?(\*\.)?([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/;

/**
 * A list of hosts: `api.example.com, *.example.org, api.example.net:8443`. Without a port it is 443, and with `http://` before it 80.
 * @throws RuleProblem for the whole list when one entry is faulty: half a list would not be what its author meant
 */
export function parseHosts(text: string): HostRule[] {
  return text.split(',').map((entry, i) => {
    const rule = parseHost(entry.trim().toLowerCase());
    if (rule === undefined) {
      throw new InvalidUsageRuleError(
        `entry ${i + 1} of ${usageMetadataKeys.hosts} is not a host such as api.example.com, api.example.com:8443 or *.example.com`,
      );
    }
    return rule;
  });
}

function parseHost(entry: string): HostRule | undefined {
  const [, scheme = 'https', star, host = '', portText] = hostEntryPattern.exec(entry) ?? [];
  const port = portText === undefined ? { https: 443, http: 80 }[scheme] : Number(portText);
  if (host === '' || port === undefined || port > 65_535 || !URL.canParse(`https://${host}`)) return undefined;
  // A spelling that URLs change (0x7f.1, an IPv6 address with leading zeros) would never match, or match something else.
  if (new URL(`https://${host}`).hostname !== host || host.includes('..')) return undefined;
  const address = ipLiteralOf(host);
  const below = star !== undefined;
  // `*.com` would be everybody.
  if (below && (address !== undefined || !host.includes('.'))) return undefined;
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
    (rule) =>
      rule.protocol === url.protocol &&
      rule.port === port &&
      (rule.matchesSubdomains ? url.hostname.endsWith(`.${rule.hostname}`) : url.hostname === rule.hostname),
  );
}

/**
 * The rules of a value. Without `allowed_hosts` there are no hosts: it can't be used. Without the others every method and place is allowed.
 * @throws RuleProblem
 */
export function parseUsageRules(metadata: Readonly<Record<string, string>>): UsageRules {
  const hosts = metadata[usageMetadataKeys.hosts];
  return {
    hosts: hosts === undefined || hosts.trim() === '' ? [] : parseHosts(hosts),
    methods: parseAllowedList(metadata, usageMetadataKeys.methods, methods, (word) => word.toUpperCase()),
    requestParts: parseAllowedList(metadata, usageMetadataKeys.places, requestParts, (word) => word.toLowerCase()),
  };
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

/** Rules as one writes them. */
export const formatHostRule = ({ protocol, hostname, matchesSubdomains, port }: HostRule): string => {
  const usual = port === (protocol === 'https:' ? 443 : 80);
  return `${protocol === 'http:' ? 'http://' : ''}${matchesSubdomains ? '*.' : ''}${hostname}${usual ? '' : `:${port}`}`;
};
