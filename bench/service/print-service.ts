import type { ServiceResults } from './service-bench.ts';

/** Whether a figure is within its largest value; empty without one. */
export const goalText = (goal: number | undefined, met: boolean): string =>
  goal === undefined ? '' : `  ≤ ${goal} ${met ? 'met' : 'MISSED'}`;

export function printService({ rows, imports }: ServiceResults): void {
  if (rows.length === 0) return;
  console.log('\nCPU time of a warm request relative to a plain handler with the AWS SDK, alternating in one run');
  console.log('op       handler                    µs    ratio         min … max  goal');
  for (const { operation, name, micros, ratio, goal, met } of rows) {
    const cells = [
      operation.padEnd(8),
      name.padEnd(18),
      micros.median.toFixed(0).padStart(9),
      ratio.median.toFixed(2).padStart(8),
      `${ratio.min.toFixed(2)} … ${ratio.max.toFixed(2)}`.padStart(17),
      goalText(goal, met),
    ];
    console.log(cells.join(' ').trimEnd());
  }
  console.log(
    '\nCPU time of the import of each function in a fresh process, less that of an empty module, and relative to that of',
  );
  console.log("import 'node:http'");
  console.log('function                  ms         min … max    ratio  goal');
  for (const { name, ms, ratio, goal, met } of imports) {
    const cells = [
      name.padEnd(20),
      ms.median.toFixed(1).padStart(7),
      `${ms.min.toFixed(1)} … ${ms.max.toFixed(1)}`.padStart(17),
      ratio.median.toFixed(2).padStart(8),
      goalText(goal, met),
    ];
    console.log(cells.join(' ').trimEnd());
  }
}
