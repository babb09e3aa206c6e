/** Ids of devices, agents, fleets, links, conversations and persons, as arguments. */
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';

const shortest = 4;

export const isPersonId = (text: string): boolean => /^[0-9a-z]{16}$/.test(text);

/** @throws CommandError usage */
export function checkPerson(person: string): string {
  if (isPersonId(person)) return person;
  throw usageError(
    'The id of a person has 16 characters of 0-9 a-z; nothing was done',
    '`anima directory status` shows the persons. Without an id, `anima invite create` makes a new one.',
  );
}

/**
 * The id that an argument names: the whole one, or its first characters if no other id begins with them.
 * @throws CommandError notFound; usage if several begin with it
 */
export function findId(what: string, wanted: string, ids: readonly string[], list: string): string {
  const text = wanted.toLowerCase();
  if (ids.includes(text)) return text;
  const isForm = /^[0-9a-f]{1,32}$/.test(text);
  const found = isForm && text.length >= shortest ? ids.filter((id) => id.startsWith(text)) : [];
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  const problem = more.length > 0 ? `Several ${what}s begin with that` : `There is no such ${what}`;
  throw new CommandError(`${problem}; nothing was done`, {
    exit: more.length > 0 ? exitCodes.usage : exitCodes.notFound,
    next: `An id has 32 characters of 0-9 a-f; its first ${shortest} or more are enough if they are unique. ${list}`,
  });
}

/** The first characters of an id, for people. */
export const shortId = (id: string): string => id.slice(0, 8);
