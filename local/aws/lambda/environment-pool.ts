/**
 * The execution environments of all functions. Each is a worker thread with a heap of its own: so only so many are kept warm, those
 * that were used last, and none that was not used for a while.
 */
import type { ExecutionEnvironment } from './execution-environment.ts';

/** What a pool has to know of an environment. */
export interface Pooled {
  /** False once it can't take another event. */
  readonly usable: boolean;
  /** Resolves once its thread is no more. */
  readonly ended: Promise<void>;
  terminate(): Promise<void>;
}

export interface PoolOptions {
  /**
   * Environments that there may be before an idle one of any function is ended for a new one. Busy ones are never ended, and a new
   * one is always started: functions call each other, and a function that waited for the end of its caller would wait for ever.
   */
  readonly most: number;
  /** How long an environment is kept that nobody uses, milliseconds. */
  readonly idleMs: number;
}

export const usualPool: PoolOptions = { most: 12, idleMs: 60_000 };

interface Idle<One> {
  readonly environment: One;
  readonly owner: object;
  readonly since: number;
}

export class EnvironmentPool<One extends Pooled = ExecutionEnvironment> {
  readonly #options: PoolOptions;
  /** With those that are about to end. */
  readonly #all = new Set<One>();
  /** Oldest first. */
  #idle: readonly Idle<One>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions = usualPool) {
    this.#options = options;
  }

  /** Whether a new environment would end another. */
  get full(): boolean {
    return this.#size >= this.#options.most;
  }

  /** The environment that its owner gave back last, if it is still there. */
  take(owner: object): One | undefined {
    const found = this.#idle.findLast((one) => one.owner === owner && one.environment.usable);
    if (found !== undefined) this.#idle = this.#idle.filter((one) => one !== found);
    return found?.environment;
  }

  /** Starts an environment, and ends the one that was idle for longest when there are too many. */
  start(make: () => One): One {
    this.#shrink(this.#options.most - 1);
    const environment = make();
    this.#all.add(environment);
    void environment.ended.then(() => this.#all.delete(environment));
    return environment;
  }

  /** Takes an environment back that can be used again. */
  release(owner: object, environment: One): void {
    this.#idle = [...this.#idle, { environment, owner, since: Date.now() }];
    // More than are to be kept can be busy at once.
    this.#shrink(this.#options.most);
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#all].map((environment) => environment.terminate()));
  }

  get #size(): number {
    return [...this.#all].filter(({ usable }) => usable).length;
  }

  #shrink(most: number): void {
    this.#end(this.#idle.slice(0, Math.max(0, this.#size - most)));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const [oldest] = this.#idle;
    if (oldest === undefined || this.#closed) return;
    const wait = oldest.since + this.#options.idleMs - Date.now();
    this.#timer = setTimeout(() => this.#sweep(), Math.max(0, wait)).unref();
  }

  #sweep(): void {
    const before = Date.now() - this.#options.idleMs;
    this.#end(this.#idle.filter(({ since }) => since <= before));
    this.#schedule();
  }

  #end(those: readonly Idle<One>[]): void {
    this.#idle = this.#idle.filter((one) => !those.includes(one));
    for (const { environment } of those) void environment.terminate();
  }
}
