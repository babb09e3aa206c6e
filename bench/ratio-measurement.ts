/**
 * Measures ratios. The speed of a machine varies by more than the differences to measure, but two subjects that
 * alternate every few milliseconds run under the same conditions. Each round gives one ratio; the result is the median
 * of the rounds.
 */
import type { Subject } from './contender.ts';

export type Operation = 'seal' | 'open';

export interface Effort {
  readonly rounds: number;
  /** Number of turns of each subject per round. */
  readonly turns: number;
  /** CPU time of a turn in µs. It is well above the resolution of the process clock. */
  readonly turnMicros: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Measured {
  readonly name: string;
  /** CPU time of one operation in µs, over all threads, so that work in a thread pool is included. */
  readonly micros: Spread;
  /** Ratio to the CPU time of the first subject, per round. */
  readonly ratio: Spread;
}

/** Uses the results and flattens strings, because a concatenated string would defer part of its cost. */
let consumed = 0;

function consume(result: string | Uint8Array): void {
  consumed = (consumed + (typeof result === 'string' ? result.charCodeAt(result.length - 1) : (result[0] ?? 0))) | 0;
}

/** CPU time of `count` operations in µs. */
async function time(subject: Subject, operation: Operation, count: number): Promise<number> {
  const run = operation === 'seal' ? subject.seal : subject.open;
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const result = run();
    // Await only promises, so that synchronous subjects do not pay for the event loop.
    consume(result instanceof Promise ? await result : result);
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Determines the number of operations per turn. This also warms up the subject. */
async function calibrate(subject: Subject, operation: Operation, turnMicros: number): Promise<number> {
  let count = 1;
  for (;;) {
    const micros = await time(subject, operation, count);
    if (micros >= 5 * turnMicros) return Math.max(1, Math.round((count * turnMicros) / micros));
    count *= 2;
  }
}

export function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

async function round(subjects: readonly Subject[], operation: Operation, counts: readonly number[], turns: number) {
  const spent = subjects.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, subject] of subjects.entries()) {
      spent[i] = (spent[i] ?? 0) + (await time(subject, operation, counts[i] ?? 1));
    }
  }
  return spent.map((micros, i) => micros / (turns * (counts[i] ?? 1)));
}

/** Measures the subjects in alternation. The first is the baseline. */
export async function measure(subjects: readonly Subject[], operation: Operation, effort: Effort): Promise<Measured[]> {
  const counts: number[] = [];
  for (const subject of subjects) counts.push(await calibrate(subject, operation, effort.turnMicros));
  const rounds: number[][] = [];
  for (let i = 0; i < effort.rounds; i++) rounds.push(await round(subjects, operation, counts, effort.turns));
  return subjects.map(({ name }, i) => ({
    name,
    micros: spread(rounds.map((micros) => micros[i] ?? Number.NaN)),
    ratio: spread(rounds.map((micros) => (micros[i] ?? Number.NaN) / (micros[0] ?? Number.NaN))),
  }));
}
