import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether a promise settles before a timer of this process. Unlike a measured time, this does not depend on the load of
 * the machine: whatever delays this process delays the timer too.
 */
export async function settlesBefore(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const ended = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const late = sleep(ms, false, { signal: ended.signal }).catch(() => false);
  try {
    return await Promise.race([settled, late]);
  } finally {
    ended.abort();
  }
}
