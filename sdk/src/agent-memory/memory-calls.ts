/** Shared by the adapters of `client.memory` for other frameworks. */

import { limits } from '../../../contract/shared/limits.ts';
import { toBase64Url, utf8Bytes } from '../../../core/encoding/bytes.ts';
import type { Memory } from '../memory/memory-client.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';

/** The calls of `client.memory` that the adapters use. */
export type MemoryCalls = Pick<Memory, 'upsert' | 'find' | 'get' | 'delete'>;

/** Concurrent requests of one call of an adapter. */
const maxConcurrentRequests = 8;

/** Runs work for all items, a few at a time. The results are in the order of the items. */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const runOne = async () => {
    for (const [at, item] of left) results[at] = await work(item, at);
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrentRequests, items.length) }, runOne));
  return results;
}

/** Deletes the records of a namespace and of those below it, damaged ones too. */
export async function deleteAll(memory: MemoryCalls, namespace: readonly string[]): Promise<void> {
  const damaged: string[] = [];
  const found = memory.find({ namespace, onDamaged: (id) => damaged.push(id) });
  for await (const { records } of found.pages())
    await mapConcurrent(records, async ({ id }) => await memory.delete(id));
  await mapConcurrent(damaged, async (id) => await memory.delete(id));
}

/** Whether a write failed because the record has another version. */
export const isVersionConflict = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === 'version_conflict';

/**
 * The namespace in which an adapter stores its records.
 * @param levels number of levels that the adapter adds
 * @throws AnimaError invalid_argument
 */
export function checkRoot(namespace: unknown, levels: number): readonly string[] {
  const most = limits.namespaceParts - levels;
  if (Array.isArray(namespace) && namespace.length > 0 && namespace.length <= most && namespace.every(isPart))
    return [...namespace];
  throw notSentError(
    'invalid_argument',
    `namespace must be a list of 1 to ${most} texts of 1 to ${limits.namespacePartLength} characters`,
  );
}

export const isPart = (part: unknown): part is string =>
  typeof part === 'string' && part !== '' && part.length <= limits.namespacePartLength && part.isWellFormed();

/** Longest text that becomes a part of a namespace without being hashed, characters. */
const plainPartLength = 100;

/**
 * A text of any length as a part of a namespace or as a key. A long text is hashed; the first character tells which,
 * so that no two texts share a part.
 */
export async function toPart(text: string): Promise<string> {
  if (text.length <= plainPartLength && text.isWellFormed()) return `=${text}`;
  // JSON keeps lone surrogates apart, which UTF-8 would replace.
  const digest = await crypto.subtle.digest('SHA-256', utf8Bytes(JSON.stringify(text)));
  return `#${toBase64Url(new Uint8Array(digest))}`;
}

/** The data of a record that an adapter stored. Undefined for anything else, such as a record of another program. */
export const objectOf = (data: unknown): Record<string, unknown> | undefined =>
  isPlainObject(data) ? data : undefined;
