/**
 * What a key may do, and whether one key is stronger than another. Names are compared as whole segments: the folder
 * `prod/` holds `prod/x` and not `production`. No character of a name changes by encoding (contract/shared/name-patterns.ts), so
 * a comparison of texts is a comparison of names; a text that is no name lies in no folder.
 */

import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { nameProblem, prefixProblem } from '../../contract/shared/name-patterns.ts';
import { orgWideVerbs, type Role, roles, rolesWithReservedNames } from '../../contract/shared/roles.ts';
import type { Verb } from '../../contract/shared/verbs.ts';

/** What was said of a key when it was made. */
export interface DeclaredPermissions {
  readonly role: Role;
  readonly verbs?: readonly Verb[] | undefined;
  readonly prefixes?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly expiresAt?: string | undefined;
}

/** The names that a key may touch. */
export interface NameScope {
  /** Folders end in a slash, other entries are exactly that name; all names when undefined. */
  readonly prefixes?: readonly string[] | undefined;
  /** Whether "all names" has the reserved ones among them. */
  readonly reserved?: boolean | undefined;
}

/** What comes of it; nothing else is ever asked. */
export interface EffectivePermissions extends NameScope {
  readonly verbs: readonly Verb[];
  readonly expiresAt?: string | undefined;
}

/** The verbs of the role, less what the key was narrowed by. */
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
 * Whether a name, or a beginning of names, is reserved. The secrets under it are those by which the vault believes the providers of messages:
 * whoever has them can pass for any sender. So no key reaches them by having been given no prefixes, unless its role is meant to.
 */
export const isReserved = (path: string): boolean => path.startsWith(channelSecretsPrefix);

/** Whether a name is left out of lists that a key may ask for. */
export const isHidden = (scope: NameScope, name: string): boolean => isReserved(name) && !allowsName(scope, name);

/** The last of all reserved names in the order of lists: no character of a name comes after z. */
export const lastReservedName = channelSecretsPrefix.padEnd(limits.nameLength, 'z');

const isFolder = (entry: string): boolean => entry.endsWith('/');

/** Whether a name is within reach; a text that is no name never is. */
export function allowsName({ prefixes, reserved }: NameScope, name: string): boolean {
  if (nameProblem(name) !== undefined) return false;
  if (prefixes === undefined) return reserved === true || !isReserved(name);
  return prefixes.some((entry) => (isFolder(entry) ? name.startsWith(entry) : name === entry));
}

/**
 * Whether the names that begin with `begin` are within reach, which may be said of those that are not reserved; `''` begins all names. To a key
 * without prefixes and without the reserved names a list of more than these is a list of the others.
 */
export function allowsList({ prefixes, reserved }: NameScope, prefix: string): boolean {
  if (prefixes === undefined) return reserved === true || !isReserved(prefix);
  return prefixProblem(prefix) === undefined && prefixes.some((entry) => isFolder(entry) && prefix.startsWith(entry));
}

/** Whether all names within the one reach are within the other. */
function isScopeWithin({ prefixes, reserved }: NameScope, outer: NameScope): boolean {
  if (prefixes === undefined) return outer.prefixes === undefined && (outer.reserved === true || reserved !== true);
  // A folder lies under the reserved prefix as a whole, or has no reserved name.
  return prefixes.every((entry) => (isFolder(entry) ? allowsList(outer, entry) : allowsName(outer, entry)));
}

/** Whether a key may reach what another may not: by verbs or by names. Its expiry is left aside. */
export function exceedsPermissions(key: EffectivePermissions, other: EffectivePermissions): boolean {
  return key.verbs.some((verb) => !other.verbs.includes(verb)) || !isScopeWithin(key, other);
}

/** In what a key would be stronger than another, as sentences for people; empty when in nothing. */
export function describeExcess(key: EffectivePermissions, other: EffectivePermissions): string[] {
  const found: string[] = [];
  const verbs = key.verbs.filter((verb) => !other.verbs.includes(verb));
  if (verbs.length > 0)
    found.push(`This key lacks ${verbs.length === 1 ? 'the verb' : 'the verbs'} ${verbs.join(', ')}.`);
  if (!isScopeWithin(key, other)) found.push('This key is limited to names that the prefixes go beyond.');
  if (expiresLater(key.expiresAt, other.expiresAt)) found.push('This key expires earlier.');
  return found;
}

/** Compared as instants: years beyond 9999 do not sort as text. */
const expiresLater = (expiresAt: string | undefined, other: string | undefined): boolean =>
  other !== undefined && (expiresAt === undefined || Date.parse(expiresAt) > Date.parse(other));
