/** Assigns the environments of the shared pool to the events of one function. */

import type { EnvironmentPool, Pooled } from './environment-pool.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

/**
 * If the pool is full, an event waits this long for a busy environment of its function before a new one is started. A
 * start takes many times as long as an event. The wait is limited, because the busy environment might itself wait for
 * this event.
 */
const maxWaitMs = 250;

interface Waiting<One> {
  readonly resolve: (environment: One) => void;
  readonly timer: NodeJS.Timeout;
}

export class EnvironmentShare<One extends Pooled = ExecutionEnvironment> {
  readonly #pool: EnvironmentPool<One>;
  readonly #concurrency: number;
  readonly #make: () => One;
  #waiting: readonly Waiting<One>[] = [];
  #busy = 0;
  #closed = false;

  /** @param concurrency maximum number of busy environments */
  constructor(pool: EnvironmentPool<One>, concurrency: number, make: () => One) {
    this.#pool = pool;
    this.#concurrency = concurrency;
    this.#make = make;
  }

  /** Returns an environment for one event. The caller returns it with `release`. */
  acquire(): Promise<One> {
    const idle = this.#busy < this.#concurrency ? this.#pool.take(this) : undefined;
    const starts = this.#busy === 0 || (this.#busy < this.#concurrency && !this.#pool.full);
    if (idle === undefined && !starts) return this.#wait();
    this.#busy += 1;
    return Promise.resolve(idle ?? this.#start());
  }

  release(environment: One): void {
    const [next, ...rest] = this.#closed ? [] : this.#waiting;
    if (next === undefined) {
      this.#busy -= 1;
      if (environment.usable) this.#pool.release(this, environment);
      return;
    }
    this.#waiting = rest;
    clearTimeout(next.timer);
    next.resolve(environment.usable ? environment : this.#start());
  }

  /** Waiting calls of `acquire` never resolve after this. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#waiting) clearTimeout(timer);
  }

  #start(): One {
    return this.#pool.start(this.#make);
  }

  #wait(): Promise<One> {
    const { promise, resolve } = Promise.withResolvers<One>();
    const timer = setTimeout(() => {
      if (this.#busy >= this.#concurrency) return;
      this.#waiting = this.#waiting.filter((one) => one !== waiting);
      this.#busy += 1;
      resolve(this.#start());
    }, maxWaitMs);
    const waiting: Waiting<One> = { resolve, timer };
    this.#waiting = [...this.#waiting, waiting];
    return promise;
  }
}
