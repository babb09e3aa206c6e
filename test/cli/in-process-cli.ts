/** The command in this process, with streams and an environment of its own: what a terminal or a pipe would be to it. */
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
  /** Nothing of this process's environment is seen. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What comes by a pipe; nothing unless told. */
  readonly input?: string | Uint8Array | undefined;
  /** What is typed at a terminal, question after question: standard input and output are one then. */
  readonly typed?: readonly string[] | undefined;
  /** Whether standard output is a terminal; as standard input unless told. */
  readonly terminal?: boolean | undefined;
}

/** Runs a command to its end. */
export async function runAnima(args: readonly string[], world: CliSurroundings = {}): Promise<CommandResult> {
  const atTerminal = world.typed !== undefined;
  const stdout = new CollectedOutput(world.terminal ?? atTerminal);
  const stderr = new CollectedOutput(false);
  const stdin = atTerminal ? new FakeKeyboard(world.typed, stderr) : Readable.from([Buffer.from(world.input ?? '')]);
  // Streams of Node have all that the command uses of a process's; the compiler wants the rest of theirs too.
  const host = { stdin, stdout, stderr, env: world.env ?? {} } as unknown as HostProcess;
  const code = await runProgram(args, host);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class CollectedOutput extends Writable {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** Types an answer whenever something new was asked. */
class FakeKeyboard extends PassThrough {
  readonly isTTY = true;
  isRaw = false;

  constructor(answers: readonly string[], questions: CollectedOutput) {
    super();
    const left = [...answers];
    let asked = 0;
    const look = setInterval(() => {
      if (left.length === 0) clearInterval(look);
      else if (questions.text.length > asked) {
        asked = questions.text.length;
        this.write(left.shift() ?? '');
      }
    }, 5);
    look.unref();
  }

  setRawMode(on: boolean): this {
    this.isRaw = on;
    return this;
  }
}

/** An environment with a configuration folder of its own, and no keyring: the machine's must not be touched. */
export function temporaryHome(): { readonly folder: string; readonly env: Readonly<Record<string, string>> } {
  const folder = mkdtempSync(join(tmpdir(), 'anima-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, env: { XDG_CONFIG_HOME: folder, ANIMA_KEYRING: 'off' } };
}
