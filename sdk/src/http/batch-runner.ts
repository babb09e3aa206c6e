/**
 * Runs batches of any size: splits them into requests within the vault's limits, retries unfinished items, and
 * returns one result per item.
 */
import { limits } from '../../../contract/shared/limits.ts';
import { lambdaEventBytes } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { type Decoder, decodeListOf } from '../shared/json-decoders.ts';
import { decodeItemError } from './error-response.ts';
import { delay, retryDelay } from './retry.ts';

/** An item of a batch that failed, with its error. */
export interface FailedItem {
  readonly ok: false;
  readonly name: string;
  readonly error: AnimaError;
}

/** The result of one item of a batch. */
export type BatchItem<T> = ({ readonly ok: true } & T) | FailedItem;

/** The same, in the internal form. */
type ItemOutcome<T> = { readonly ok: true; readonly name: string; readonly value: T } | FailedItem;

/** One result per item of a batch, in request order: `for (const item of result) if (item.ok) …`. */
export class BatchResult<T> implements Iterable<BatchItem<T>> {
  readonly #outcomes: ReadonlyMap<string, ItemOutcome<T>>;

  constructor(outcomes: ReadonlyMap<string, ItemOutcome<T>>) {
    this.#outcomes = outcomes;
  }

  get size(): number {
    return this.#outcomes.size;
  }

  /** The items that failed; empty if all succeeded. */
  get failed(): FailedItem[] {
    return [...this.#outcomes.values()].filter((outcome) => !outcome.ok);
  }

  /** The result for one name. @throws AnimaError the item's error; invalid_argument if the name was not requested */
  get(name: string): T {
    const outcome = this.#outcomes.get(name);
    if (outcome === undefined) throw createError('invalid_argument', { detail: 'this name was not part of the batch' });
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  /** The results of all items. @throws AnimaError the error of the first failed item */
  orThrow(): T[] {
    return [...this.#outcomes.keys()].map((name) => this.get(name));
  }

  *[Symbol.iterator](): Generator<BatchItem<T>, void, undefined> {
    for (const outcome of this.#outcomes.values()) yield outcome.ok ? { ok: true, ...outcome.value } : outcome;
  }
}

/** Requests some items. The response may omit some of them. */
type RequestItems<I, T> = (items: readonly I[]) => Promise<ReadonlyMap<string, ItemOutcome<T>>>;

/** Names per request: with the API key and the keyring they make 100 keys, the limit of one DynamoDB batch read. */
const itemsPerRequest = limits.batchItems - 2;

/**
 * Runs a batch to completion. A request that fails permanently ends the batch. If no item has a result yet, or the
 * caller cancelled, the error is thrown. Otherwise every item without a result gets that error, so that completed
 * items are still reported.
 */
export async function runBatch<I extends { name: string }, T>(
  items: readonly I[],
  ask: RequestItems<I, T>,
  callSettings: CallSettings,
): Promise<BatchResult<T>> {
  const settled = new Map<string, ItemOutcome<T>>();
  try {
    for (const chunk of splitIntoRequests(items)) await requestUntilSettled(chunk, ask, callSettings, settled);
  } catch (error) {
    if (!(error instanceof AnimaError) || error.code === 'aborted' || settled.size === 0) throw error;
    for (const { name } of items) if (!settled.has(name)) settled.set(name, { ok: false, name, error });
  }
  return new BatchResult(new Map(items.map(({ name }) => [name, settled.get(name) ?? missingResult(name)])));
}

/** Sends requests until each item of a chunk has its final result in `settled`. */
async function requestUntilSettled<I extends { name: string }, T>(
  chunk: readonly I[],
  ask: RequestItems<I, T>,
  callSettings: CallSettings,
  settled: Map<string, ItemOutcome<T>>,
): Promise<void> {
  let pending = chunk;
  let retries = 0;
  while (pending.length > 0) {
    const answers = await ask(pending);
    const retryable: I[] = [];
    let onlyFull = true;
    for (const item of pending) {
      const answer = answers.get(item.name) ?? missingResult<T>(item.name);
      settled.set(item.name, answer);
      if (answer.ok || !answer.error.retryable) continue;
      retryable.push(item);
      onlyFull &&= answer.error.code === 'reply_full';
    }
    // A full reply with some results is not a failure: the rest is requested immediately. The loop ends because the
    // rest shrinks.
    const progress = onlyFull && retryable.length < pending.length;
    if (retryable.length > 0 && !progress) {
      if (retries >= callSettings.maxRetries) return;
      await delay(retryDelay(retries++), callSettings);
    }
    pending = retryable;
  }
}

/** Splits items into chunks that fit in one request, by count and by bytes. */
export function* splitIntoRequests<I>(items: readonly I[]): Generator<I[]> {
  let chunk: I[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = lambdaEventBytes(item);
    if (chunk.length > 0 && (chunk.length === itemsPerRequest || bytes + size > limits.requestBytes)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(item);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

/** Decodes `{results: [{name, ok, value} | {name, ok, error}]}`. */
export function decodeResults<T extends { name: string }>(decodeOne: Decoder<T>): Decoder<Map<string, ItemOutcome<T>>> {
  return (json) => {
    const items = isPlainObject(json)
      ? decodeListOf((item) => decodeItemOutcome(item, decodeOne))(json.results)
      : undefined;
    return items && new Map(items.map((item) => [item.name, item]));
  };
}

function decodeItemOutcome<T extends { name: string }>(
  item: unknown,
  decodeOne: Decoder<T>,
): ItemOutcome<T> | undefined {
  if (!isPlainObject(item) || typeof item.name !== 'string') return undefined;
  const { name } = item;
  if (item.ok !== true) {
    const error = decodeItemError(item.error);
    return error && { ok: false, name, error };
  }
  const value = decodeOne(item.value);
  return value?.name === name ? { ok: true, name, value } : undefined;
}

function missingResult<T>(name: string): ItemOutcome<T> {
  return {
    ok: false,
    name,
    error: createError('unexpected_response', { detail: 'the reply has no result for this item' }),
  };
}
