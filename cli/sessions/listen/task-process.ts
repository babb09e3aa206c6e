/** Runs the command of `anima agent listen` for one message. */
import { type ChildProcess, spawn } from 'node:child_process';
import { systemErrorCode } from '../../shell/private-files.ts';

export interface TaskLimits {
  readonly timeoutMs: number;
  /** Maximum length of standard output, bytes. */
  readonly outputBytes: number;
}

export type TaskOutcome =
  | { readonly kind: 'answer'; readonly output: Buffer<ArrayBuffer> }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'not-started'; readonly code: string };

/** Time between the request to end and the end by force, milliseconds. */
const killAfterMs = 5_000;

export class TaskProcess {
  readonly #child: ChildProcess;
  readonly outcome: Promise<TaskOutcome>;
  #ending: TaskOutcome | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param stderr receives standard error of the command */
  constructor(
    [command = '', ...args]: readonly string[],
    env: Record<string, string>,
    input: Uint8Array,
    limits: TaskLimits,
  ) {
    // A group of its own: Ctrl-C in the terminal does not reach it, and its own children end with it.
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'], detached: isPosix });
    this.outcome = this.#run(input, limits);
  }

  /** Asks the command to end, and ends it by force after five seconds. */
  stop(ending: TaskOutcome = { kind: 'stopped' }): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#signal('SIGTERM');
    this.#killTimer = setTimeout(() => this.#signal('SIGKILL'), killAfterMs);
  }

  /** Ends the command at once. */
  kill(): void {
    this.#ending ??= { kind: 'stopped' };
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (isPosix) process.kill(-pid, signal);
      else this.#child.kill(signal);
    } catch (error) {
      // The group has ended.
      if (systemErrorCode(error) !== 'ESRCH') throw error;
    }
  }

  async #run(input: Uint8Array, { timeoutMs, outputBytes }: TaskLimits): Promise<TaskOutcome> {
    const { stdin, stdout } = this.#child;
    const chunks: Buffer[] = [];
    let length = 0;
    stdout?.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > outputBytes) this.stop({ kind: 'too-long' });
      else chunks.push(chunk);
    });
    // A command need not read its input.
    stdin?.on('error', () => undefined).end(input);
    const timer = setTimeout(() => this.stop({ kind: 'timeout' }), timeoutMs);
    const ended = await new Promise<TaskOutcome>((resolve) => {
      this.#child.once('error', (error) => resolve({ kind: 'not-started', code: systemErrorCode(error) ?? 'unknown' }));
      // Not `close`: a child of the command that goes on can keep the pipe open.
      this.#child.once('exit', (code, signal) => {
        const done = () => resolve(outcomeOf(code, signal, Buffer.concat(chunks)));
        if (stdout === null || stdout.readableEnded) return done();
        const patience = setTimeout(done, drainMs);
        stdout.once('end', () => {
          clearTimeout(patience);
          done();
        });
      });
    });
    clearTimeout(timer);
    clearTimeout(this.#killTimer);
    // What the command left behind in its group ends too.
    if (this.#ending !== undefined) this.#signal('SIGKILL');
    return this.#ending ?? ended;
  }
}

const isPosix = process.platform !== 'win32';
/** Time for the rest of the output after the end of the command. */
const drainMs = 2_000;

function outcomeOf(code: number | null, signal: string | null, output: Buffer<ArrayBuffer>): TaskOutcome {
  if (code === 0) return { kind: 'answer', output };
  return code === null ? { kind: 'signal', signal: signal ?? 'unknown' } : { kind: 'exit', code };
}
