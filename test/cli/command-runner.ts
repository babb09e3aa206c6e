/** Runs the command in tests, either within this process or as a separate process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../cli/program.ts';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Whether standard output claims to be a terminal. */
  readonly terminal?: boolean;
}

/** Runs `anima` with these arguments in this process. */
export async function runInProcess(
  args: readonly string[],
  { env = {}, input = '', terminal = false }: CallOptions = {},
): Promise<CommandResult> {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  streams.stdin.end(input);
  const texts = [textOf(streams.stdout), textOf(streams.stderr)] as const;
  const host = { ...streams, stdout: Object.assign(streams.stdout, { isTTY: terminal }), env };
  // These streams have all members that a command uses.
  const code = await runProgram(args, host as unknown as Parameters<typeof runProgram>[1]);
  streams.stdout.end();
  streams.stderr.end();
  const [stdout, stderr] = await Promise.all(texts);
  return { code, stdout, stderr };
}

async function textOf(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export interface StartedCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves when standard output contains `text`. */
  until(text: string): Promise<void>;
}

/** Starts `anima` as a process. Its environment has only `env` and PATH. */
export function startProcess(args: readonly string[], { env = {}, input }: CallOptions = {}): StartedCommand {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  // End the process after a failed test too. It forwards the signal to its child processes.
  onTestFinished(() => void child.kill('SIGTERM'));
  if (input !== undefined) child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  const waiting: (() => void)[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const check of waiting) check();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return {
    child,
    ended,
    until: async (text) =>
      await new Promise<void>((resolve, reject) => {
        const check = () => void (stdout.includes(text) && resolve());
        waiting.push(check);
        check();
        void ended.then(() => reject(new Error(`it ended without it: ${stderr}`)));
      }),
  };
}
