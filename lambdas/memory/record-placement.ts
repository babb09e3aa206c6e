/** Where a record belongs and by what it is found: namespace, key, blind index, expiry. */

import type { MemoryPlacement, SearchMemoryRequest } from '../../contract/memory/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { foldedWords } from '../../core/encoding/folded-words.ts';
import { toTtlSeconds } from '../../core/encoding/ttl-seconds.ts';
import { keyedRecordId, memberTag, namespaceTag, type TagScalar } from '../../core/users/memory-tags.ts';
import type { Umk } from '../../core/users/user-root-key.ts';
import type { MemoryContent } from '../users/user-record-encryption.ts';
import { containsText, foldCase, stringsIn } from './memory-json.ts';

/** The parts of a request that are stored with the data. Times are written in UTC. */
export const placementOf = ({ namespace, key, index, expiresAt }: MemoryPlacement): MemoryPlacement => ({
  ...(namespace === undefined ? {} : { namespace }),
  ...(key === undefined ? {} : { key }),
  ...(index === undefined ? {} : { index }),
  ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
});

/**
 * The id that a request names; undefined if it names none.
 * @throws VaultError `invalid_request` for an id and a key
 */
export function requestedId(
  umk: Umk,
  { id, key, namespace = [] }: { readonly id?: string | undefined } & MemoryPlacement,
): string | undefined {
  if (key === undefined) return id;
  if (id !== undefined) throw invalidField('key', 'must not be combined with id');
  return keyedRecordId(umk, namespace, key);
}

/** The attributes of an item that are not encrypted. @throws VaultError `invalid_request` for too many values */
export function indexAttributes(umk: Umk, content: MemoryContent): { tags?: string[]; ttl?: number } {
  const { data, namespace = [], index = [], expiresAt } = content;
  const tags = new Set(namespace.map((_, at) => namespaceTag(umk, namespace.slice(0, at + 1))));
  const places = tags.size;
  for (const path of index) for (const value of scalarsAt(data, path)) tags.add(memberTag(umk, path, value));
  if (tags.size - places > limits.indexValues)
    throw invalidField('index', `selects more than ${limits.indexValues} values`);
  return {
    ...(tags.size === 0 ? {} : { tags: [...tags] }),
    ...(expiresAt === undefined ? {} : { ttl: toTtlSeconds(expiresAt) }),
  };
}

/** The tags that a found record must have. */
export const requiredTags = (umk: Umk, { namespace, filter = {} }: SearchMemoryRequest): string[] => [
  ...(namespace === undefined ? [] : [namespaceTag(umk, namespace)]),
  ...Object.entries(filter).map(([path, value]) => memberTag(umk, path, value)),
];

/**
 * Whether an opened record meets the conditions of a search. Tags are not authenticated, so the content decides.
 * @throws VaultError `invalid_request` if there is no word
 */
export function matcherOf({
  text,
  words,
  namespace,
  key,
  filter,
  near,
}: SearchMemoryRequest): (of: MemoryContent) => boolean {
  if (key !== undefined && near !== undefined) throw invalidField('near', 'must not be combined with key');
  const folded = text === undefined ? undefined : foldCase(text);
  const wanted = words === undefined ? [] : foldedWords(words);
  if (words !== undefined && wanted.length === 0) throw invalidField('words', 'has no word');
  return ({ data, ...place }) =>
    (key === undefined || (place.key === key && (place.namespace?.length ?? 0) === (namespace?.length ?? 0))) &&
    (namespace ?? []).every((part, at) => place.namespace?.[at] === part) &&
    Object.entries(filter ?? {}).every(
      ([path, value]) => place.index?.includes(path) === true && scalarsAt(data, path).includes(value),
    ) &&
    (folded === undefined || containsText(data, folded)) &&
    hasWords(data, wanted);
}

function hasWords(data: unknown, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const missing = new Set(wanted);
  for (const text of stringsIn(data)) {
    for (const word of foldedWords(text)) missing.delete(word);
    if (missing.size === 0) return true;
  }
  return false;
}

/** The scalars at a path of member names with dots. Of an array, its elements. */
function scalarsAt(data: unknown, path: string): TagScalar[] {
  let at: unknown = data;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, name)) return [];
    at = Reflect.get(at, name);
  }
  return (Array.isArray(at) ? at : [at]).filter(isScalar);
}

const isScalar = (value: unknown): value is TagScalar => value === null || typeof value !== 'object';

const invalidField = (path: string, message: string) =>
  new VaultError('invalid_request', { errors: [{ path, message }] });
