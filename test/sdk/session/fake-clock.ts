/** Clocks of tests: one that moves when somebody waits, and one that a test moves. */
import { setImmediate } from 'node:timers/promises';
import type { SessionClock } from '../../../sdk/src/session/session-clock.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';

export const begin = 1_796_000_000_000;

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

export class FakeClock implements SessionClock {
  time = begin;
  /** Runs during each wait. */
  onWait: () => Promise<void> = async () => undefined;
  readonly wakers = new Set<() => void>();
  waits: number[] = [];
  /** Whether only {@link advance} and {@link sleep} move the time. */
  isManual = false;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.time;
  }

  async wait(ms: number, { signal, outcomeHint }: Parameters<SessionClock['wait']>[1]): Promise<void> {
    const aborted = () => createError('aborted', { detail: outcomeHint });
    this.waits.push(ms);
    if (!this.isManual) await this.onWait();
    if (signal?.aborted) throw aborted();
    if (!this.isManual) {
      this.time += Math.ceil(ms);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = { at: this.time + Math.ceil(ms), fire: resolve };
      this.#timers.add(timer);
      signal?.addEventListener('abort', () => {
        this.#timers.delete(timer);
        reject(aborted());
      });
    });
  }

  onWake(wake: () => void): () => void {
    this.wakers.add(wake);
    return () => this.wakers.delete(wake);
  }

  /** The page becomes visible, or the network returns. */
  wake(): void {
    for (const wake of [...this.wakers]) wake();
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Resolves when this many loops wait and do nothing else. */
  async settle(loops: number): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet = this.#timers.size === loops ? quiet + 1 : 0) await setImmediate();
  }

  /** Lets time pass, timer by timer, while this many loops run. */
  async advance(ms: number, loops: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await this.settle(loops);
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.time = Math.max(this.time, next.at);
      this.#fire();
    }
    this.time = end;
  }

  /** The machine sleeps: no timer fires before it wakes. */
  async sleep(ms: number, loops: number): Promise<void> {
    await this.settle(loops);
    this.time += ms;
    this.#fire();
    await this.settle(loops);
  }

  #fire(): void {
    for (const timer of [...this.#timers]) {
      if (timer.at > this.time) continue;
      this.#timers.delete(timer);
      timer.fire();
    }
  }
}
