/** Labels of devices: encrypted names that people see in the list of devices. */
import { parseSignedEntry } from '../../../../core/devices/chain-entry.ts';
import type { Member } from '../../../../core/devices/chain-state.ts';
import { type EpochKey, openLabel, sealLabel } from '../../../../core/devices/epoch-keys.ts';
import { type Bytes, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeTextField } from '../../../../core/encoding/field-reader.ts';
import type { VaultEngine } from '../vault-engine-types.ts';

/** Seals a label; empty without one. @param key the keys of the epoch after the entry that contains the label */
export const sealDeviceLabel = async (key: EpochKey, device: string, label: string): Promise<Bytes> =>
  label === '' ? new Uint8Array(0) : await sealLabel(key, device, utf8Bytes(label));

/** The label of a member; undefined if it has none, or if this device has no key that opens it. */
export async function openDeviceLabel(engine: VaultEngine, { id, label, since }: Member): Promise<string | undefined> {
  if (label.length === 0) return undefined;
  const signed = await engine.entry(since);
  const entry = signed && parseSignedEntry(signed);
  if (entry === undefined || typeof entry === 'string') return undefined;
  // `add` stays in its epoch. `genesis` and `recover` begin one.
  const key = engine.view.key(entry.kind === 'add' ? entry.epoch : entry.epoch + 1);
  const opened = key && (await openLabel(key, id, label).catch(() => undefined));
  return decodeTextField(opened);
}
