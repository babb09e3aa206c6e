/** Adds any number of records from sources of any length, up to a hundred per request. Loaded on first use. */

import { memoryRoutes } from '../../../contract/memory/routes.ts';
import type { Json, RecordInfo } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { decodeItemError } from '../http/error-response.ts';
import { delay, retryDelay } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import { lambdaEventBytes, notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { type Decoder, decodeListOf } from '../shared/json-decoders.ts';
import { addOutcomeHint, decodeRecordInfo } from './memory-requests.ts';
import type { AddedMemory, AddManyOptions, AddManyResult, NewMemory } from './memory-types.ts';
import { checkRecordData, checkRecordId, newRecordId } from './record-validation.ts';

/** A record to add, or the reason why it cannot be added. `origin` identifies its source. */
export interface BulkEntry<P> {
  readonly origin: P;
  readonly record: { readonly id: string; readonly data: Json } | AnimaError;
}

/** An entry with its result. */
export interface BulkOutcome<P> {
  readonly origin: P;
  readonly result: RecordInfo | AnimaError;
}

/** Maximum failures kept in a summary, so that an endless source does not exhaust memory. */
export const maxFailuresKept = 100;
/** Maximum entries that wait for output in order, including entries that are not sent. */
const maxEntriesBuffered = 1000;

export async function addMany(
  transport: Transport,
  items: Iterable<NewMemory> | AsyncIterable<NewMemory>,
  { onResult, ...options }: AddManyOptions,
): Promise<AddManyResult> {
  const settings = { ...transport.callSettings(options, 'onResult'), outcomeHint: addOutcomeHint };
  const failures: AddManyResult['failures'] = [];
  let [added, failed] = [0, 0];
  for await (const { origin, result } of addEntries(transport, toEntries(items), settings)) {
    const { index, id } = origin;
    const told: AddedMemory =
      result instanceof AnimaError ? { index, ok: false, id, error: result } : { index, ok: true, record: result };
    if (told.ok) added++;
    else if (failed++ < maxFailuresKept) failures.push(told);
    await onResult?.(told);
  }
  return { added, failed, failures };
}

async function* toEntries(
  items: Iterable<NewMemory> | AsyncIterable<NewMemory>,
): AsyncGenerator<BulkEntry<{ index: number; id: string | undefined }>> {
  let index = 0;
  for await (const item of items) {
    const given = isPlainObject(item) && typeof item.id === 'string' ? item.id : undefined;
    const record = resultOrError(() => {
      if (!isPlainObject(item)) throw notSentError('invalid_argument', 'an item must be an object with data');
      checkOptions(item, ['data', 'id']);
      const id = item.id === undefined ? newRecordId() : checkRecordId(item.id);
      return { id, data: checkRecordData(item.data) };
    });
    const id = record instanceof AnimaError ? given : record.id;
    yield { origin: { index: index++, id }, record };
  }
}

function resultOrError<T>(make: () => T): T | AnimaError {
  try {
    return make();
  } catch (error) {
    if (error instanceof AnimaError) return error;
    throw error;
  }
}

/**
 * Adds the entries' records and yields the result of each, in order. Reads no more of the source than one request
 * carries.
 * @throws AnimaError if a request fails permanently
 */
export async function* addEntries<P>(
  transport: Transport,
  entries: AsyncIterable<BulkEntry<P>>,
  settings: CallSettings,
): AsyncGenerator<BulkOutcome<P>, void, undefined> {
  let held: BulkEntry<P>[] = [];
  let ids = new Set<string>();
  let bytes = 0;
  for await (const entry of entries) {
    const { record } = entry;
    const size = record instanceof AnimaError ? 0 : lambdaEventBytes(record);
    // A request can contain an id only once; a second record with the same id goes into the next request.
    const repeated = !(record instanceof AnimaError) && ids.has(record.id);
    const full =
      ids.size === limits.batchItems || bytes + size > limits.requestBytes || held.length === maxEntriesBuffered;
    if (repeated || (full && held.length > 0)) {
      yield* sendBatch(transport, held, settings);
      [held, ids, bytes] = [[], new Set(), 0];
    }
    held.push(entry);
    bytes += size;
    if (!(record instanceof AnimaError)) ids.add(record.id);
  }
  yield* sendBatch(transport, held, settings);
}

async function* sendBatch<P>(
  transport: Transport,
  held: readonly BulkEntry<P>[],
  settings: CallSettings,
): AsyncGenerator<BulkOutcome<P>, void, undefined> {
  const results = new Map<string, RecordInfo | AnimaError>();
  let pending = held.flatMap(({ record }) => (record instanceof AnimaError ? [] : [record]));
  for (let retries = 0; pending.length > 0; retries++) {
    if (retries > 0) await delay(retryDelay(retries - 1), settings);
    const ids = pending.map(({ id }) => id);
    const call = { route: memoryRoutes.addMemories, body: { items: pending } } as const;
    const answers = await transport.request(call, settings, decodeResultsFor(ids));
    for (const [i, answer] of answers.entries()) results.set(ids[i] ?? '', answer);
    if (retries >= settings.maxRetries) break;
    pending = pending.filter((_, i) => {
      const answer = answers[i];
      return answer instanceof AnimaError && answer.retryable;
    });
  }
  for (const { origin, record } of held) {
    const result = record instanceof AnimaError ? record : results.get(record.id);
    yield {
      origin,
      result: result ?? createError('unexpected_response', { detail: 'the reply has no result for this item' }),
    };
  }
}

/** Decodes one result per id, in the order sent. */
const decodeResultsFor =
  (ids: readonly string[]): Decoder<(RecordInfo | AnimaError)[]> =>
  (json) => {
    const results = isPlainObject(json) ? decodeListOf(decodeBulkResult)(json.results) : undefined;
    if (results?.length !== ids.length) return undefined;
    return results.every((result, i) => result instanceof AnimaError || result.id === ids[i]) ? results : undefined;
  };

const decodeBulkResult: Decoder<RecordInfo | AnimaError> = (json) => {
  if (!isPlainObject(json)) return undefined;
  return json.ok === true ? decodeRecordInfo(json.record) : decodeItemError(json.error);
};
