/** Ends work cleanly on Ctrl-C, `kill`, or a closed terminal. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs work with an abort signal that fires on the first of these signals. A second one ends the process as usual. */
export async function runUntilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => {
    release();
    stop.abort();
  };
  const release = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    release();
  }
}
