/** A vault in memory with a checkpoint that a second device acknowledged, and readers of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ReadDeviceLogResponse } from '../../contract/devices/wire.ts';
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../core/devices/apply-content.ts';
import type { EntryKind } from '../../core/devices/chain-entry.ts';
import { signEntry } from '../../core/devices/chain-entry.ts';
import { generateLocalCryptoKey, localKeyOf } from '../../core/devices/local-box.ts';
import { draftEntry } from '../../core/devices/write-entry.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { DeviceRequests } from '../../sdk/src/device/device-requests.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { DeviceVaultEngine } from '../../sdk/src/device/vault-engine.ts';
import { VaultStore } from '../../sdk/src/device/vault-store.ts';
import { Transport } from '../../sdk/src/http/transport.ts';
import { resolveClientSettings } from '../../sdk/src/shared/client-options.ts';
import { baseURL, userKey } from '../sdk/fake-fetch.ts';
import { InMemoryDeviceService } from './in-memory-device-service.ts';
import { ModelDevice, SeededRandom } from './model-device.ts';
import { pairInModel } from './model-pairing.ts';

let seed = 1;

/** A device that makes no checkpoints by itself. */
export function quietDevice(service: InMemoryDeviceService): ModelDevice {
  const device = new ModelDevice(service, new SeededRandom(seed++));
  device.checkpointEvery = Number.POSITIVE_INFINITY;
  return device;
}

/** Waits are short, but no time passes by them: a busy machine lets no pairing expire. */
const patientClock = () => ({ now: () => Date.now(), wait: () => delay(1) });

export async function pairQuietly(
  service: InMemoryDeviceService,
  by: ModelDevice,
  role: 'admin' | 'data' = 'admin',
): Promise<ModelDevice> {
  service.pairings.pairings.clear();
  const device = quietDevice(service);
  const { joined } = await pairInModel(by, device, role, patientClock);
  if (typeof joined === 'string') expect.fail(joined);
  await device.use(joined);
  service.pairings.pairings.clear();
  return device;
}

export const put = (device: ModelDevice, id: string, text: string) =>
  device.vault.records('memory').put({ text }, { id });

/** Two devices, records with several versions, one deleted; a removed device; all read by both. */
export async function vaultOfTwo() {
  const service = new InMemoryDeviceService();
  const first = quietDevice(service);
  await first.create();
  const second = await pairQuietly(service, first);
  for (let round = 0; round < 3; round++)
    for (const id of ['a', 'a-b', 'ab', 'b', 'c']) await put(first, id, `${id}${round}`);
  await first.vault.records('memory').delete('c');
  await second.vault.sync();
  const third = await pairQuietly(service, first, 'data');
  await first.vault.remove(third.id);
  await put(second, 'a', 'after the removal');
  await first.vault.sync();
  return { service, first, second, third };
}

/** Makes a checkpoint, and acknowledges it on the other device. @returns its sequence number */
export async function acknowledgedCheckpoint(maker: ModelDevice, other: ModelDevice): Promise<number> {
  const seq = await pushCheckpoint(maker);
  await pushAcknowledgement(other);
  await maker.engine.pull(maker.settings);
  expect(maker.engine.view.state.acknowledged?.seq).toBe(seq);
  return seq;
}

/** An entry without the checks of an honest device. */
export async function push(device: ModelDevice, kind: EntryKind, body: Bytes): Promise<number> {
  await device.engine.pull(device.settings);
  const { state } = device.engine.view;
  const draft = draftEntry(state, device.id, kind, body, new Date().toISOString());
  const entry = toBase64(await signEntry(draft, device.engine.keys.ecdsa.privateKey));
  await device.engine.requests.append({ entry }, draft.seq, device.settings);
  await device.engine.pull(device.settings);
  return draft.seq;
}

export const pushCheckpoint = async (device: ModelDevice, changed: object = {}): Promise<number> => {
  await device.engine.pull(device.settings);
  const honest = await createCheckpoint(device.engine.view.state);
  return await push(device, 'checkpoint', encodeCheckpoint({ ...honest, ...changed }));
};

export const pushAcknowledgement = async (device: ModelDevice): Promise<number> => {
  await device.engine.pull(device.settings);
  const { checkpoint } = device.engine.view.state;
  return await push(device, 'acknowledge', encodeAcknowledgement(checkpoint ?? expect.fail('no checkpoint')));
};

/**
 * A new copy with the keys of a device, read up to an entry.
 * @param upTo 0 for an empty copy
 */
export async function readerOf(service: InMemoryDeviceService, device: ModelDevice, upTo: number) {
  let isTrimmed = upTo > 0;
  const serve = service.fetchOf();
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const response = await serve(input, init);
    if (!isTrimmed || !new URL(String(input)).pathname.endsWith('/log')) return response;
    const page: ReadDeviceLogResponse = await response.json();
    const trimmed = { ...page, entries: page.entries.slice(0, upTo), head: upTo, more: false };
    return new Response(JSON.stringify(trimmed), { headers: { 'content-type': 'application/json' } });
  };
  const transport = new Transport(resolveClientSettings({ apiKey: userKey, baseURL, fetch, maxRetries: 0 }));
  const { scope, keys } = device.engine;
  const local = localKeyOf(await generateLocalCryptoKey());
  const store = new VaultStore(await memoryStorage().data.open(scope), local, scope);
  const requests = new DeviceRequests(transport, scope, keys);
  const engine = await DeviceVaultEngine.open({ scope, keys, store, requests });
  if (isTrimmed) await engine.pull(device.settings);
  isTrimmed = false;
  return engine;
}

/** Prunes until the service is done. @returns the number of requests */
export async function pruneAll(device: ModelDevice, checkpoint: number): Promise<number> {
  for (let requests = 1; ; requests++) {
    const answer = await device.engine.requests.prune(checkpoint, device.settings);
    if (answer.done && answer.checkpoint >= checkpoint) return requests;
    if (requests > 1_000) expect.fail('it does not end');
  }
}
