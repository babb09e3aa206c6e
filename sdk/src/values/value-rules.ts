/** Rules of use of values, in their typed form (docs/broker.md, section 3). */
import {
  rulesFromMetadata,
  rulesToMetadata,
  type UsageRules,
  usageRuleKeys,
  withoutRules,
} from '../../../contract/broker/usage-rules.ts';
import type { Value, ValueInfo, VersionInfo, SetOptions as WireSetOptions } from '../../../contract/values/wire.ts';
import { checkOptions } from '../shared/check-options.ts';
import type { CallOptions } from '../shared/client-options.ts';

/** The calls of the vault that this module uses. */
interface RuleVault {
  versions(name: string, options: CallOptions & { onDamaged: () => void }): Promise<VersionInfo[]>;
  getWithInfo(name: string, options: CallOptions): Promise<Value>;
  set(name: string, value: string, options: CallOptions & WireSetOptions): Promise<ValueInfo>;
}

/** The rules of the current version. @throws NotFoundError value_not_found */
export async function getRules(vault: RuleVault, name: string, options: CallOptions): Promise<UsageRules> {
  const [current] = await vault.versions(name, { ...options, onDamaged: () => {} });
  return rulesFromMetadata(current?.metadata ?? {});
}

/**
 * Stores the next version of a value, with the same value and other metadata, and these rules. Needs the permission to
 * read the value: rules can be changed only by callers that know it.
 */
export async function setRules(
  vault: RuleVault,
  name: string,
  rules: UsageRules,
  options: CallOptions,
): Promise<ValueInfo> {
  // A misspelt limit must not be dropped.
  checkOptions(rules, Object.keys(usageRuleKeys));
  const { value, version, metadata, expiresAt } = await vault.getWithInfo(name, options);
  return vault.set(name, value, {
    ...options,
    metadata: { ...withoutRules(metadata), ...rulesToMetadata(rules) },
    expiresAt,
    ifVersion: version,
  });
}
