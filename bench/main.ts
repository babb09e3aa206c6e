/**
 * `npm run bench`: measures the cost of encryption and decryption as ratios to bare node:crypto AES-256-GCM in the same
 * run. It also measures the time of the command to start and to get a value, as ratios to a bare start of Node.js, the
 * CPU time of the service per warm get and set, as ratios to a plain handler with the AWS SDK, and the CPU time in which
 * the functions start.
 *
 *     --json      print one line of JSON instead of the table
 *     --no-peers  measure only core and bare GCM; nothing is installed
 *     --no-command  measure only encryption and decryption; no vault is started and no command is built
 *     --no-service  do not measure the functions; no template is synthesized
 *     --quick     fewer rounds: a few seconds instead of half a minute
 *     --check     exit with code 1 if a goal is missed
 */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { coreBlob, wholeGcm } from './blob-contenders.ts';
import { benchCommand, type Timed } from './cli-timing.ts';
import type { Contender, Subject } from './contender.ts';
import { installPeers, peers } from './npm-contenders.ts';
import { type Effort, type Measured, measure, type Operation } from './ratio-measurement.ts';
import { printService } from './service/print-service.ts';
import { benchService, fullEffort, quickEffort } from './service/service-bench.ts';
import { bareGcm, core } from './value-contenders.ts';

/**
 * Goals of `core` by plaintext size in bytes. Values are compared with bare GCM, with the derived key cached. Blobs
 * must have at least 0.8 of the throughput of one GCM stream.
 */
const goals = [
  { size: 32, goal: 1.3, pair: [bareGcm, core] },
  { size: 1024, goal: 1.3, pair: [bareGcm, core] },
  { size: 65_536, goal: 1.1, pair: [bareGcm, core] },
  { size: 33_554_432, goal: 1 / 0.8, pair: [wholeGcm, coreBlob] },
] as const;

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    command: { type: 'boolean', default: true },
    service: { type: 'boolean', default: true },
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

// The pair with goals gets many rounds. Peers differ by a factor of several, so a few rounds are sufficient.
const pairEffort: Effort = flags.quick
  ? { rounds: 15, turns: 4, turnMicros: 2000 }
  : { rounds: 60, turns: 5, turnMicros: 3000 };
const peerEffort: Effort = flags.quick
  ? { rounds: 5, turns: 2, turnMicros: 2000 }
  : { rounds: 15, turns: 2, turnMicros: 4000 };

/** Checks that a subject decrypts its ciphertext to the plaintext before it is measured. */
async function assertRoundTrip(subject: Subject, plaintext: Buffer): Promise<Subject> {
  const [once, again] = [await subject.seal(), await subject.seal()];
  const opened = await (subject.whole ?? subject.open)();
  if (Buffer.from(once).equals(Buffer.from(again)) || !Buffer.from(opened).equals(plaintext)) {
    throw new Error(`${subject.name} failed the round trip. Nothing was measured.`);
  }
  return subject;
}

/** Large plaintexts fill the heap within one turn. Longer turns distribute garbage collection pauses evenly. */
const scaledEffort = (effort: Effort, size: number): Effort =>
  size < 16_384 ? effort : { ...effort, turnMicros: 4 * effort.turnMicros };

interface Trial {
  /** Plaintext size in bytes. */
  readonly size: number;
  readonly goal: number;
  readonly operation: Operation;
  readonly pair: readonly [Contender, Contender];
}

interface Result extends Omit<Trial, 'pair'> {
  readonly met: boolean;
  readonly subjects: readonly Measured[];
}

const trials: readonly Trial[] = goals.flatMap(({ size, goal, pair }) =>
  (['seal', 'open'] as const).map((operation) => ({ size, goal, operation, pair })),
);

/** Measures the contenders in alternation. The first is the baseline. */
async function run({ size, operation }: Trial, contenders: readonly Contender[], effort: Effort): Promise<Measured[]> {
  const plaintext = randomBytes(size);
  const subjects: Subject[] = [];
  for (const contender of contenders) subjects.push(await assertRoundTrip(await contender(plaintext), plaintext));
  return measure(subjects, operation, scaledEffort(effort, size));
}

/** Runs all trials with goals before the first peer is loaded, because the garbage of peers would affect them. */
async function bench(): Promise<Result[]> {
  const pairs: Measured[][] = [];
  for (const trial of trials) pairs.push(await run(trial, trial.pair, pairEffort));
  const results: Result[] = [];
  for (const [i, { pair: contenders, ...trial }] of trials.entries()) {
    const pair = pairs[i] ?? [];
    // Peers support only values, not streams.
    const compared = flags.peers && contenders[1] === core;
    const others = compared
      ? (await run({ ...trial, pair: contenders }, [bareGcm, ...peers], peerEffort)).slice(1)
      : [];
    const median = pair[1]?.ratio.median ?? Number.NaN;
    results.push({ ...trial, met: median <= trial.goal, subjects: [...pair, ...others] });
  }
  return results;
}

function row({ operation, size, goal, met }: Result, { name, micros, ratio }: Measured): string {
  const cells = [
    operation.padEnd(5),
    String(size).padStart(8),
    name.padEnd(18),
    micros.median.toFixed(2).padStart(9),
    ratio.median.toFixed(2).padStart(8),
    `${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)}`.padStart(17),
    name === 'core' ? `  ≤ ${goal} ${met ? 'met' : 'MISSED'}` : '',
  ];
  return cells.join(' ').trimEnd();
}

function print(results: readonly Result[]): void {
  console.log(`CPU time relative to AES-256-GCM of node:crypto, alternating in one run; Node ${process.version}`);
  console.log('op       bytes subject                  µs    ratio         min … max  goal');
  for (const result of results) for (const subject of result.subjects) console.log(row(result, subject));
}

function printCommand(rows: readonly Timed[]): void {
  if (rows.length === 0) return;
  console.log('\nWall-clock time of a process relative to a bare start of Node (node -e 0), alternating in one run');
  console.log('process                    ms    ratio         min … max  goal');
  for (const { name, ms, ratio, goalMs, met } of rows) {
    const cells = [
      name.padEnd(20),
      ms.median.toFixed(0).padStart(8),
      ratio.median.toFixed(2).padStart(8),
      `${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)}`.padStart(17),
      goalMs === undefined ? '' : `  < ${goalMs} ms ${met ? 'met' : 'MISSED'}`,
    ];
    console.log(cells.join(' ').trimEnd());
  }
}

if (flags.peers) installPeers();
const results = await bench();
const command = flags.command ? await benchCommand(flags.quick ? 7 : 25) : [];
const service = flags.service ? await benchService(flags.quick ? quickEffort : fullEffort) : { rows: [], imports: [] };

if (flags.json) {
  const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model ?? 'unknown', quick: flags.quick };
  console.log(JSON.stringify({ ...machine, results, command, service }));
} else {
  print(results);
  printCommand(command);
  printService(service);
}
if (flags.check && [...results, ...command, ...service.rows, ...service.imports].some(({ met }) => !met))
  process.exitCode = 1;
