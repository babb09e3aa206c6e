/** Runs a local vault in a separate process, as `npm start` does, with a data folder of the benchmark. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Vault } from './local-load-clients.ts';

const projectFolder = fileURLToPath(new URL('..', import.meta.url));
/** The timeout of a start. A start that exceeds its limit is still measured, up to this time. */
const startWithinMs = 180_000;

export interface RunningVault extends Vault {
  readonly pid: number;
  /** The time from the start until the vault is ready, in seconds. */
  readonly readySeconds: number;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export async function startVault(dataDir: string): Promise<RunningVault> {
  const started = performance.now();
  const child = spawn(process.execPath, ['local/main.ts', '--json', '--port', '0', '--data', dataDir], {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    await exited;
    process.off('exit', killIt);
  };
  const late = setTimeout(killIt, startWithinMs);
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4_000);
  });
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    stdout += String(text);
    if (stdout.includes('\n')) break;
  }
  clearTimeout(late);
  if (!stdout.includes('\n')) throw new Error(`The local vault ended before it was ready: ${stderr}`);
  child.stdout.resume();
  const { url, adminKey, agentKey }: Vault = JSON.parse(stdout);
  const readySeconds = (performance.now() - started) / 1000;
  return { url, adminKey, agentKey, pid: child.pid ?? 0, readySeconds, end };
}
