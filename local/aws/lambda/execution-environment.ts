/** One execution environment of a function: a worker thread that handles one event at a time. */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';

/** What the worker is started with: the bundle's file and the name that it exports the handler by. */
export interface EntryPoint {
  readonly entry: string;
  readonly exportName: string;
}

/** What the worker is sent; `event` is JSON, `deadline` milliseconds since the epoch. */
export interface ToEnvironment {
  readonly event: string;
  readonly context: Readonly<Record<string, string>>;
  readonly deadline: number;
}

export type FromEnvironment =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly payload: string }
  | { readonly kind: 'error'; readonly type: string; readonly message: string; readonly stack: string };

/** How an invocation ended: the result as JSON, or why there is none, by Lambda's own error types. */
export type Outcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly type: string; readonly message: string; readonly stack?: string };

const initTimeoutMs = 10_000;
const crashed: Outcome = { ok: false, type: 'Runtime.ExitError', message: 'The environment ended before it answered.' };

export class Environment {
  readonly #worker: Worker;
  readonly #spec: FunctionSpec;
  readonly #started: Promise<Outcome | undefined>;
  #settle: (outcome: Outcome) => void = () => {};
  #lastError: Outcome | undefined;
  /** False once it can't take another event. */
  usable = true;

  constructor(spec: FunctionSpec, variables: Readonly<Record<string, string>>, onLine: (line: string) => void) {
    this.#spec = spec;
    const [file = '', exportName = ''] = spec.Handler.split('.');
    const entryPoint: EntryPoint = { entry: join(spec.codeFolder, `${file}.mjs`), exportName };
    this.#worker = new Worker(new URL('./worker-thread.ts', import.meta.url), {
      env: { ...variables },
      // A test runner's or debugger's own flags are no part of the function.
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: spec.MemorySize },
      workerData: entryPoint,
    });
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      createInterface({ input: stream }).on('line', onLine);
    }
    this.#started = this.#initialize();
    this.#worker.on('message', (message: FromEnvironment) => this.#receive(message));
    this.#worker.on('error', (error) => {
      const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      this.#lastError = { ok: false, type: name, message, stack };
    });
    this.#worker.once('exit', () => {
      this.usable = false;
      this.#settle(this.#lastError ?? crashed);
    });
  }

  /** Runs one event; the time of the function starts once the environment is initialized, as at AWS. */
  async run(event: string, context: Readonly<Record<string, string>>): Promise<Outcome> {
    const failure = await this.#started;
    if (failure !== undefined) return failure;
    const timeoutMs = this.#spec.Timeout * 1000;
    const outcome = this.#nextOutcome(timeoutMs, {
      ok: false,
      type: 'Sandbox.Timedout',
      message: `Task timed out after ${this.#spec.Timeout.toFixed(2)} seconds`,
    });
    const message: ToEnvironment = { event, context, deadline: Date.now() + timeoutMs };
    this.#worker.postMessage(message);
    return outcome;
  }

  async terminate(): Promise<void> {
    this.usable = false;
    await this.#worker.terminate();
  }

  async #initialize(): Promise<Outcome | undefined> {
    const outcome = await this.#nextOutcome(initTimeoutMs, {
      ok: false,
      type: 'Sandbox.Timedout',
      message: `The function did not initialize within ${initTimeoutMs / 1000} seconds`,
    });
    return outcome.ok ? undefined : outcome;
  }

  #nextOutcome(timeoutMs: number, late: Outcome): Promise<Outcome> {
    if (!this.usable) return Promise.resolve(this.#lastError ?? crashed);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(late);
        // What runs too long is stopped, as Lambda does; its state is unknown, so it is not used again.
        void this.terminate();
      }, timeoutMs);
      this.#settle = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
    });
  }

  #receive(message: FromEnvironment): void {
    if (message.kind === 'ready') this.#settle({ ok: true, payload: '' });
    else if (message.kind === 'result') this.#settle({ ok: true, payload: message.payload });
    else this.#settle({ ok: false, type: message.type, message: message.message, stack: message.stack });
  }
}
