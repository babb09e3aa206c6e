/** Runs `npm start` as a separate process, like a new user. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

export interface VaultReady {
  readonly url: string;
  readonly org: string;
  readonly adminKey: string;
  readonly agentKey: string;
  readonly dataDir: string | null;
}

export interface VaultProcess {
  readonly ready: VaultReady;
  /** Milliseconds until the vault was ready. */
  readonly tookMs: number;
  /** The standard output so far. */
  stdout(): string;
  /** Sends a signal and resolves to the exit code; null if the signal ended the process. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts `node local/main.ts --json` with arguments. Rejects with the error output if it ends before it is ready. */
export async function startVaultProcess(...args: string[]): Promise<VaultProcess> {
  const started = Date.now();
  const child: ChildProcess = spawn(process.execPath, ['local/main.ts', '--json', ...args], {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ready = await new Promise<VaultReady>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.includes('\n')) resolve(JSON.parse(stdout));
    });
    void exited.then((code) => reject(new Error(`the vault ended with ${code}: ${stderr}`)));
  });
  return {
    ready,
    tookMs: Date.now() - started,
    stdout: () => stdout,
    stop: async (signal) => {
      child.kill(signal);
      return await exited;
    },
  };
}

/** Runs a command until it ends. @throws Error with the output if the command fails */
export async function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output}`);
  return output;
}
