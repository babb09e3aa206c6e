/** Runs the command in this process, with separate streams and a separate environment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterAll } from 'vitest';
import type { HostProcess } from '../../cli/node-shell.ts';
import { runProgram } from '../../cli/program.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliSurroundings {
  /** The complete environment; this process's environment is not visible. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Piped standard input. Default: empty. */
  readonly input?: string | Uint8Array | undefined;
  /** Answers typed at a terminal, one per question. Standard input and output are then the same terminal. */
  readonly typed?: readonly TypedAnswer[] | undefined;
  /** Whether standard output is a terminal. Default: same as standard input. */
  readonly terminal?: boolean | undefined;
  /** Called with all of standard output so far, while the command runs. */
  readonly onOutput?: ((shown: string) => void) | undefined;
}

/** A text, or what a person makes of all that standard error has shown; undefined to wait for more. */
export type TypedAnswer = string | ((shown: string) => string | undefined);

/** Runs a command until it ends. */
export async function runAnima(args: readonly string[], world: CliSurroundings = {}): Promise<CommandResult> {
  const atTerminal = world.typed !== undefined;
  const stdout = new CollectedOutput(world.terminal ?? atTerminal, world.onOutput);
  const stderr = new CollectedOutput(false);
  const stdin = atTerminal ? new FakeKeyboard(world.typed, stderr) : Readable.from([Buffer.from(world.input ?? '')]);
  // Node.js streams have all members that the command uses, but not all that the type requires.
  const host = { stdin, stdout, stderr, env: world.env ?? {} } as unknown as HostProcess;
  const code = await runProgram(args, host);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class CollectedOutput extends Writable {
  readonly isTTY: boolean;
  text = '';

  readonly #onText: ((shown: string) => void) | undefined;

  constructor(isTTY: boolean, onText?: (shown: string) => void) {
    super();
    this.isTTY = isTTY;
    this.#onText = onText;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    this.#onText?.(this.text);
    done();
  }
}

/** Types the next answer after each new question. */
class FakeKeyboard extends PassThrough {
  readonly isTTY = true;
  isRaw = false;

  constructor(answers: readonly TypedAnswer[], questions: CollectedOutput) {
    super();
    const left = [...answers];
    let asked = 0;
    const look = setInterval(() => {
      const [next] = left;
      if (next === undefined) clearInterval(look);
      else if (questions.text.length > asked) {
        const answer = typeof next === 'string' ? next : next(questions.text);
        if (answer === undefined) return;
        asked = questions.text.length;
        left.shift();
        this.write(answer);
      }
    }, 5);
    look.unref();
  }

  setRawMode(on: boolean): this {
    this.isRaw = on;
    return this;
  }
}

/**
 * An environment with a temporary configuration folder and without keyring, so that those of the machine are not used.
 */
export function temporaryHome(): { readonly folder: string; readonly env: Readonly<Record<string, string>> } {
  const folder = mkdtempSync(join(tmpdir(), 'anima-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, env: { XDG_CONFIG_HOME: folder, ANIMA_KEYRING: 'off' } };
}
