/** Measures the CPU time that the import of each deployed bundle takes in a fresh process. */
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { type Spread, spread } from '../ratio-measurement.ts';
import { type DeployedFunction, functionNamed } from './deployed-functions.ts';

export interface ImportTime {
  readonly name: string;
  /** In milliseconds, less the import of an empty module. */
  readonly ms: Spread;
  /** Relative to `import 'node:http'` in the same round, which shows how fast the machine is. */
  readonly ratio: Spread;
  /** Largest ratio. */
  readonly goal: number | undefined;
  readonly met: boolean;
}

/** 30 ms on a machine on which `import 'node:http'` takes 34 ms. */
const readerGoal = 0.88;
const unusedUrl = 'http://127.0.0.1:9';
const emptyModule = 'data:text/javascript,';
const yardstick = 'data:text/javascript,import "node:http"';

/** The exit code shows that the module was evaluated: a failed import would be fast. */
const script = (url: string) => `
  const before = process.cpuUsage();
  await import(${JSON.stringify(url)});
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);
  process.exit(0);`;

function importOnce(url: string, env: Readonly<Record<string, string>>): number {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script(url)], { env, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${url} could not be imported. Nothing was measured. ${run.stderr}`);
  return Number(run.stdout);
}

/** Measures all functions in alternation. */
export function measureImports(functions: readonly DeployedFunction[], rounds: number): ImportTime[] {
  functionNamed(functions, 'Reader');
  const bundles = [
    { url: emptyModule, env: {} },
    { url: yardstick, env: {} },
    ...functions.map(({ bundle, environment }) => ({
      url: pathToFileURL(bundle).href,
      env: environment(unusedUrl),
    })),
  ];
  const samples = Array.from({ length: rounds }, () => bundles.map(({ url, env }) => importOnce(url, env)));
  const at = (index: number) => samples.map((round) => round[index] ?? Number.NaN);
  const empty = spread(at(0)).median;
  return functions.map(({ name }, i) => {
    const ms = at(i + 2).map((sample) => sample - empty);
    const ratio = spread(ms.map((own, round) => own / ((at(1)[round] ?? Number.NaN) - empty)));
    const goal = name === 'Reader' ? readerGoal : undefined;
    return { name, ms: spread(ms), ratio, goal, met: goal === undefined || ratio.median <= goal };
  });
}
