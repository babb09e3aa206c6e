/** Runs a command with a given environment. Streams, signals and exit code behave as if it had been called directly. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StreamMasker } from '../secrets/stream-masking.ts';
import { systemErrorCode } from '../shell/private-files.ts';
import { closeWriters, type OutputPipe, openOutputPipes } from './output-pipes.ts';
import { forwardSignalsInGroup } from './signal-forwarding.ts';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  /** Masks the output; without it the command inherits this process's streams. */
  readonly masker: StreamMasker | undefined;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Ends the command: SIGTERM, and SIGKILL after ten seconds. */
  readonly abort?: AbortSignal | undefined;
}

export interface ChildResult {
  /** The exit code, or 128 plus the number of the signal that ended the command. */
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
  /** Set if SIGINT ended the command: which processes must end by SIGINT too. */
  readonly interrupted?: InterruptScope | undefined;
}

/**
 * Which processes have to end by SIGINT because it ended the command. A shell goes on with its script if the program it
 * waits for exits normally, because it then assumes that the program handled Ctrl-C. `group`: the command was in a
 * pseudo-terminal, so this process's group has not received the signal of Ctrl-C yet.
 */
export type InterruptScope = 'self' | 'group';

/** A command that could not be started, with the system error code, e.g. `ENOENT`. */
export class ChildStartError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`the command could not be started (${code})`);
    this.name = 'ChildStartError';
    this.code = code;
  }
}

/** Time between SIGTERM and SIGKILL for a command that must end, milliseconds. */
const endTimeoutMs = 10_000;

/** Runs the command to completion. @throws ChildStartError */
export async function runChild(options: ChildOptions): Promise<ChildResult> {
  const { masker, stdout, stderr, abort } = options;
  const pipes = masker === undefined ? undefined : await openOutputPipes(2);
  // Before the command starts: as soon as it shows something, its caller may signal this process. No listener runs before
  // the command exists, because there is no await in between.
  const stopForwarding = forwardSignalsInGroup((signal) => void child.kill(signal));
  const child = spawnOrStop(options, pipes, stopForwarding);
  if (pipes !== undefined) closeWriters(pipes);
  const exited = new Promise<ChildResult>((resolve, reject) => {
    child.once('error', (error) => reject(new ChildStartError(systemErrorCode(error) ?? 'unknown')));
    child.once('exit', (code, signal) => resolve(resultOf(code, signal)));
  });
  const stopAborting = endOnAbort((signal) => void child.kill(signal), abort);
  const [out, err] = pipes?.map(({ reader }) => reader) ?? [child.stdout, child.stderr];
  try {
    const streams = masker === undefined ? [] : [pipeMasked(out, masker, stdout), pipeMasked(err, masker, stderr)];
    const [result] = await Promise.all([exited, ...streams]);
    return result;
  } catch (error) {
    for (const { reader } of pipes ?? []) reader.destroy();
    throw error;
  } finally {
    stopForwarding();
    stopAborting();
  }
}

export const resultOf = (code: number | null, signal: NodeJS.Signals | null): ChildResult => ({
  code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
  signal: signal ?? undefined,
  interrupted: signal === 'SIGINT' ? 'self' : undefined,
});

function spawnOrStop(options: ChildOptions, pipes: OutputPipe[] | undefined, stopForwarding: () => void): ChildProcess {
  try {
    return spawnChild(options, pipes);
  } catch (error) {
    stopForwarding();
    throw error;
  }
}

function spawnChild({ command, args, env, masker }: ChildOptions, pipes: OutputPipe[] | undefined): ChildProcess {
  // Without FIFOs, Node.js creates named pipes on Windows, and sockets elsewhere.
  const outputs = masker === undefined ? (['inherit', 'inherit'] as const) : (['pipe', 'pipe'] as const);
  try {
    return spawn(command, args, { env, stdio: ['inherit', ...(pipes?.map(({ writer }) => writer) ?? outputs)] });
  } catch (error) {
    if (pipes !== undefined) closeWriters(pipes);
    for (const { reader } of pipes ?? []) reader.destroy();
    // Node's error for an invalid argument quotes the argument.
    throw new ChildStartError(systemErrorCode(error) ?? 'unknown');
  }
}

/** Ends a command when the signal fires. @returns a function that stops this */
export function endOnAbort(kill: (signal: NodeJS.Signals) => void, abort: AbortSignal | undefined): () => void {
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    kill('SIGTERM');
    timer = setTimeout(() => kill('SIGKILL'), endTimeoutMs);
  };
  if (abort?.aborted) end();
  else abort?.addEventListener('abort', end, { once: true });
  return () => {
    clearTimeout(timer);
    abort?.removeEventListener('abort', end);
  };
}

async function pipeMasked(
  from: Readable | null | undefined,
  masker: StreamMasker,
  to: NodeJS.WritableStream,
): Promise<void> {
  if (from === null || from === undefined) return;
  try {
    await pipeline(from, masker.stream(), to, { end: false });
  } catch (error) {
    // The reader has closed the pipe. The pipeline has closed the child's end, so the child notices as it would
    // without masking.
    if (systemErrorCode(error) !== 'EPIPE' && systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
