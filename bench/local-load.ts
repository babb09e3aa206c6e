/**
 * `npm run bench:local`: measures a local vault under a mixed load of six clients. It measures the resident memory of
 * all processes, the size of the data folder, and the start time after a hard kill under load. It starts a separate
 * vault in a temporary folder. The exit code is 1 if a limit is exceeded or a call fails.
 *
 *     --seconds N  duration of the load (default 300)
 *     --short      25 seconds of load and shorter waits, sufficient to find fast leaks
 *     --json       prints one line of JSON instead of the table
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runLoad, type Tally } from './local-load-clients.ts';
import { type RunningVault, startVault } from './local-vault.ts';
import { folderMb, residentMb } from './process-tree.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const loadSeconds = Number(flags.seconds ?? (flags.short ? 25 : 300));
if (!(loadSeconds > 0 && loadSeconds <= 3600)) throw new TypeError('--seconds must be a number from 1 to 3600.');
/** Longer than the idle timeout of execution environments (local/aws/lambda/environment-pool.ts). */
const idleSeconds = flags.short ? 5 : 100;
const killedAfterSeconds = 8;
const sampleEveryMs = 2_000;

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: 'MB' | 's';
  /** The maximum allowed value. */
  readonly bound?: number | undefined;
}

interface Sample {
  readonly residentMb: number;
  readonly folderMb: number;
}

const sampleOf = (vault: RunningVault, dataDir: string): Sample => ({
  residentMb: residentMb(vault.pid),
  folderMb: folderMb(dataDir),
});

/** Runs the load and takes samples. `meanwhile` is called once, at the end of the duration and still under load. */
async function load(vault: RunningVault, seconds: number, sample: () => void, meanwhile: () => Promise<void> | void) {
  const stop = new AbortController();
  const running = runLoad(vault, stop.signal);
  const timer = setInterval(sample, sampleEveryMs);
  try {
    await Promise.race([sleep(seconds * 1000), running]);
    await meanwhile();
  } finally {
    clearInterval(timer);
    stop.abort();
  }
  return await running;
}

async function check(dataDir: string): Promise<{ rows: Row[]; tally: Tally }> {
  let vault = await startVault(dataDir);
  try {
    const firstStart = vault.readySeconds;
    await sleep(2_000);
    const ready = sampleOf(vault, dataDir);
    const samples: Sample[] = [];
    const take = () => void samples.push(sampleOf(vault, dataDir));
    const tally = await load(vault, loadSeconds, take, take);
    await sleep(idleSeconds * 1000);
    const idle = sampleOf(vault, dataDir);
    await load(vault, killedAfterSeconds, take, () => vault.end('SIGKILL'));
    vault = await startVault(dataDir);
    const restart = vault.readySeconds;
    const again = sampleOf(vault, dataDir);
    const most = (of: keyof Sample) => Math.max(...samples.map((sample) => sample[of]));
    const rows: Row[] = [
      { what: 'first start', value: firstStart, unit: 's' },
      { what: 'memory when ready', value: ready.residentMb, unit: 'MB', bound: 300 },
      { what: 'maximum memory under load', value: most('residentMb'), unit: 'MB', bound: 700 },
      { what: 'maximum disk', value: most('folderMb'), unit: 'MB', bound: 500 },
      { what: 'memory when idle again', value: idle.residentMb, unit: 'MB', bound: flags.short ? undefined : 400 },
      { what: 'disk when idle again', value: idle.folderMb, unit: 'MB', bound: 500 },
      { what: 'start after a hard kill', value: restart, unit: 's', bound: 10 },
      { what: 'memory after that start', value: again.residentMb, unit: 'MB', bound: 300 },
    ];
    return { rows, tally };
  } finally {
    await vault.end('SIGTERM');
  }
}

const exceeds = ({ value, bound = Number.POSITIVE_INFINITY }: Row): boolean => value > bound;

function print(rows: readonly Row[], { requests, failures }: Tally): void {
  console.log(`${requests} calls in ${loadSeconds} s by six clients; Node ${process.version}`);
  for (const row of rows) {
    const bound = row.bound === undefined ? '' : `  ≤ ${row.bound} ${exceeds(row) ? 'EXCEEDED' : 'met'}`;
    console.log(`${row.what.padEnd(26)} ${row.value.toFixed(1).padStart(8)} ${row.unit.padEnd(2)}${bound}`);
  }
  for (const [code, count] of failures) console.log(`failed: ${code}, ${count} times`);
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const dataDir = mkdtempSync(join(tmpdir(), 'anima-load-'));
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }));

const { rows, tally } = await check(dataDir);
if (flags.json) console.log(JSON.stringify({ loadSeconds, calls: tally.requests, rows }));
else print(rows, tally);
// Failed calls count as a failure of the check, because a vault that refuses all calls needs little memory.
if (rows.some(exceeds) || tally.failures.size > 0) process.exitCode = 1;
