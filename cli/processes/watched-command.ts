/** Runs a command, and starts it again when values in its environment change. */
import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentResolver, ResolvedEnvironment } from '../secrets/resolved-environment.ts';
import { toFailure } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import type { ChildResult } from './child-process.ts';

type Run = (environment: ResolvedEnvironment, abort: AbortSignal) => Promise<ChildResult>;

/**
 * Resolves the environment again after each interval. If it differs, the command is ended and started with the new one.
 * If the vault cannot be read, the command keeps running. Ends when the command ends by itself.
 * @param interval milliseconds
 */
export async function runWatched(
  shell: Shell,
  resolver: EnvironmentResolver,
  interval: number,
  run: Run,
): Promise<ChildResult> {
  for (let environment = await resolver.resolve(); ; ) {
    const restart = new AbortController();
    const ended = new AbortController();
    const watching = waitForChange(shell, resolver, environment, interval, ended.signal);
    void watching.then((changed) => changed !== undefined && restart.abort());
    const result = await run(environment, restart.signal);
    ended.abort();
    const changed = await watching;
    if (changed === undefined) return result;
    shell.note('Values have changed: the command is started again.');
    environment = changed;
  }
}

/** The next environment that differs; undefined if the command ended before. */
async function waitForChange(
  shell: Shell,
  resolver: EnvironmentResolver,
  current: ResolvedEnvironment,
  interval: number,
  ended: AbortSignal,
): Promise<ResolvedEnvironment | undefined> {
  for (;;) {
    await sleep(interval, ended);
    if (ended.aborted) return undefined;
    try {
      const next = await resolver.resolve();
      if (ended.aborted) return undefined;
      if (!isDeepStrictEqual(next.variables, current.variables)) return next;
    } catch (error) {
      shell.note(`${toFailure(error).message}. The command keeps its values.`);
    }
  }
}

function sleep(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ended.aborted) return resolve();
    const stop = () => {
      clearTimeout(timer);
      ended.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(stop, ms);
    ended.addEventListener('abort', stop, { once: true });
  });
}
