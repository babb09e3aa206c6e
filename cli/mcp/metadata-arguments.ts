/** Checks metadata that a person gives to a command. */

import { InvalidUsageRuleError } from '../../egress/rules/invalid-usage-rule.ts';
import { parseUsageRules, usageRuleKeys } from '../../egress/rules/usage-rules.ts';
import type { UsageRules } from '../../sdk/src/index.ts';
import { isOriginKey, type Metadata } from '../secrets/value-metadata.ts';
import { usageError } from '../shell/command-error.ts';

/** @throws CommandError usage for rules that would make the value unusable, and for keys that only this program sets */
export function checkGivenMetadata(metadata: Metadata): void {
  const reserved = Object.keys(metadata).find(isOriginKey);
  if (reserved !== undefined) throw usageError(`The metadata key ${reserved} is reserved. Nothing was stored`);
  withUsageErrors(() => parseUsageRules(metadata));
}

/** @throws CommandError usage for rules that would make the value unusable */
export function checkRules(rules: UsageRules): void {
  const metadata = Object.entries(rules).flatMap(([member, given]) =>
    given === undefined ? [] : [[usageRuleKeys[member as keyof UsageRules], String(given)]],
  );
  withUsageErrors(() => parseUsageRules(Object.fromEntries(metadata)));
}

/** @throws CommandError usage if the work finds invalid rules */
export function withUsageErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) throw usageError(`${error.message}. Nothing was stored`);
    throw error;
  }
}
