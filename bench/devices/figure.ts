export interface Figure {
  readonly name: string;
  readonly ms: number;
  /** The maximum, in milliseconds. */
  readonly goalMs?: number | undefined;
}

/** The time of one call, as the median of rounds of many calls. */
export async function medianMs(rounds: number, callsPerRound: number, call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    for (let n = 0; n < callsPerRound; n++) await call();
    times.push((performance.now() - started) / callsPerRound);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}
