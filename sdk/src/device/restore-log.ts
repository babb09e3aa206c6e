/** Sends entries again that the service lost (docs/device-service.md, section 2). */
import { toBase64 } from '../../../core/encoding/bytes.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { stopError } from './device-errors.ts';
import type { DeviceVaultEngine } from './vault-engine.ts';
import { stored } from './vault-store.ts';

/** The last entry before the first gap, and the head, by the word of the service. */
async function findGap(
  { requests }: DeviceVaultEngine,
  settings: CallSettings,
): Promise<{ readonly reached: number; readonly head: number }> {
  for (let reached = 0; ; ) {
    const { entries, head, more } = await requests.readLog(reached, settings);
    reached += entries.length;
    if (entries.length === 0 || !more) return { reached, head };
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
    await engine.requests.append({ entry: toBase64(stored(await engine.entry(seq))) }, seq, settings);
  }
  return head - reached;
}
