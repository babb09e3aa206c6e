/**
 * Permissions of API keys, and comparison of permissions. Names are compared by whole segments: the folder `prod/`
 * contains `prod/x` but not `production`. Encoding changes no character of a name (contract/shared/name-patterns.ts),
 * so comparing the texts compares the names. A malformed name is in no folder.
 */

import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { nameProblem, prefixProblem } from '../../contract/shared/name-patterns.ts';
import { orgWideVerbs, type Role, roles, rolesWithReservedNames } from '../../contract/shared/roles.ts';
import type { Verb } from '../../contract/shared/verbs.ts';

/** Permissions as requested when a key is created. */
export interface DeclaredPermissions {
  readonly role: Role;
  readonly verbs?: readonly string[] | undefined;
  readonly prefixes?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly expiresAt?: string | undefined;
}

/** The names that a key may access. */
export interface NameScope {
  /** An entry that ends in a slash is a folder; any other entry is an exact name. Undefined permits all names. */
  readonly prefixes?: readonly string[] | undefined;
  /** Whether "all names" includes the reserved names. */
  readonly reserved?: boolean | undefined;
}

/** The permissions in effect. All authorization decisions use these. */
export interface EffectivePermissions extends NameScope {
  readonly verbs: readonly Verb[];
  readonly expiresAt?: string | undefined;
}

/**
 * Computes the effective permissions: the verbs of the role, minus the key's restrictions. A key that is limited to
 * prefixes loses all org-wide verbs.
 */
export function effectivePermissions({ role, verbs, prefixes, expiresAt }: DeclaredPermissions): EffectivePermissions {
  const granted: readonly Verb[] = roles[role];
  const effectiveVerbs = granted.filter(
    (verb) => (verbs === undefined || verbs.includes(verb)) && (prefixes === undefined || !orgWideVerbs.includes(verb)),
  );
  return {
    verbs: effectiveVerbs,
    prefixes,
    reserved: prefixes === undefined && rolesWithReservedNames.includes(role),
    expiresAt,
  };
}

/**
 * Whether a name or name prefix is reserved. Reserved names hold the secrets that authenticate messages from providers;
 * anyone who has them can impersonate any sender. A key without prefixes therefore has no access to them unless its
 * role includes it.
 */
export const isReserved = (path: string): boolean => path.startsWith(channelSecretsPrefix);

/** Whether a name is omitted from the lists that a key may request. */
export const isHidden = (scope: NameScope, name: string): boolean => isReserved(name) && !allowsName(scope, name);

/** An upper bound for all reserved names in list order: no permitted character sorts after `z`. */
export const lastReservedName = channelSecretsPrefix.padEnd(limits.nameLength, 'z');

const isFolder = (entry: string): boolean => entry.endsWith('/');

/** Whether a key may access a name; false for a malformed name. */
export function allowsName({ prefixes, reserved }: NameScope, name: string): boolean {
  if (nameProblem(name) !== undefined) return false;
  if (prefixes === undefined) return reserved === true || !isReserved(name);
  return prefixes.some((entry) => (isFolder(entry) ? name.startsWith(entry) : name === entry));
}

/**
 * Whether a key may list the names with a prefix; `''` is the prefix of all names. A key without prefixes and without
 * access to reserved names may list any prefix that is not itself reserved. Reserved names are omitted from that list.
 */
export function allowsList({ prefixes, reserved }: NameScope, prefix: string): boolean {
  if (prefixes === undefined) return reserved === true || !isReserved(prefix);
  return prefixProblem(prefix) === undefined && prefixes.some((entry) => isFolder(entry) && prefix.startsWith(entry));
}

/** Whether the first scope is contained in the second. */
function isScopeWithin({ prefixes, reserved }: NameScope, outer: NameScope): boolean {
  if (prefixes === undefined) return outer.prefixes === undefined && (outer.reserved === true || reserved !== true);
  // A folder is either entirely reserved or contains no reserved name.
  return prefixes.every((entry) => (isFolder(entry) ? allowsList(outer, entry) : allowsName(outer, entry)));
}

/** Whether a key has verbs or names that another key lacks. Expiry is not compared. */
export function exceedsPermissions(key: EffectivePermissions, other: EffectivePermissions): boolean {
  return key.verbs.some((verb) => !other.verbs.includes(verb)) || !isScopeWithin(key, other);
}

/**
 * Whether a caller may see that a key or login with these permissions exists. A caller that is limited to prefixes must
 * not learn of other names.
 */
export const isVisibleTo = (permissions: DeclaredPermissions, caller: EffectivePermissions): boolean =>
  caller.prefixes === undefined || !exceedsPermissions(effectivePermissions(permissions), caller);

/** Sentences for people that describe which permissions of a key exceed another's; empty if none do. */
export function describeExcess(key: EffectivePermissions, other: EffectivePermissions): string[] {
  const found: string[] = [];
  const verbs = key.verbs.filter((verb) => !other.verbs.includes(verb));
  if (verbs.length > 0)
    found.push(`This key lacks ${verbs.length === 1 ? 'the verb' : 'the verbs'} ${verbs.join(', ')}.`);
  if (!isScopeWithin(key, other))
    found.push('The requested prefixes include names outside the names that this key is limited to.');
  if (expiresLater(key.expiresAt, other.expiresAt)) found.push('This key expires earlier.');
  return found;
}

/** Compares as instants, because texts with different fractions of a second do not sort as times. */
const expiresLater = (expiresAt: string | undefined, other: string | undefined): boolean =>
  other !== undefined && (expiresAt === undefined || Date.parse(expiresAt) > Date.parse(other));
