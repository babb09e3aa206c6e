/**
 * Measuring by ratio: the machine's speed wanders by more than what is to be told apart, but two that run in turns of
 * a few milliseconds see the same machine. Each round gives one ratio; the median of the rounds is the result.
 */
import type { Subject } from './contender.ts';

export type Operation = 'seal' | 'open';

export interface Effort {
  readonly rounds: number;
  /** Turns of each subject in a round. */
  readonly turns: number;
  /** CPU time of a turn, µs: well above the resolution of the process's clock. */
  readonly turnMicros: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Measured {
  readonly name: string;
  /** CPU time of one operation, µs: of all threads, so that a thread pool hides nothing. */
  readonly micros: Spread;
  /** CPU time over that of the first subject, per round. */
  readonly ratio: Spread;
}

/** Keeps results in use, and strings flat: one that is only glued together would put off part of its cost. */
let consumed = 0;

function consume(result: string | Uint8Array): void {
  consumed = (consumed + (typeof result === 'string' ? result.charCodeAt(result.length - 1) : (result[0] ?? 0))) | 0;
}

/** CPU time, µs, of `count` operations. */
async function time(subject: Subject, operation: Operation, count: number): Promise<number> {
  const run = operation === 'seal' ? subject.seal : subject.open;
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const result = run();
    // Only what is asynchronous by itself pays for a turn of the event loop.
    consume(result instanceof Promise ? await result : result);
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Operations that fill a turn; finding out also warms the subject up. */
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

/** Measures the subjects in turns; the first is the one that the others are compared with. */
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
