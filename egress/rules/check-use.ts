/** Decides whether the rules of a value allow one use of it. */

import { UseRefusal } from '../refusals/use-refusal.ts';
import type { ApprovalRule } from './approval-rules.ts';
import { InvalidUsageRuleError } from './invalid-usage-rule.ts';
import {
  findMatchingRule,
  formatHostRule,
  type HostRule,
  isUsableValue,
  type Method,
  maxUsableBytes,
  minUsableCharacters,
  parseUsageRules,
  type RequestPart,
  type UsageRules,
  usageRuleKeys,
} from './usage-rules.ts';
import { allowsPath, isWithinHours } from './use-limits.ts';

type Metadata = Readonly<Record<string, string>>;

/** A value, and the metadata that its use must comply with. */
export interface UsableValue {
  /** Undefined if it is not opened yet; its length is checked then. */
  readonly value: string | undefined;
  /** The metadata of the version and, if that is an older one, also of the current version. */
  readonly metadata: readonly Metadata[];
}

/** Where a value is used. */
export interface UsePlace {
  readonly name: string;
  readonly part: RequestPart;
  /** Lower-case name of the header, for the part `header`. */
  readonly header?: string | undefined;
}

/** The request in which a value is used. */
export interface UseRequest {
  readonly url: URL;
  readonly method: Method;
  readonly now: Date;
}

/** What the rules of a value say about an allowed use. */
export interface AllowedUse {
  readonly host: HostRule;
  readonly perMinute: number | undefined;
  readonly responseBytes: number | undefined;
  /** Undefined if no approval is needed. */
  readonly approval: ApprovalRule | undefined;
}

/** @throws UseRefusal if the metadata of a value does not allow this use */
export function checkUse(place: UsePlace, { value, metadata }: UsableValue, request: UseRequest): AllowedUse[] {
  if (value !== undefined && !isUsableValue(value)) {
    throw new UseRefusal(
      `${place.name} can't be used: a value must be ${minUsableCharacters} characters to ${maxUsableBytes} bytes long, so that it can be redacted in responses`,
      'value_unusable',
    );
  }
  return metadata.map((entries) => checkRules(place, usageRulesOf(place.name, entries), request));
}

function checkRules({ name, part, header }: UsePlace, rules: UsageRules, { url, method, now }: UseRequest): AllowedUse {
  const host = findMatchingRule(rules.hosts, url);
  if (host === undefined) {
    const allowed =
      rules.hosts.length === 0 ? `no host: its metadata has no ${usageRuleKeys.hosts}` : formatHostRules(rules.hosts);
    throw refused(`${name} must not be sent to that host. It allows ${allowed}`);
  }
  if (!rules.methods.includes(method)) throw refused(`${name} is allowed only with ${rules.methods.join(', ')}`);
  if (!rules.requestParts.includes(part)) throw refused(`${name} is allowed only in: ${rules.requestParts.join(', ')}`);
  if (part === 'header' && rules.headers !== undefined && !rules.headers.includes(header ?? ''))
    throw refused(`${name} is allowed only in the headers: ${rules.headers.join(', ')}`);
  if (rules.paths !== undefined && !allowsPath(rules.paths, url.pathname))
    throw refused(`${name} is not allowed for that path (${usageRuleKeys.paths})`);
  if (rules.hours !== undefined && !isWithinHours(rules.hours, now))
    throw refused(`${name} is not allowed at this time (${usageRuleKeys.hours})`);
  const { perMinute, responseBytes, approval } = rules;
  return { host, perMinute, responseBytes, approval };
}

/** @throws UseRefusal if the metadata does not allow the value to be sent to a token endpoint */
export function checkTokenHost(name: string, { metadata }: UsableValue, url: URL): HostRule[] {
  return metadata.map((entries) => {
    const rule = findMatchingRule(usageRulesOf(name, entries).tokenHosts, url);
    if (rule === undefined)
      throw refused(`${name} must not be sent to that token endpoint (${usageRuleKeys.tokenHosts})`);
    return rule;
  });
}

const refused = (message: string): UseRefusal => new UseRefusal(message, 'use_refused');

function usageRulesOf(name: string, metadata: Metadata): UsageRules {
  try {
    return parseUsageRules(metadata);
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) throw refused(`${name} can't be used: ${error.message}`);
    throw error;
  }
}

export const formatHostRules = (rules: readonly HostRule[]): string => rules.map(formatHostRule).join(', ');
