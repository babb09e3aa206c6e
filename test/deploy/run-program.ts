import { spawn } from 'node:child_process';

export interface ProgramResult {
  readonly code: number | null;
  /** Standard output only. */
  readonly stdout: string;
  /** Standard output and standard error, interleaved. */
  readonly output: string;
}

interface ProgramOptions {
  readonly cwd?: string;
  /** The complete environment. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** Runs a program until it ends, whatever its exit code. @throws Error if it cannot be started */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, timeoutMs }: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(command, args, {
    ...(cwd !== undefined && { cwd }),
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, output };
}
