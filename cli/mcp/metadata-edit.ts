/** Changes of the metadata of a value by a person. */

import { formatHostRule, parseHosts, usageRuleKeys } from '../../egress/rules/usage-rules.ts';
import { isMetadataByModel, isRuleKey, type Metadata, omitKeys, originKeys } from '../secrets/value-metadata.ts';
import { usageError } from '../shell/command-error.ts';
import { checkGivenMetadata, withUsageErrors } from './metadata-arguments.ts';

export interface MetadataEdit {
  readonly allowHosts: readonly string[];
  readonly denyHosts: readonly string[];
  readonly set: Metadata;
  readonly remove: readonly string[];
}

/**
 * The metadata after an edit. If the edit concerns rules of use, rules that a model chose are removed first.
 * @throws CommandError usage for an invalid edit, or one that leaves invalid rules
 */
export function applyMetadataEdit(current: Metadata, { allowHosts, denyHosts, set, remove }: MetadataEdit): Metadata {
  checkGivenMetadata(set);
  const concernsRules =
    allowHosts.length + denyHosts.length > 0 || [...Object.keys(set), ...remove].some((key) => isRuleKey(key));
  const replacesRules = concernsRules && isMetadataByModel(current);
  const base = replacesRules ? omitKeys(current, (key) => isRuleKey(key) || key === originKeys.metadata) : current;
  const absent = remove.find((key) => !Object.hasOwn(current, key) || key === originKeys.metadata);
  if (absent !== undefined) throw usageError('The value has no metadata of a key to remove. Nothing was stored');
  const edited = { ...omitKeys(base, (key) => remove.includes(key)), ...set };
  // The hosts that a model chose are gone already.
  const next = editHosts(edited, allowHosts, replacesRules ? [] : denyHosts);
  if (concernsRules) checkGivenMetadata(omitKeys(next, (key) => !isRuleKey(key)));
  return next;
}

function editHosts(metadata: Metadata, allowed: readonly string[], denied: readonly string[]): Metadata {
  if (allowed.length + denied.length === 0) return metadata;
  const { [usageRuleKeys.hosts]: present = '', ...rest } = metadata;
  const hosts = new Set([...hostsOf(present), ...hostsOf(allowed.join(','))]);
  for (const host of hostsOf(denied.join(','))) {
    if (!hosts.delete(host)) throw usageError('A host to deny is not in allowed_hosts. Nothing was stored');
  }
  return hosts.size === 0 ? rest : { ...rest, [usageRuleKeys.hosts]: [...hosts].join(', ') };
}

/** The hosts of a list in canonical form. @throws CommandError usage */
function hostsOf(list: string): string[] {
  if (list.trim() === '') return [];
  return withUsageErrors(() => parseHosts(list).map(formatHostRule));
}
