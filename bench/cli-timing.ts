/** Measures the run time of the published build of the command, with a vault on this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bundleCli } from '../cli/bundle.ts';
import { type Spread, spread } from './ratio-measurement.ts';

export interface Timed {
  readonly name: string;
  /** Wall-clock time in milliseconds. */
  readonly ms: Spread;
  /** Ratio to the bare start of Node.js in the same round. */
  readonly ratio: Spread;
  readonly goal: number | undefined;
  readonly met: boolean;
}

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  /** The required output, because a process that fails immediately would be fast. */
  readonly prints: RegExp;
  /** The largest allowed ratio to the bare start of Node.js. */
  readonly goal?: number;
}

const main = fileURLToPath(new URL('../cli/dist/main.js', import.meta.url));
const vaultMain = fileURLToPath(new URL('../local/main.ts', import.meta.url));

const cases: readonly Case[] = [
  { name: 'node -e 0', args: ['-e', '0'], prints: /^$/ },
  { name: 'anima --version', args: [main, '--version'], prints: /^\d+\.\d+\.\d+\n$/, goal: 1.5 },
  { name: 'anima get', args: [main, 'get', 'bench/value'], prints: /^measured$/, goal: 3.5 },
];

/** Measures the cases in alternation, so that other load on the machine affects all of them. */
export async function benchCommand(turns: number): Promise<Timed[]> {
  await bundleCli(true);
  const { vault, env } = await startVault();
  try {
    const stored = spawnSync(process.execPath, [main, 'set', 'bench/value'], { env, input: 'measured' });
    if (stored.status !== 0) throw new Error(`The value could not be stored. Nothing was measured. ${stored.stderr}`);
    for (const one of cases) time(one, env);
    const rounds = Array.from({ length: turns }, () => cases.map((one) => time(one, env)));
    return cases.map(({ name, goal }, i) => {
      const ms = spread(rounds.map((round) => round[i] ?? Number.NaN));
      const ratio = spread(rounds.map((round) => (round[i] ?? Number.NaN) / (round[0] ?? Number.NaN)));
      return { name, ms, ratio, goal, met: goal === undefined || ratio.median <= goal };
    });
  } finally {
    vault.kill('SIGTERM');
    await once(vault, 'exit');
  }
}

function time({ name, args, prints }: Case, env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  const ms = performance.now() - started;
  if (!prints.test(stdout))
    throw new Error(`${name} did not print the expected output. Nothing was measured. ${stderr}`);
  return ms;
}

async function startVault(): Promise<{ vault: ChildProcess; env: NodeJS.ProcessEnv }> {
  const vault = spawn(process.execPath, [vaultMain, '--memory', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  for await (const chunk of vault.stdout) {
    text += String(chunk);
    if (text.endsWith('\n')) break;
  }
  const { url, agentKey }: { url: string; agentKey: string } = JSON.parse(text);
  return { vault, env: { ...process.env, ANIMA_URL: url, ANIMA_KEY: agentKey, ANIMA_KEYRING: 'off' } };
}
