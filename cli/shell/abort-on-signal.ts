/** Work that is ended cleanly by Ctrl-C, by `kill`, and by a terminal that goes away. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs work whose signal fires at the first of these; a second one ends the process as it always would. */
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
