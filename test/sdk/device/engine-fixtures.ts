/** Devices of one vault at the fake service, without a pairing. */
import { expect } from 'vitest';
import { zeroHash } from '../../../core/devices/chain-entry.ts';
import { recordKey } from '../../../core/devices/chain-state.ts';
import { type DeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { encodeChanges, sealChange } from '../../../core/devices/record-changes.ts';
import { draftRoster, nextEpochKey, type RosterChange } from '../../../core/devices/write-entry.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { UserDeviceRequests } from '../../../sdk/src/device/device-requests.ts';
import {
  createVault,
  newEngine,
  newOpaqueId,
  openEngine,
  type VaultContext,
} from '../../../sdk/src/device/open-vault.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import type { DeviceStorage } from '../../../sdk/src/device/storage/storage-ports.ts';
import type { DeviceVaultEngine } from '../../../sdk/src/device/vault-engine.ts';
import type { EngineView, EntryDraft } from '../../../sdk/src/device/vault-engine-types.ts';
import { Transport } from '../../../sdk/src/http/transport.ts';
import { type CallSettings, resolveClientSettings } from '../../../sdk/src/shared/client-options.ts';
import { baseURL, owner, userKey } from '../fake-fetch.ts';
import { FakeDeviceService } from './fake-device-service.ts';

export { FakeDeviceService };

/** A device: its storage, and what it needs to use the service. */
export function deviceAt(service: FakeDeviceService, storage: DeviceStorage = memoryStorage()): VaultContext {
  const transport = new Transport(
    resolveClientSettings({ apiKey: userKey, baseURL, fetch: service.fetch, maxRetries: 0 }),
  );
  return { transport, user: new UserDeviceRequests(transport), storage, owner };
}

export const settingsOf = ({ transport }: VaultContext): CallSettings => transport.callSettings({});

/** A vault with one device. */
export async function vaultAt(service: FakeDeviceService, storage?: DeviceStorage) {
  const context = deviceAt(service, storage);
  const settings = settingsOf(context);
  const engine = await createVault(context, 'first', settings);
  return { context, settings, engine, vault: engine.scope.vault };
}

/** Drafts a change of the roster, with new keys where the epoch rises. */
export const rosterDraft =
  (change: RosterChange) =>
  async (view: EngineView): Promise<EntryDraft> => {
    const isSame = ['add', 'leave', 'close'].includes(change.kind);
    const key = isSame ? view.currentKey() : await nextEpochKey(view.state);
    const drafted = await draftRoster(view.state, change, key, view.key(key.epoch - 1));
    return { kind: change.kind, ...drafted, key: isSame ? undefined : key };
  };

/** Adds a device to the vault of another one, and reads the log there. */
export async function addDevice(
  service: FakeDeviceService,
  by: DeviceVaultEngine,
  role: 'admin' | 'data' = 'admin',
  storage?: DeviceStorage,
) {
  const context = deviceAt(service, storage);
  const settings = settingsOf(context);
  const engine = await newEngine(context, by.scope.vault);
  await by.append(rosterDraft({ kind: 'add', member: memberOf(engine.keys, role), ...pairing() }), settings);
  await engine.pull(settings);
  return { context, settings, engine };
}

export const memberOf = (keys: DeviceKeys, role: 'admin' | 'data') => ({
  id: keys.id,
  ...publicKeysOf(keys),
  role,
  label: new Uint8Array(0),
});

export const pairing = () => ({ pairing: newOpaqueId(), transcript: zeroHash });

/** Drafts the next version of a record, with this text as its body. */
export const recordDraft =
  (keys: DeviceKeys, id: string, text: string, type = 'memory') =>
  async (view: EngineView): Promise<EntryDraft> => {
    const head = view.state.records.get(recordKey({ type, id }));
    const place = { version: (head?.version ?? 0) + 1, parent: head?.hash ?? zeroHash, device: keys.id };
    const content = { lamport: view.state.head.seq, live: true, mediaType: 'text/plain', body: utf8Bytes(text) };
    const change = await sealChange(view.currentKey(), { type, id }, { ...place, ...content });
    return { kind: 'records', body: encodeChanges([change]) };
  };

/** The text of the newest content of a record at a device. */
export async function textAt(engine: DeviceVaultEngine, id: string, type = 'memory'): Promise<string | undefined> {
  const record = await engine.records.get({ type, id });
  if (record?.content === undefined) return undefined;
  const { openVersion } = await import('../../../sdk/src/device/records/record-copy.ts');
  const opened = await openVersion(record.content, (epoch) => engine.view.key(epoch));
  return typeof opened === 'string' ? opened : new TextDecoder().decode(opened.body);
}

/** Closes a device and opens it again from its storage. */
export async function reopened(context: VaultContext, engine: DeviceVaultEngine): Promise<DeviceVaultEngine> {
  await engine.close();
  return await openEngine(context, engine.scope.vault);
}

/** The served vault of an engine. */
export const servedBy = (service: FakeDeviceService, engine: DeviceVaultEngine) =>
  service.vaults.get(engine.scope.vault) ?? expect.fail('no such vault');
