/** Sends entries again that the service lost (docs/device-service.md, section 2). */
import { toBase64 } from '../../../core/encoding/bytes.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { stopError } from './device-errors.ts';
import type { DeviceVaultEngine } from './vault-engine.ts';

/** The last entry before the first gap, and the head, by the word of the service. */
async function findGap(
  { requests }: DeviceVaultEngine,
  settings: CallSettings,
): Promise<{ readonly reached: number; readonly head: number }> {
  for (let reached = 0; ; ) {
    const { entries, head, more, pruned } = await requests.readLog(reached, settings);
    // What was pruned is not missing.
    const next = pruned === undefined ? reached + entries.length : pruned.checkpoint - 1;
    if (next <= reached || (pruned === undefined && !more)) return { reached: Math.max(reached, next), head };
    reached = next;
  }
}

/**
 * Sends the entries between the first gap and the head, the newest one first: the service recognises each by the one after
 * it.
 * @returns the number of entries that were sent
 * @throws DeviceVaultError bad_envelope (`missing_entries`) if this device has not verified them; AnimaError of the
 *   requests
 */
export async function restoreLog(engine: DeviceVaultEngine, settings: CallSettings): Promise<number> {
  const { reached, head } = await findGap(engine, settings);
  if (reached >= head) return 0;
  if (engine.view.state.head.seq < head) throw stopError('missing_entries', reached + 1);
  for (let seq = head; seq > reached; seq--) {
    const signed = await engine.entry(seq);
    // This device went on at a checkpoint, and never read it.
    if (signed === undefined) throw stopError('missing_entries', seq);
    await engine.requests.append({ entry: toBase64(signed) }, seq, settings);
  }
  return head - reached;
}
