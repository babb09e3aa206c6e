/**
 * `npm run bench`: measures the cost of encryption and decryption as ratios to bare node:crypto AES-256-GCM in the same
 * run. It also measures the time of the command to start and to get a value, as ratios to a bare start of Node.js, the
 * CPU time of the service per warm get and set, as ratios to a plain handler with the AWS SDK, the CPU time in which the
 * functions start, and the AWS calls of each operation with their price.
 *
 *     --json      print one line of JSON instead of the table
 *     --no-peers  measure only core and bare GCM; nothing is installed
 *     --no-command  measure only encryption and decryption; no vault is started and no command is built
 *     --no-service  do not measure the functions; no template is synthesized
 *     --no-costs  do not count AWS calls; no vault is started for it
 *     --only R    only rows that match the pattern, for example 'seal 65536'
 *     --quick     fewer rounds: a few seconds instead of half a minute
 *     --check     exit with code 1 if a goal is missed
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startCannedServer } from './canned-server.ts';
import { benchCommand, type Timed } from './cli-timing.ts';
import type { Operation, Task } from './contender.ts';
import { type ContenderProcess, startContenders } from './contender-process.ts';
import { type ContenderName, peers } from './contender-registry.ts';
import { countCosts, printCosts } from './costs/print-costs.ts';
import { installPeers } from './npm-packages.ts';
import { type Effort, type Measured, measure } from './ratio-measurement.ts';
import { printService } from './service/print-service.ts';
import { benchService, fullEffort, quickEffort } from './service/service-bench.ts';

const cipher = ['seal', 'open'] as const;
/**
 * Goals by plaintext size in bytes, as ratios of CPU time to the first contender. Values are compared with bare GCM, with
 * the derived key cached, and blobs with one GCM stream. `vault.get` is compared with a bare `fetch` of the same response, with
 * a time-out.
 */
const goals = [
  { operations: cipher, size: 32, goal: 1.3, pair: ['bareGcm', 'core'] },
  { operations: cipher, size: 1024, goal: 1.3, pair: ['bareGcm', 'core'] },
  { operations: ['seal'], size: 65_536, goal: 1.05, pair: ['bareGcm', 'core'] },
  { operations: ['open'], size: 65_536, goal: 1.1, pair: ['bareGcm', 'core'] },
  { operations: cipher, size: 33_554_432, goal: 1.1, pair: ['wholeGcm', 'coreBlob'] },
  { operations: ['get'], size: 64, goal: 1.1, pair: ['bareFetch', 'sdk'] },
] as const;

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    command: { type: 'boolean', default: true },
    service: { type: 'boolean', default: true },
    costs: { type: 'boolean', default: true },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

// The pair with goals gets many rounds. Peers differ by a factor of several, so a few rounds are sufficient.
const pairEffort: Effort = flags.quick
  ? { rounds: 15, turns: 4, turnMicros: 2000 }
  : { rounds: 60, turns: 5, turnMicros: 6000 };
const peerEffort: Effort = flags.quick
  ? { rounds: 5, turns: 2, turnMicros: 2000 }
  : { rounds: 15, turns: 2, turnMicros: 4000 };

/** Plaintexts of at least this many bytes are blobs. */
const blobLength = 2 ** 20;

/**
 * Values of some KiB fill the heap within a turn, and longer turns distribute garbage collection pauses evenly. Requests
 * wait for a server, and each wait ends a slice of CPU time whose length is rounded. The memory of a blob leads to a
 * collection after every second operation, and the forced one before a turn empties caches. A turn is so many operations
 * of each contender that both count little.
 */
function scaledEffort(effort: Effort, { operation, size }: Task): Effort {
  if (size >= blobLength) return { ...effort, turns: 1, turnOperations: 16 };
  const scale = operation === 'get' ? 10 : size >= 16_384 ? 4 : 1;
  return { ...effort, turnMicros: scale * effort.turnMicros };
}

interface Trial {
  /** Plaintext size in bytes. */
  readonly size: number;
  readonly goal: number;
  readonly operation: Operation;
  readonly pair: readonly [ContenderName, ContenderName];
}

