/** Device vaults with records at the fake service. */
import { expect } from 'vitest';
import { DeviceVault } from '../../../sdk/src/device/device-vault.ts';
import { newEngine, openEngine, type VaultContext } from '../../../sdk/src/device/open-vault.ts';
import type { DeviceStorage } from '../../../sdk/src/device/storage/storage-ports.ts';
import {
  deviceAt,
  type FakeDeviceService,
  memberOf,
  pairing,
  rosterDraft,
  settingsOf,
  vaultAt,
} from './engine-fixtures.ts';

/** A device with its vault. */
export interface Device {
  readonly vault: DeviceVault;
  readonly context: VaultContext;
}

export async function firstDevice(service: FakeDeviceService, storage?: DeviceStorage): Promise<Device> {
  const { context, engine } = await vaultAt(service, storage);
  return { vault: await DeviceVault.over(context, engine), context };
}

/** A second device, added by the first one. */
export async function anotherDevice(
  service: FakeDeviceService,
  by: Device,
  role: 'admin' | 'data' = 'admin',
  storage?: DeviceStorage,
): Promise<Device> {
  const context = deviceAt(service, storage);
  const engine = await newEngine(context, by.vault.scope.vault);
  const change = { kind: 'add', member: memberOf(engine.keys, role), ...pairing() } as const;
  await by.vault.engine.append(rosterDraft(change), settingsOf(by.context));
  await engine.pull(settingsOf(context));
  return { vault: await DeviceVault.over(context, engine), context };
}

/** Closes a device and opens it again. */
export async function restarted({ vault, context }: Device): Promise<Device> {
  await vault.close();
  return { vault: await DeviceVault.over(context, await openEngine(context, vault.scope.vault)), context };
}

/** Runs without a connection. */
export async function offline<T>(service: FakeDeviceService, work: () => Promise<T>): Promise<T> {
  const { before } = service;
  service.before = () => {
    throw new Error('offline');
  };
  try {
    return await work();
  } finally {
    service.before = before;
  }
}

/** Syncs the devices in order, and once more, so that each has what the others wrote. */
export async function syncAll(...devices: readonly Device[]): Promise<void> {
  for (const { vault } of [...devices, ...devices]) await vault.sync();
}

/** The data of a record at each device; fails unless all have the same. */
export async function dataAt(id: string, type: 'memory' | 'session' | 'provider' | 'todo', ...devices: Device[]) {
  const all = await Promise.all(devices.map(async ({ vault }) => (await vault.records(type).get(id))?.data));
  for (const one of all) expect(one).toEqual(all[0]);
  return all[0];
}
