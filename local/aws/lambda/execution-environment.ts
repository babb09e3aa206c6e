/** One execution environment of a function: a worker thread or a process that handles one event at a time. */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FunctionSpec } from '../cloudformation/deployment-spec.ts';
import {
  type EnvironmentRunner,
  type InvocationMessage,
  type Isolation,
  startRunner,
  type WorkerMessage,
} from './environment-runner.ts';

/** The outcome of an invocation: the result as JSON, or an error with Lambda's error types. */
export type InvocationOutcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly type: string; readonly message: string; readonly stack?: string };

const initTimeoutMs = 10_000;
const crashedOutcome: InvocationOutcome = {
  ok: false,
  type: 'Runtime.ExitError',
  message: 'The execution environment ended before it responded.',
};

export class ExecutionEnvironment {
  readonly #runner: EnvironmentRunner;
  readonly #spec: FunctionSpec;
  readonly #started: Promise<InvocationOutcome | undefined>;
  /** Resolves when the thread or the process has ended. */
  readonly ended: Promise<void>;
  #resolveOutcome: (outcome: InvocationOutcome) => void = () => {};
  #lastError: InvocationOutcome | undefined;
  /** False if the environment cannot handle another event. */
  usable = true;

  constructor(
    spec: FunctionSpec,
    variables: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
    isolation: Isolation,
  ) {
    this.#spec = spec;
    const [file = '', exportName = ''] = spec.Handler.split('.');
    const entryPoint = { bundlePath: join(spec.codeFolder, `${file}.mjs`), exportName };
    this.#runner = startRunner(isolation, entryPoint, variables, spec.MemorySize);
    for (const stream of this.#runner.outputs) createInterface({ input: stream }).on('line', onLine);
    this.#started = this.#initialize();
    this.#runner.events.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#runner.events.on('error', (error: unknown) => {
      const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      this.#lastError = { ok: false, type: name, message, stack };
    });
    this.ended = new Promise((resolve) => {
      this.#runner.events.once('exit', () => {
        this.usable = false;
        this.#resolveOutcome(this.#lastError ?? crashedOutcome);
        resolve();
      });
    });
  }

  get logicalId(): string {
    return this.#spec.logicalId;
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
    this.#runner.post(message);
    return outcome;
  }

  async terminate(): Promise<void> {
    this.usable = false;
    await this.#runner.terminate();
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
