/** Decides whether the rules of a value allow one use of it. */
import { UseRefusal } from '../refusals/use-refusal.ts';
import {
  findMatchingRule,
  formatHostRule,
  type HostRule,
  InvalidUsageRuleError,
  isUsableValue,
  type Method,
  maxUsableBytes,
  minUsableCharacters,
  parseUsageRules,
  type RequestPart,
  type UsageRules,
  usageMetadataKeys,
} from './usage-rules.ts';

type Metadata = Readonly<Record<string, string>>;

/** A value, and the metadata that its use must comply with. */
export interface UsableValue {
  readonly value: string;
  /** The metadata of the version and, if that is an older one, also of the current version. */
  readonly metadata: readonly Metadata[];
}

/** Where a value is used. */
export interface UsePlace {
  readonly name: string;
  readonly part: RequestPart;
}

/** @throws UseRefusal if the metadata of a value does not allow this use */
export function checkUse(
  { name, part }: UsePlace,
  { value, metadata }: UsableValue,
  url: URL,
  method: Method,
): HostRule[] {
  if (!isUsableValue(value)) {
    throw new UseRefusal(
      `${name} can't be used: a value must be ${minUsableCharacters} characters to ${maxUsableBytes} bytes long, so that it can be redacted in responses`,
      'value_unusable',
    );
  }
  return metadata.map((entries) => checkRules(name, usageRulesOf(name, entries), part, url, method));
}

function checkRules(name: string, rules: UsageRules, part: RequestPart, url: URL, method: Method): HostRule {
  const rule = findMatchingRule(rules.hosts, url);
  if (rule === undefined) {
    const allowed =
      rules.hosts.length === 0
        ? `no host: its metadata has no ${usageMetadataKeys.hosts}`
        : formatHostRules(rules.hosts);
    throw new UseRefusal(`${name} must not be sent to that host. It allows ${allowed}`, 'use_refused');
  }
  if (!rules.methods.includes(method))
    throw new UseRefusal(`${name} is allowed only with ${rules.methods.join(', ')}`, 'use_refused');
  if (!rules.requestParts.includes(part))
    throw new UseRefusal(`${name} is allowed only in: ${rules.requestParts.join(', ')}`, 'use_refused');
  return rule;
}

function usageRulesOf(name: string, metadata: Metadata): UsageRules {
  try {
    return parseUsageRules(metadata);
  } catch (error) {
    if (error instanceof InvalidUsageRuleError)
      throw new UseRefusal(`${name} can't be used: ${error.message}`, 'use_refused');
    throw error;
  }
}

export const formatHostRules = (rules: readonly HostRule[]): string => rules.map(formatHostRule).join(', ');
