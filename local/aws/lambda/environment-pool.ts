/**
 * The execution environments of all functions. Each is a worker thread or a process with its own heap. To limit memory,
 * the pool keeps a limited number of the most recently used environments warm, and ends idle environments after a
 * timeout.
 */
import type { Isolation } from './environment-runner.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

/** The part of an execution environment that the pool uses. */
export interface Pooled {
  /** False if the environment cannot handle another event. */
  readonly usable: boolean;
  /** Resolves when the thread or the process has ended. */
  readonly ended: Promise<void>;
  terminate(): Promise<void>;
}

export interface PoolOptions {
  /**
   * If this many environments exist, each start of a new one ends an idle one. Busy environments are never ended, and a
   * new environment is always started. Functions call each other, so waiting for a free environment could cause a
   * deadlock.
   */
  readonly maxEnvironments: number;
  /** How long an idle environment is kept, in milliseconds. */
  readonly idleMs: number;
  readonly isolation: Isolation;
}

export const defaultPoolOptions: PoolOptions = { maxEnvironments: 12, idleMs: 60_000, isolation: 'thread' };

interface Idle<One> {
  readonly environment: One;
  readonly owner: object;
  readonly since: number;
}

export class EnvironmentPool<One extends Pooled = ExecutionEnvironment> {
  readonly #options: PoolOptions;
  /** Includes environments that are terminating. */
  readonly #all = new Set<One>();
  /** Oldest first. */
  #idle: readonly Idle<One>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: Partial<PoolOptions> = {}) {
    this.#options = { ...defaultPoolOptions, ...options };
  }

  get isolation(): Isolation {
    return this.#options.isolation;
  }

  /** Whether a start of a new environment ends an idle one. */
  get full(): boolean {
    return this.#size >= this.#options.maxEnvironments;
  }

  /** Returns the environment that the owner released last, if it still exists. */
  take(owner: object): One | undefined {
    const found = this.#idle.findLast((one) => one.owner === owner && one.environment.usable);
    if (found !== undefined) this.#idle = this.#idle.filter((one) => one !== found);
    return found?.environment;
  }

  /** Starts an environment. If the pool is full, ends the environment that was idle longest. */
  start(make: () => One): One {
    this.#shrink(this.#options.maxEnvironments - 1);
    const environment = make();
    this.#all.add(environment);
    void environment.ended.then(() => this.#all.delete(environment));
    return environment;
  }

  /** Returns a usable environment to the pool. */
  release(owner: object, environment: One): void {
    this.#idle = [...this.#idle, { environment, owner, since: Date.now() }];
    // The number of busy environments can exceed the limit.
    this.#shrink(this.#options.maxEnvironments);
    this.#schedule();
  }

  /** Ends one of these environments in the midst of an event. @returns whether one was busy */
  async crashBusy(isMeant: (environment: One) => boolean): Promise<boolean> {
    const idle = new Set(this.#idle.map(({ environment }) => environment));
    const busy = [...this.#all].find((one) => one.usable && !idle.has(one) && isMeant(one));
    await busy?.terminate();
    return busy !== undefined;
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
