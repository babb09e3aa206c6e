import type { CallSettings, Signal } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';

/** First and longest upper bound of a backoff, milliseconds. */
const firstBackoffMs = 250;
const maxBackoffMs = 8_000;

/** The longest `Retry-After` that is waited for, seconds. A vault that asks for more gets no retry: the caller decides. */
const maxRetryAfterSeconds = 60;

/**
 * Runs `attempt` until it succeeds, fails for good, or `maxRetries` retries are used up; then rejects with the last
 * error. Every call of this client may be repeated: reads and deletes by nature, writes by their write id; where one may not, the caller
 * says so.
 * @param shouldRetry whether an attempt that failed so may be made again; unless told, when the same may succeed later
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
 * Milliseconds until the next attempt: exponential backoff with full jitter, on top of what the vault asks for, so
 * that clients told the same `Retry-After` do not come back at the same instant.
 */
export function retryDelay(retries: number, retryAfter = 0): number {
  const bound = Math.min(maxBackoffMs, firstBackoffMs * 2 ** retries);
  return retryAfter * 1000 + Math.random() * bound;
}

/**
 * Seconds that a `Retry-After` header asks for: delay-seconds or an HTTP-date (RFC 9110 section 10.2.3); undefined
 * when absent or neither. A date in the past is 0.
 */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  // Date.parse alone takes far more than dates of HTTP, "-5" among them.
  const date = /^[A-Z][a-z]{2}.*\d\d:\d\d:\d\d/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

/** What a wait needs of the settings. */
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

/** What `work` resolves to; rejects with `aborted` as soon as the signal fires, and leaves the work behind. */
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
 * Runs one attempt under a deadline and the caller's signal. The attempt is told to stop by the signal it gets, and
 * is left behind if it does not listen, so that a custom `fetch` can't hold a call beyond its time.
 */
export function withTimeout<T>(settings: CallSettings, attempt: (signal: Signal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const { signal, timeout, outcomeHint } = settings;
    if (signal?.aborted) return reject(abortedError(outcomeHint));
    const controller = new AbortController();
    const stop = (error: AnimaError) => {
      // Rejected first: the abort makes the attempt fail too, and that failure must not win.
      reject(error);
      finish();
      controller.abort();
    };
    const onAbort = () => stop(abortedError(outcomeHint));
    const onTimeout = () =>
      stop(createError('timeout', { detail: `no whole answer within ${timeout} ms. ${outcomeHint}` }));
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
