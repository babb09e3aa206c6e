/** Sleeping until something happens, and noticing that the device slept meanwhile. */
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionClock } from '../session-clock.ts';

/** Without a sleep of the device, the longest time between two looks at the clock. */
export const lookMs = 15_000;
/** A timer that is late by more than this was stopped by a sleep (docs/session-service.md, section 8). */
export const sleepMs = 120_000;

/** Ends the nap of one loop. A ring that nobody waits for ends the next nap at once. */
export class Bell {
  #isRung = false;
  #listener: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#listener?.();
  }

  /** Whether it rang since the last call. */
  take(): boolean {
    const isRung = this.#isRung;
    this.#isRung = false;
    return isRung;
  }

  /** @param listener in place of the one before; undefined for none */
  listen(listener?: () => void): void {
    this.#listener = listener;
  }
}

/**
 * Waits, but not after the bell rang.
 * @returns whether the device probably slept, or the network returned
 * @throws AnimaError aborted
 */
export async function nap(
  clock: SessionClock,
  bell: Bell,
  ms: number,
  { signal, outcomeHint }: Pick<CallSettings, 'signal' | 'outcomeHint'>,
): Promise<boolean> {
  const before = clock.now();
  const controller = new AbortController();
  const stop = () => controller.abort();
  let isAwake = false;
  const end = clock.onWake?.(() => {
    isAwake = true;
    stop();
  });
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true || bell.take()) stop();
  else bell.listen(stop);
  try {
    await clock.wait(ms, { signal: controller.signal, outcomeHint });
  } catch (error) {
    if (signal?.aborted === true || !controller.signal.aborted) throw error;
  } finally {
    bell.listen();
    bell.take();
    end?.();
    signal?.removeEventListener('abort', stop);
  }
  return isAwake || clock.now() - before > ms + sleepMs;
}
