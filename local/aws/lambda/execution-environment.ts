/** One execution environment of a function: a worker thread that handles one event at a time. */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import { workerCode } from './worker-code.ts';

/** The data for the start of the worker: the bundle's file and the export name of the handler. */
export interface EntryPoint {
  readonly bundlePath: string;
  readonly exportName: string;
}

/** A message to the worker. `event` is JSON; `deadline` is in milliseconds since the epoch. */
export interface InvocationMessage {
  readonly event: string;
  readonly context: Readonly<Record<string, string>>;
  readonly deadline: number;
}

export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly payload: string }
  | { readonly kind: 'error'; readonly type: string; readonly message: string; readonly stack: string };

/** The outcome of an invocation: the result as JSON, or an error with Lambda's error types. */
export type InvocationOutcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly type: string; readonly message: string; readonly stack?: string };

const initTimeoutMs = 10_000;
/** Limits the heap space for short-lived objects. The default grows to 48 MB before garbage is collected. */
const maxYoungGenerationSizeMb = 4;
const crashedOutcome: InvocationOutcome = {
  ok: false,
  type: 'Runtime.ExitError',
  message: 'The execution environment ended before it responded.',
};

export class ExecutionEnvironment {
  readonly #worker: Worker;
  readonly #spec: FunctionSpec;
  readonly #started: Promise<InvocationOutcome | undefined>;
  /** Resolves when the worker thread has ended. */
  readonly ended: Promise<void>;
  #resolveOutcome: (outcome: InvocationOutcome) => void = () => {};
  #lastError: InvocationOutcome | undefined;
  /** False if the environment cannot handle another event. */
  usable = true;

  constructor(spec: FunctionSpec, variables: Readonly<Record<string, string>>, onLine: (line: string) => void) {
    this.#spec = spec;
    const [file = '', exportName = ''] = spec.Handler.split('.');
    const entryPoint: EntryPoint = { bundlePath: join(spec.codeFolder, `${file}.mjs`), exportName };
    this.#worker = new Worker(workerCode, {
      env: { ...variables },
      // Flags of a test runner or debugger must not affect the function.
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: spec.MemorySize, maxYoungGenerationSizeMb },
      workerData: entryPoint,
    });
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      createInterface({ input: stream }).on('line', onLine);
    }
    this.#started = this.#initialize();
    this.#worker.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#worker.on('error', (error) => {
      const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      this.#lastError = { ok: false, type: name, message, stack };
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.usable = false;
        this.#resolveOutcome(this.#lastError ?? crashedOutcome);
        resolve();
      });
    });
  }

  /** Handles one event. As on AWS, the function's timeout starts after the initialization of the environment. */
  async run(event: string, context: Readonly<Record<string, string>>): Promise<InvocationOutcome> {
    const failure = await this.#started;
    if (failure !== undefined) return failure;
    const timeoutMs = this.#spec.Timeout * 1000;
    const outcome = this.#nextOutcome(timeoutMs, {
      ok: false,
      type: 'Sandbox.Timedout',
      message: `Task timed out after ${this.#spec.Timeout.toFixed(2)} seconds`,
    });
    const message: InvocationMessage = { event, context, deadline: Date.now() + timeoutMs };
    this.#worker.postMessage(message);
    return outcome;
  }

  async terminate(): Promise<void> {
    this.usable = false;
    await this.#worker.terminate();
  }

  async #initialize(): Promise<InvocationOutcome | undefined> {
    const outcome = await this.#nextOutcome(initTimeoutMs, {
      ok: false,
      type: 'Sandbox.Timedout',
      message: `The function did not initialize within ${initTimeoutMs / 1000} seconds`,
    });
    return outcome.ok ? undefined : outcome;
  }

  #nextOutcome(timeoutMs: number, late: InvocationOutcome): Promise<InvocationOutcome> {
    if (!this.usable) return Promise.resolve(this.#lastError ?? crashedOutcome);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(late);
        // As in Lambda, a timeout ends the environment. Its state is unknown, so it cannot be reused.
        void this.terminate();
      }, timeoutMs);
      this.#resolveOutcome = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
    });
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === 'ready') this.#resolveOutcome({ ok: true, payload: '' });
    else if (message.kind === 'result') this.#resolveOutcome({ ok: true, payload: message.payload });
    else this.#resolveOutcome({ ok: false, type: message.type, message: message.message, stack: message.stack });
  }
}
