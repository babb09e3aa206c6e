/** Whether this device may sign a checkpoint: it has opened the newest content of every record. */
import { zeroHash } from '../../../../core/devices/chain-entry.ts';
import type { RecordHead } from '../../../../core/devices/chain-state.ts';
import { maxChanges, maxEntryBytes, maxLamportPerEntry } from '../../../../core/devices/limits.ts';
import { type Change, encodeChange, encodeChanges, sealChange } from '../../../../core/devices/record-changes.ts';
import type { RecordPlaintext } from '../../../../core/devices/record-plaintext.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { openVersion } from '../records/record-copy.ts';
import type { StoredRecord } from '../records/stored-record.ts';
import type { DeviceVaultEngine } from '../vault-engine.ts';
import type { EngineView } from '../vault-engine-types.ts';

/** Left for the envelope of an entry. */
const envelopeBytes = 1_024;

/** Records whose newest content this device did not open, or that is void. */
async function unopened(engine: DeviceVaultEngine, heads: readonly RecordHead[]): Promise<readonly StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (const head of heads) {
    const record = await engine.records.get(head);
    const isOpened = record?.isUndecided === false && record.content?.change.version === head.version;
    if (record !== undefined && !isOpened) found.push(record);
  }
  return found;
}

/** Whether this device has the keys of all epochs, and has opened every newest content. */
export async function hasOpenedAll(engine: DeviceVaultEngine, { state, key }: EngineView): Promise<boolean> {
  const epochs = Array.from({ length: state.epoch }, (_, at) => at + 1);
  if (epochs.some((epoch) => key(epoch) === undefined)) return false;
  return (await unopened(engine, state.records.values())).length === 0;
}

/** Thrown by a draft that found nothing to write. Never leaves this file. */
class NothingToWrite extends Error {}

/**
 * Writes the content before a void one as the next version, or a tombstone if there is none. Otherwise a device that goes
 * on at the next checkpoint could not fall back on it.
 */
export async function replaceVoidContent(engine: DeviceVaultEngine, settings: CallSettings): Promise<void> {
  const draft = async (view: EngineView) => {
    const changes: Change[] = [];
    let bytes = envelopeBytes;
    for (const record of await unopened(engine, view.state.records.values())) {
      if (record.isUndecided || changes.length === maxChanges) continue;
      const change = await sealAgain(engine, view, record);
      bytes += encodeChange(change).length + 4;
      if (bytes > maxEntryBytes) break;
      changes.push(change);
    }
    if (changes.length === 0) throw new NothingToWrite();
    return { kind: 'records' as const, body: encodeChanges(changes) };
  };
  try {
    await engine.append(draft, settings);
  } catch (error) {
    if (!(error instanceof NothingToWrite)) throw error;
  }
}

async function sealAgain(
  engine: DeviceVaultEngine,
  view: EngineView,
  { head, content }: StoredRecord,
): Promise<Change> {
  const opened = content && (await openVersion(content, (epoch) => view.key(epoch)));
  const before = typeof opened === 'object' ? opened : undefined;
  const place = { version: head.version + 1, parent: head.hash ?? zeroHash, device: engine.keys.id };
  const lamport = Math.min(engine.records.lamport + 1, maxLamportPerEntry * (view.state.head.seq + 1));
  const deleted = { live: false, mediaType: '', body: new Uint8Array(0) };
  const plaintext: RecordPlaintext = { ...(before ?? deleted), ...place, lamport };
  return await sealChange(view.currentKey(), head, plaintext);
}
