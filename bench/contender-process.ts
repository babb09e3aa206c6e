/**
 * Contenders in processes of their own. Contenders that share a process share its heap: a garbage collection can be counted
 * for the contender that happens to run. Blobs share one all the same (main.ts).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Task } from './contender.ts';
import type { ContenderName } from './contender-registry.ts';
import type { Subject } from './ratio-measurement.ts';

const main = fileURLToPath(new URL('./contender-main.ts', import.meta.url));

/** Messages of a contender process: the names of its contenders once they are ready, then the CPU time of each turn in µs. */
export type Report = { readonly names: readonly string[] } | { readonly micros: number };

/** A request for a turn: `count` operations of the contender at this place. */
export interface Turn {
  readonly at: number;
  readonly count: number;
}

export interface ContenderProcess {
  readonly subjects: readonly Subject[];
  end(): void;
}

/** Starts a process, which checks the results of its contenders before anything is measured. */
export async function startContenders(contenders: readonly ContenderName[], task: Task): Promise<ContenderProcess> {
  const child = fork(main, [contenders.join(), JSON.stringify(task)], {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const nextReport = async (): Promise<Report> => {
    const [report]: (Report | number | null)[] = await Promise.race([once(child, 'message'), exited]);
    if (typeof report === 'object' && report !== null) return report;
    throw new Error(`The process of ${contenders.join(' and ')} ended. Nothing was measured.`);
  };
  const time = async (turn: Turn): Promise<number> => {
    child.send(turn);
    const report = await nextReport();
    return 'micros' in report ? report.micros : Number.NaN;
  };
  const ready = await nextReport();
  const names = 'names' in ready ? ready.names : contenders;
  return {
    subjects: names.map((name, at) => ({ name, time: (count) => time({ at, count }) })),
    end: () => child.disconnect(),
  };
}