interface Result extends Omit<Trial, 'pair'> {
  readonly met: boolean;
  readonly subjects: readonly Measured[];
}

const trials: readonly Trial[] = goals
  .flatMap(({ operations, ...trial }) => operations.map((operation) => ({ ...trial, operation })))
  .filter(({ operation, size }) => new RegExp(flags.only).test(`${operation} ${size}`));

/**
 * Measures the contenders in alternation. The first is the baseline. Values are measured in one process per contender.
 * Blobs are measured in one process together: whether the memory of their pieces comes from the heap of the process or from
 * new pages of the system is decided by chance in each process, and makes a difference of up to a third.
 */
async function run(task: Task, contenders: readonly ContenderName[], effort: Effort): Promise<Measured[]> {
  const groups = task.size >= blobLength ? [contenders] : contenders.map((contender) => [contender]);
  const processes: ContenderProcess[] = [];
  try {
    for (const group of groups) processes.push(await startContenders(group, task));
    const subjects = processes.flatMap((process) => process.subjects);
    return await measure(subjects, scaledEffort(effort, task));
  } finally {
    for (const process of processes) process.end();
  }
}

async function bench(url: string): Promise<Result[]> {
  const results: Result[] = [];
  for (const { pair, ...trial } of trials) {
    const task = { ...trial, url };
    const measured = await run(task, pair, pairEffort);
    // Peers support only values, not streams.
    const compared = flags.peers && pair[1] === 'core';
    const others = compared ? (await run(task, [pair[0], ...peers], peerEffort)).slice(1) : [];
    const median = measured[1]?.ratio.median ?? Number.NaN;
    results.push({ ...trial, met: median <= trial.goal, subjects: [...measured, ...others] });
  }
  return results;
}

function row({ operation, size, goal, met }: Result, { name, micros, ratio }: Measured, hasGoal: boolean): string {
  const cells = [
    operation.padEnd(5),
    String(size).padStart(8),
    name.padEnd(18),
    micros.median.toFixed(2).padStart(9),
    ratio.median.toFixed(2).padStart(8),
    `${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)}`.padStart(17),
    hasGoal ? `  ≤ ${goal} ${met ? 'met' : 'MISSED'}` : '',
  ];
  return cells.join(' ').trimEnd();
}

function print(results: readonly Result[]): void {
  console.log(`CPU time relative to the first of each group, in processes that alternate; Node ${process.version}`);
  console.log('op       bytes subject                  µs    ratio         min … max  goal');
  for (const result of results)
    result.subjects.forEach((subject, i) => void console.log(row(result, subject, i === 1)));
}

function printCommand(rows: readonly Timed[]): void {
  if (rows.length === 0) return;
  console.log('\nWall-clock time of a process relative to a bare start of Node (node -e 0), alternating in one run');
  console.log('process                    ms    ratio         min … max  goal');
  for (const { name, ms, ratio, goal, met } of rows) {
    const cells = [
      name.padEnd(20),
      ms.median.toFixed(0).padStart(8),
      ratio.median.toFixed(2).padStart(8),
      `${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)}`.padStart(17),
      goal === undefined ? '' : `  ≤ ${goal} ${met ? 'met' : 'MISSED'}`,
    ];
    console.log(cells.join(' ').trimEnd());
  }
}

if (flags.peers) installPeers();
const server = await startCannedServer();
const results = await bench(server.url);
server.close();
const command = flags.command ? await benchCommand(flags.quick ? 7 : 25) : [];
const service = flags.service ? await benchService(flags.quick ? quickEffort : fullEffort) : { rows: [], imports: [] };
const costs = flags.costs ? await countCosts() : [];

if (flags.json) {
  const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model ?? 'unknown', quick: flags.quick };
  console.log(JSON.stringify({ ...machine, results, command, service, costs }));
} else {
  print(results);
  printCommand(command);
  printService(service);
  printCosts(costs);
}
if (flags.check && [...results, ...command, ...service.rows, ...service.imports, ...costs].some(({ met }) => !met))
  process.exitCode = 1;
