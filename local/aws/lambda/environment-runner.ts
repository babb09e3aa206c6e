/** Starts the program of an execution environment, in a worker thread or in a separate process. */

import { spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { environmentCode } from './environment-code.ts';

/**
 * What an environment runs in. Threads start faster and take less memory. Killing a process is like the failure of a machine:
 * its connections end at once, and it runs no code at its end.
 */
export type Isolation = 'thread' | 'process';

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

/** A running program. It emits `message`, `error` and `exit`. */
export interface EnvironmentRunner {
  readonly events: EventEmitter;
  readonly outputs: readonly Readable[];
  post(message: InvocationMessage): void;
  /** Ends the program hard. Resolves when it has ended. */
  terminate(): Promise<void>;
}

/** Limits the heap space for short-lived objects. The default grows to 48 MB before garbage is collected. */
const maxYoungGenerationSizeMb = 4;

export const startRunner = (
  isolation: Isolation,
  entryPoint: EntryPoint,
  variables: Readonly<Record<string, string>>,
  memoryMb: number,
): EnvironmentRunner => (isolation === 'thread' ? inThread : inProcess)(entryPoint, variables, memoryMb);

const threadCode = new URL(`data:text/javascript,${encodeURIComponent(environmentCode)}`);

function inThread(
  entryPoint: EntryPoint,
  variables: Readonly<Record<string, string>>,
  memoryMb: number,
): EnvironmentRunner {
  const worker = new Worker(threadCode, {
    env: { ...variables },
    // Flags of a test runner or debugger must not affect the function.
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb },
    workerData: entryPoint,
  });
  return {
    events: worker,
    outputs: [worker.stdout, worker.stderr],
    post: (message) => worker.postMessage(message),
    terminate: async () => void (await worker.terminate()),
  };
}

function inProcess(
  entryPoint: EntryPoint,
  variables: Readonly<Record<string, string>>,
  memoryMb: number,
): EnvironmentRunner {
  const flags = [`--max-old-space-size=${memoryMb}`, '--input-type=module', '--eval', environmentCode, '--'];
  const child = spawn(process.execPath, [...flags, JSON.stringify(entryPoint)], {
    env: { ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return {
    events: child,
    outputs: [child.stdout, child.stderr].filter((stream) => stream !== null),
    // A message to a process that has just been killed is lost. The event fails when the process has ended.
    post: (message) => void child.send(message, () => {}),
    terminate: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
