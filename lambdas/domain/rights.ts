/**
 * What a key may do, and whether one key is stronger than another. Names are compared as whole segments: the folder
 * `prod/` holds `prod/x` and not `production`. No character of a name changes by encoding (contract/names.ts), so
 * a comparison of texts is a comparison of names; a text that is no name lies in no folder.
 */
import { nameProblem, prefixProblem } from '../../contract/names.ts';
import { type Role, roles, wholeOrgVerbs } from '../../contract/roles.ts';
import type { Verb } from '../../contract/routes.ts';

/** What was said of a key when it was made. */
export interface Rights {
  readonly role: Role;
  readonly verbs?: readonly Verb[] | undefined;
  readonly prefixes?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly expiresAt?: string | undefined;
}

/** What comes of it; nothing else is ever asked. */
export interface EffectiveRights {
  readonly verbs: readonly Verb[];
  readonly prefixes?: readonly string[] | undefined;
  readonly expiresAt?: string | undefined;
}

/** The verbs of the role, less what the key was narrowed by. */
export function effective({ role, verbs, prefixes, expiresAt }: Rights): EffectiveRights {
  const granted: readonly Verb[] = roles[role];
  const left = granted.filter(
    (verb) =>
      (verbs === undefined || verbs.includes(verb)) && (prefixes === undefined || !wholeOrgVerbs.includes(verb)),
  );
  return { verbs: left, prefixes, expiresAt };
}

const isFolder = (entry: string): boolean => entry.endsWith('/');

/** Whether a name is one that these prefixes allow; a text that is no name never is. */
export function coversName(prefixes: readonly string[] | undefined, name: string): boolean {
  if (nameProblem(name) !== undefined) return false;
  return (
    prefixes === undefined || prefixes.some((entry) => (isFolder(entry) ? name.startsWith(entry) : name === entry))
  );
}

/** Whether every name that begins with `begin` is allowed; `''` begins all names. */
export function coversList(prefixes: readonly string[] | undefined, begin: string): boolean {
  if (prefixes === undefined) return true;
  return prefixProblem(begin) === undefined && prefixes.some((entry) => isFolder(entry) && begin.startsWith(entry));
}

/** Whether these prefixes allow no name beyond those of the others. */
function narrower(prefixes: readonly string[] | undefined, than: readonly string[] | undefined): boolean {
  if (than === undefined) return true;
  if (prefixes === undefined) return false;
  return prefixes.every((entry) => (isFolder(entry) ? coversList(than, entry) : coversName(than, entry)));
}

/** Whether a key may reach what another may not: by verbs or by names. Its expiry is left aside. */
export function reachesBeyond(key: EffectiveRights, other: EffectiveRights): boolean {
  return key.verbs.some((verb) => !other.verbs.includes(verb)) || !narrower(key.prefixes, other.prefixes);
}

/** In what a key would be stronger than another, as sentences for people; empty when in nothing. */
export function excess(key: EffectiveRights, other: EffectiveRights): string[] {
  const found: string[] = [];
  const verbs = key.verbs.filter((verb) => !other.verbs.includes(verb));
  if (verbs.length > 0)
    found.push(`This key lacks ${verbs.length === 1 ? 'the verb' : 'the verbs'} ${verbs.join(', ')}.`);
  if (!narrower(key.prefixes, other.prefixes)) found.push('This key is limited to names that the prefixes go beyond.');
  if (outlives(key.expiresAt, other.expiresAt)) found.push('This key expires earlier.');
  return found;
}

/** Compared as instants: years beyond 9999 do not sort as text. */
const outlives = (expiresAt: string | undefined, other: string | undefined): boolean =>
  other !== undefined && (expiresAt === undefined || Date.parse(expiresAt) > Date.parse(other));
