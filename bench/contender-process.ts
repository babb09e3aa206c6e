/**
 * A contender in a process of its own. Contenders that share a process share its heap: a garbage collection is then
 * counted for the contender that happens to run.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Task } from './contender.ts';
import type { ContenderName } from './contender-registry.ts';
import type { Subject } from './ratio-measurement.ts';

const main = fileURLToPath(new URL('./contender-main.ts', import.meta.url));

/** Messages of a contender process: its name once it is ready, then the CPU time of each turn in µs. */
export type Report = { readonly name: string } | { readonly micros: number };

export interface ContenderProcess extends Subject {
  end(): void;
}

/** Starts a process, which checks the results of its contender before anything is measured. */
export async function startContender(contender: ContenderName, task: Task): Promise<ContenderProcess> {
  const child = fork(main, [contender, JSON.stringify(task)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const nextReport = async (): Promise<Report> => {
    const [report]: (Report | number | null)[] = await Promise.race([once(child, 'message'), exited]);
    if (typeof report === 'object' && report !== null) return report;
    throw new Error(`The process of ${contender} ended. Nothing was measured.`);
  };
  const ready = await nextReport();
  return {
    name: 'name' in ready ? ready.name : contender,
    time: async (count) => {
      child.send({ count });
      const report = await nextReport();
      return 'micros' in report ? report.micros : Number.NaN;
    },
    end: () => child.disconnect(),
  };
}
