/** Records in any number, from sources of any length, in requests of up to a hundred. Loaded when first used. */

import type { Json, RecordInfo } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { itemError } from '../http/error-response.ts';
import { pause, retryDelay } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import { eventBytes, refused } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, errorOf } from '../shared/errors.ts';
import { isRecord } from '../shared/is-plain-object.ts';
import { listOf, type Reader } from '../shared/json-decoders.ts';
import { decodeRecordInfo, unknownAdding } from './memory-requests.ts';
import type { AddedMemory, AddManyOptions, AddManyResult, NewMemory } from './memory-types.ts';
import { checkData, checkRecordId, newRecordId } from './record-validation.ts';

/** A record to be added, or why it can't be; `place` says where it came from. */
export interface Entry<P> {
  readonly place: P;
  readonly record: { readonly id: string; readonly data: Json } | AnimaError;
}

/** The same when it is known what became of it. */
export interface Outcome<P> {
  readonly place: P;
  readonly result: RecordInfo | AnimaError;
}

/** Failures that a summary holds: a source without end must not fill memory with them. */
export const failuresKept = 100;
/** Entries that wait in order, those that are not to be sent included. */
const entriesHeld = 1000;

export async function addMany(
  transport: Transport,
  items: Iterable<NewMemory> | AsyncIterable<NewMemory>,
  { onResult, ...options }: AddManyOptions,
): Promise<AddManyResult> {
  const settings = { ...transport.settings(options), outcome: unknownAdding };
  const failures: AddManyResult['failures'] = [];
  let [added, failed] = [0, 0];
  for await (const { place, result } of addAll(transport, entriesOf(items), settings)) {
    const { index, id } = place;
    const told: AddedMemory =
      result instanceof AnimaError ? { index, ok: false, id, error: result } : { index, ok: true, record: result };
    if (told.ok) added++;
    else if (failed++ < failuresKept) failures.push(told);
    await onResult?.(told);
  }
  return { added, failed, failures };
}

async function* entriesOf(
  items: Iterable<NewMemory> | AsyncIterable<NewMemory>,
): AsyncGenerator<Entry<{ index: number; id: string | undefined }>> {
  let index = 0;
  for await (const item of items) {
    const given = isRecord(item) && typeof item.id === 'string' ? item.id : undefined;
    const record = attempt(() => {
      if (!isRecord(item)) throw refused('invalid_argument', 'an item must be an object with data');
      const id = item.id === undefined ? newRecordId() : checkRecordId(item.id);
      return { id, data: checkData(item.data) };
    });
    const id = record instanceof AnimaError ? given : record.id;
    yield { place: { index: index++, id }, record };
  }
}

function attempt<T>(make: () => T): T | AnimaError {
  try {
    return make();
  } catch (error) {
    if (error instanceof AnimaError) return error;
    throw error;
  }
}

/**
 * Adds what entries hold, and tells in their order what became of each. Of the source, no more is taken than one request carries.
 * @throws AnimaError when a request fails for good
 */
export async function* addAll<P>(
  transport: Transport,
  entries: AsyncIterable<Entry<P>>,
  settings: CallSettings,
): AsyncGenerator<Outcome<P>, void, undefined> {
  let held: Entry<P>[] = [];
  let ids = new Set<string>();
  let bytes = 0;
  for await (const entry of entries) {
    const { record } = entry;
    const size = record instanceof AnimaError ? 0 : eventBytes(record);
    // An id may stand in a request once; the second of two goes into the next.
    const repeated = !(record instanceof AnimaError) && ids.has(record.id);
    const full = ids.size === limits.batchItems || bytes + size > limits.requestBytes || held.length === entriesHeld;
    if (repeated || (full && held.length > 0)) {
      yield* send(transport, held, settings);
      [held, ids, bytes] = [[], new Set(), 0];
    }
    held.push(entry);
    bytes += size;
    if (!(record instanceof AnimaError)) ids.add(record.id);
  }
  yield* send(transport, held, settings);
}

async function* send<P>(
  transport: Transport,
  held: readonly Entry<P>[],
  settings: CallSettings,
): AsyncGenerator<Outcome<P>, void, undefined> {
  const results = new Map<string, RecordInfo | AnimaError>();
  let pending = held.flatMap(({ record }) => (record instanceof AnimaError ? [] : [record]));
  for (let retries = 0; pending.length > 0; retries++) {
    if (retries > 0) await pause(retryDelay(retries - 1), settings);
    const ids = pending.map(({ id }) => id);
    const call = { route: 'addMemories', body: { items: pending } } as const;
    const answers = await transport.request(call, settings, resultsOf(ids));
    for (const [i, answer] of answers.entries()) results.set(ids[i] ?? '', answer);
    if (retries >= settings.maxRetries) break;
    pending = pending.filter((_, i) => {
      const answer = answers[i];
      return answer instanceof AnimaError && answer.retryable;
    });
  }
  for (const { place, record } of held) {
    const result = record instanceof AnimaError ? record : results.get(record.id);
    yield {
      place,
      result: result ?? errorOf('unexpected_response', { detail: 'the reply has no result for this item' }),
    };
  }
}

/** Reads a result for each id, in the order sent. */
const resultsOf =
  (ids: readonly string[]): Reader<(RecordInfo | AnimaError)[]> =>
  (json) => {
    const results = isRecord(json) ? listOf(decodeResult)(json.results) : undefined;
    if (results?.length !== ids.length) return undefined;
    return results.every((result, i) => result instanceof AnimaError || result.id === ids[i]) ? results : undefined;
  };

const decodeResult: Reader<RecordInfo | AnimaError> = (json) => {
  if (!isRecord(json)) return undefined;
  return json.ok === true ? decodeRecordInfo(json.record) : itemError(json.error);
};
