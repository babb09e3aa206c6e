/**
 * Measures ratios. The speed of a machine varies by more than the differences to measure, but two subjects that
 * alternate every few milliseconds run under the same conditions. Each round gives one ratio; the result is the median
 * of the rounds.
 */

export interface Subject {
  readonly name: string;
  /** CPU time of `count` operations in µs. */
  time(count: number): Promise<number>;
}

export interface Effort {
  readonly rounds: number;
  /** Number of turns of each subject per round. */
  readonly turns: number;
  /** CPU time of a turn in µs. It is well above the resolution of the process clock. */
  readonly turnMicros: number;
  /** Operations of a turn, instead of as many as take that time. */
  readonly turnOperations?: number;
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

/** CPU time in µs that warms up a subject, so that its functions are compiled before they are measured. */
const warmUpMicros = 400_000;

/** Warms up a subject and determines the number of operations per turn. */
async function calibrate(subject: Subject, turnMicros: number): Promise<number> {
  let count = 1;
  let micros = 0;
  for (let spent = 0; spent < warmUpMicros; spent += micros) {
    micros = await subject.time(count);
    if (micros < turnMicros) count *= 2;
    else if (spent + micros < warmUpMicros) count = Math.max(1, Math.round((count * turnMicros) / micros));
  }
  return Math.max(1, Math.round((count * turnMicros) / micros));
}

export function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

async function round(subjects: readonly Subject[], counts: readonly number[], turns: number) {
  const spent = subjects.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, subject] of subjects.entries()) {
      spent[i] = (spent[i] ?? 0) + (await subject.time(counts[i] ?? 1));
    }
  }
  return spent.map((micros, i) => micros / (turns * (counts[i] ?? 1)));
}

/** Measures the subjects in alternation. The first is the baseline. */
export async function measure(subjects: readonly Subject[], effort: Effort): Promise<Measured[]> {
  const counts: number[] = [];
  for (const subject of subjects) {
    const count = await calibrate(subject, effort.turnMicros);
    counts.push(effort.turnOperations ?? count);
  }
  const rounds: number[][] = [];
  for (let i = 0; i < effort.rounds; i++) rounds.push(await round(subjects, counts, effort.turns));
  return subjects.map(({ name }, i) => ({
    name,
    micros: spread(rounds.map((micros) => micros[i] ?? Number.NaN)),
    ratio: spread(rounds.map((micros) => (micros[i] ?? Number.NaN) / (micros[0] ?? Number.NaN))),
  }));
}
