/** Rules of use of a value: their typed form, and their form in metadata (docs/broker.md, section 3). */

/** Metadata keys of the rules, by member. */
export const usageRuleKeys = {
  hosts: 'allowed_hosts',
  methods: 'allowed_methods',
  places: 'allowed_in',
  paths: 'allowed_paths',
  headers: 'allowed_headers',
  tokenHosts: 'allowed_token_hosts',
  perMinute: 'allowed_per_minute',
  hours: 'allowed_hours',
  responseBytes: 'allowed_response_bytes',
  approver: 'allowed_approver',
  approval: 'allowed_approval',
} as const;

export const useMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type UseMethod = (typeof useMethods)[number];

/** Parts of a request that may contain a value or what is derived from it. Host and path are never among them. */
export const usePlaces = ['header', 'query', 'body', 'auth'] as const;
export type UsePlace = (typeof usePlaces)[number];

/** What a value may be used for. Without hosts, for nothing. An absent member does not limit. */
export interface UsageRules {
  /** `api.example.com`, `api.example.com:8443` or `*.example.com`. */
  hosts?: string[] | undefined;
  methods?: UseMethod[] | undefined;
  places?: UsePlace[] | undefined;
  /** `/v1/charges`, `/v1/*` for one segment, or `/v1/**` for any rest. */
  paths?: string[] | undefined;
  /** Names of headers, for the place `header`. */
  headers?: string[] | undefined;
  /** Hosts whose token endpoint may receive the value. Default: none. */
  tokenHosts?: string[] | undefined;
  /** Uses in each minute. */
  perMinute?: number | undefined;
  /** `08:00-18:00` or `mon-fri 08:00-18:00`, UTC. */
  hours?: string | undefined;
  /** Maximum bytes of a response. */
  responseBytes?: number | undefined;
  /** Id of the person in the directory who must allow each use (docs/approvals.md). */
  approver?: string | undefined;
  /** `each` (default), `run <uses> <path>` or `time <uses> <path>`. */
  approval?: string | undefined;
}

const textMembers = ['hours', 'approver', 'approval'] as const;
const listMembers = ['hosts', 'methods', 'places', 'paths', 'headers', 'tokenHosts'] as const;

/** The metadata entries of rules. */
export function rulesToMetadata(rules: UsageRules): Record<string, string> {
  const entries = Object.entries(usageRuleKeys).flatMap(([member, key]) => {
    const given = rules[member as keyof UsageRules];
    if (given === undefined) return [];
    return [[key, Array.isArray(given) ? given.join(', ') : String(given)]];
  });
  return Object.fromEntries(entries);
}

/** The rules in metadata. Entries are not checked: whoever uses the value does that (egress/rules/usage-rules.ts). */
export function rulesFromMetadata(metadata: Readonly<Record<string, string>>): UsageRules {
  const rules: Record<string, unknown> = {};
  for (const [member, key] of Object.entries(usageRuleKeys)) {
    const text = metadata[key];
    if (text === undefined) continue;
    const isList = listMembers.some((one) => one === member);
    if (isList) rules[member] = text.split(',').map((entry) => entry.trim());
    else rules[member] = textMembers.some((one) => one === member) ? text : Number(text);
  }
  return rules;
}

/** The entries of rules in metadata, as statements of approvals hash them. */
export const ruleEntries = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.values(usageRuleKeys).flatMap((key) => (metadata[key] === undefined ? [] : [[key, metadata[key]]])),
  );

/** Metadata without the entries of rules, and without the entry that says that a model chose them (docs/mcp.md). */
export const withoutRules = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('allowed_') && key !== 'metadata_by'));
