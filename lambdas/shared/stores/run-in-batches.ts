/** Calls of a store that run at the same time. */
const concurrentCalls = 10;

/** Runs a call for each item, some at a time. */
export async function runInBatches<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += concurrentCalls)
    await Promise.all(items.slice(at, at + concurrentCalls).map(call));
}
