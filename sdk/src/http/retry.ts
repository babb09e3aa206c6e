import type { CallSettings, Signal } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';

/** First and largest upper bound of a backoff, milliseconds. */
const firstBackoffMs = 250;
const maxBackoffMs = 8_000;

/**
 * Longest `Retry-After` that is honored, seconds. If the vault asks for more, the call is not retried; the caller
 * decides.
 */
const maxRetryAfterSeconds = 60;

/**
 * Runs `attempt` until it succeeds, fails permanently, or `maxRetries` retries are used up. Then rejects with the
 * last error. Every call of this client is safe to repeat: reads and deletes are idempotent, and writes carry a write
 * id. Callers state exceptions explicitly.
 * @param shouldRetry whether to retry after this error. Default: if the error is retryable
 */
export async function withRetries<T>(
  settings: CallSettings,
  attempt: () => Promise<T>,
  shouldRetry: (error: AnimaError) => boolean | Promise<boolean> = ({ retryable }) => retryable,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (retries >= settings.maxRetries || !(error instanceof AnimaError)) throw error;
      if ((error.retryAfter ?? 0) > maxRetryAfterSeconds || !(await shouldRetry(error))) throw error;
      await delay(retryDelay(retries, error.retryAfter), settings);
    }
  }
}

/**
 * Milliseconds until the next attempt: exponential backoff with full jitter, added to the vault's `Retry-After`, so
 * that clients with the same `Retry-After` do not retry at the same instant.
 */
export function retryDelay(retries: number, retryAfter = 0): number {
  const bound = Math.min(maxBackoffMs, firstBackoffMs * 2 ** retries);
  return retryAfter * 1000 + Math.random() * bound;
}

/**
 * Parses a `Retry-After` header to seconds: delay-seconds or an HTTP-date (RFC 9110 section 10.2.3). Undefined if it
 * is absent or invalid. A date in the past is 0.
 */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  // Date.parse alone accepts far more than HTTP dates, including "-5".
  const date = /^[A-Z][a-z]{2}.*\d\d:\d\d:\d\d/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

/** The settings that a wait needs. */
export type AbortSettings = Pick<CallSettings, 'signal' | 'outcomeHint'>;

/** Resolves after `ms` milliseconds; rejects with `aborted` as soon as the signal fires. */
export function delay(ms: number, { signal, outcomeHint }: AbortSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(outcomeHint));
    const stop = () => {
      clearTimeout(timer);
      reject(abortedError(outcomeHint));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Resolves to the result of `work`. Rejects with `aborted` as soon as the signal fires, and then ignores the work. */
export function withAbort<T>({ signal, outcomeHint }: AbortSettings, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(abortedError(outcomeHint));
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', stop));
  });
}

/**
 * Runs one attempt with a deadline and the caller's signal. The attempt receives a signal that tells it to stop. If
 * it does not stop, it is ignored, so that a custom `fetch` cannot delay a call beyond its time-out.
 */
export function withTimeout<T>(settings: CallSettings, attempt: (signal: Signal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const { signal, timeout, outcomeHint } = settings;
    if (signal?.aborted) return reject(abortedError(outcomeHint));
    const controller = new AbortController();
    const stop = (error: AnimaError) => {
      // Rejected first: the abort also makes the attempt fail, and that failure must not take precedence.
      reject(error);
      finish();
      controller.abort();
    };
    const onAbort = () => stop(abortedError(outcomeHint));
    const onTimeout = () =>
      stop(createError('timeout', { detail: `no complete response within ${timeout} ms. ${outcomeHint}` }));
    const timer = setTimeout(onTimeout, timeout);
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    attempt(controller.signal).then(resolve, reject).finally(finish);
  });
}

function abortedError(outcome: string): AnimaError {
  return createError('aborted', { detail: `the signal fired. ${outcome}` });
}
