/** The public classes: pairing, devices, recovery, export and import, with the clock of the system. */
import { describe, expect, test } from 'vitest';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import type { DeviceVault } from '../../../sdk/src/device/device-vault.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { DeviceVaults } from '../../../sdk/src/device/device-vaults.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import { maxAnswerBytes } from '../../../sdk/src/http/bounded-transport.ts';
import { baseURL, userKey } from '../fake-fetch.ts';
import { FakeDeviceService } from './fake-device-service.ts';
import { withPairings } from './fake-pairing-routes.ts';

const vaultsAt = (service: FakeDeviceService) =>
  new DeviceVaults({ apiKey: userKey, baseURL, fetch: service.fetch, maxRetries: 0, storage: memoryStorage() });

async function begin() {
  const service = new FakeDeviceService();
  withPairings(service);
  const vaults = vaultsAt(service);
  const vault = await vaults.create({ label: 'Laptop' });
  return { service, vaults, vault, id: vault.scope.vault };
}

/** Adds a device by QR code. */
async function joined(
  service: FakeDeviceService,
  by: DeviceVault,
  options: { role?: 'admin' | 'data'; label?: string } = {},
) {
  const vaults = vaultsAt(service);
  const shown = Promise.withResolvers<string>();
  const join = vaults.showJoinQr({ vault: by.scope.vault, show: ({ text }) => shown.resolve(text) });
  await by.approveByQr(await shown.promise, options);
  return { vaults, vault: await join };
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) =>
      error instanceof DeviceVaultError ? error.code : String(Reflect.get(Object(error), 'code') ?? error),
  );

describe('pairing', () => {
  test('by code, with a person on both sides', async () => {
    const { service, vault, id } = await begin();
    await vault.records('memory').put({ text: 'hello' });
    const codes: string[] = [];
    const confirm = async ({ code }: { code: string }) => codes.push(code) > 0;
    const waiting = Promise.withResolvers<string>();
    const vaults = vaultsAt(service);
    const join = vaults.join({ vault: id, confirm, onWaiting: ({ pairing }) => waiting.resolve(pairing) });
    const pairing = await waiting.promise;
    expect((await vault.pairings()).map((pending) => pending.pairing)).toEqual([pairing]);
    await vault.approve(pairing, { confirm, label: 'Phone', role: 'data' });
    const other = await join;
    expect(codes).toEqual([codes[0], codes[0]]);
    expect((await other.records('memory').list()).map(({ data }) => data)).toEqual([{ text: 'hello' }]);
    expect((await other.devices()).map(({ role, label, isThis }) => [role, label, isThis])).toEqual([
      ['admin', 'Laptop', false],
      ['data', 'Phone', true],
    ]);
    expect(await refusal(other.approve('pa01pa01pa01pa01', { confirm }))).toBe('not_an_admin');
    expect(await refusal(other.recoveryCode())).toBe('not_an_admin');
  });

  test('by the QR code of the admin device', async () => {
    const { service, vault, id } = await begin();
    const shown = Promise.withResolvers<string>();
    const approval = vault.showApproveQr({ show: ({ text }) => shown.resolve(text), label: 'Phone' });
    const other = await vaultsAt(service).joinByQr(await shown.promise, { vault: id });
    await approval;
    expect((await other.devices())[1]).toMatchObject({ label: 'Phone', isThis: true });
    expect(other.headCode()).toEqual(vault.headCode());
  });

  test('that is refused ends for the new device', async () => {
    const { service, vault, id } = await begin();
    const waiting = Promise.withResolvers<string>();
    const vaults = vaultsAt(service);
    const confirm = async () => true;
    const join = refusal(vaults.join({ vault: id, confirm, onWaiting: ({ pairing }) => waiting.resolve(pairing) }));
    await vault.refuse(await waiting.promise);
    expect(await join).toBe('pairing_unknown');
    expect(await refusal(vaults.open(id))).toBe('vault_unknown');
  });
});

describe('devices', () => {
  test('are removed, leave and are forgotten; the key is rotated by the next sync of an admin', async () => {
    const { service, vaults, vault, id } = await begin();
    const phone = await joined(service, vault, { label: 'Phone' });
    const agent = await joined(service, vault, { role: 'data', label: 'Agent' });
    await vault.remove(agent.vault.device);
    expect(await refusal(agent.vault.sync())).not.toBe('done');
    await agent.vault.close();
    expect(await refusal(agent.vaults.forget(id, { confirm: 'other' }))).toBe('invalid_argument');
    await agent.vaults.forget(id, { confirm: id });
    expect(await refusal(agent.vaults.open(id))).toBe('vault_unknown');
    await phone.vault.sync();
    expect(await refusal(phone.vault.leave({ confirm: 'other' }))).toBe('invalid_argument');
    await phone.vault.leave({ confirm: id });
    expect(await refusal(phone.vaults.open(id))).toBe('vault_unknown');
    const served = service.vaults.get(id) ?? expect.fail();
    expect(served.state.rotationDue).toBe(true);
    await vault.sync();
    expect(served.state.rotationDue).toBe(false);
    expect(served.state.epoch).toBe(3);
    expect(await refusal(vault.leave({ confirm: id }))).toBe('last_admin');
    expect(await vault.records('todo').put({ title: 'go on' })).toMatchObject({ state: 'synced' });
    expect(await refusal(vault.closeVault({ confirm: 'other' }))).toBe('invalid_argument');
    await vault.closeVault({ confirm: id });
    expect((await vaults.list())[0]).toMatchObject({ state: 'closed', devices: 1 });
    expect(await refusal(vault.rotate())).toBe('vault_closed');
  });
});

test('a damaged copy can be forgotten', async () => {
  const service = new FakeDeviceService();
  const storage = memoryStorage();
  const vaults = new DeviceVaults({ apiKey: userKey, baseURL, fetch: service.fetch, maxRetries: 0, storage });
  const vault = await vaults.create();
  const { scope } = vault;
  expect(await refusal(vaults.forget(scope.vault, { confirm: scope.vault }))).toBe('vault_in_use');
  await vault.close();
  const data = await storage.data.open(scope);
  await data.write({ puts: new Map([['state', new Uint8Array(40)]]), deletes: new Set() });
  await data.close();
  expect(await refusal(vaults.open(scope.vault))).toBe('storage_damaged');
  await vaults.forget(scope.vault, { confirm: scope.vault });
  expect(await refusal(vaults.open(scope.vault))).toBe('vault_unknown');
});

describe('recovery', () => {
  test('makes a new device the only one, with all records', async () => {
    const { service, vault, id } = await begin();
    await vault.records('memory').put({ text: 'hello' });
    const { code, page, head } = await vault.recoveryCode();
    expect(page).toContain(code.slice(0, 4));
    expect(head.seq).toBe(2);
    const vaults = vaultsAt(service);
    expect(await refusal(vaults.recover({ vault: id, code: `${code}0` }))).toBe('code_mistyped');
    const { vault: rescued, recovery } = await vaults.recover({ vault: id, code: code.toLowerCase(), label: 'Rescue' });
    expect((await rescued.records('memory').list()).map(({ data }) => data)).toEqual([{ text: 'hello' }]);
    expect((await rescued.devices()).map(({ role, label }) => [role, label])).toEqual([
      ['admin', 'Rescue'],
      ['recovery', undefined],
    ]);
    expect(recovery.code).not.toBe(code);
    expect(await refusal(vaultsAt(service).recover({ vault: id, code }))).toBe('code_refused');
    expect(await refusal(vault.sync())).not.toBe('done');
  });
});

describe('export and import', () => {
  test('move records to another vault, where they are marked until a person confirms them', async () => {
    const { service, vault } = await begin();
    await vault.records('memory').put({ text: 'hello' }, { id: 'note' });
    await vault.records('memory').put({ text: 'hello again' }, { id: 'note' });
    await vault.records('provider').put({ endpoint: 'https://x.test', key: 's' }, { id: 'p' });
    await vault.records('todo').put({ title: 'gone' }, { id: 't' });
    await vault.records('todo').delete('t');
    const plain = JSON.parse(await vault.exportJson());
    expect(plain.records.map((record: { id: string; isDeleted: boolean }) => [record.id, record.isDeleted])).toEqual([
      ['note', false],
      ['p', false],
      ['t', true],
    ]);
    expect(plain.records[0].versions.map((one: { data: unknown }) => one.data)).toEqual([
      { text: 'hello again' },
      { text: 'hello' },
    ]);
    const { file, code, exported, skipped } = await vault.exportPia();
    expect([exported, skipped]).toEqual([2, []]);
    const target = await vaultsAt(service).create();
    const before = service.seen.length;
    const { imported, failures } = await target.importPia(file, { code });
    expect(failures).toEqual([]);
    expect(imported.map(({ type }) => type)).toEqual(['memory', 'provider']);
    // All records went into few entries of the log.
    expect(service.seen.length - before).toBeLessThanOrEqual(2);
    const provider = imported[1]?.id ?? expect.fail();
    expect(provider).not.toBe('p');
    expect(await target.records('provider').get(provider)).toMatchObject({ isImported: true });
    // A program that writes the record does not confirm it.
    await target.records('provider').put({ endpoint: 'https://x.test', key: 't' }, { id: provider });
    expect(await target.records('provider').get(provider)).toMatchObject({ isImported: true, data: { key: 't' } });
    expect(await target.confirmImported('provider', provider)).toMatchObject({ isImported: false, state: 'synced' });
    expect(await target.records('provider').get(provider)).toMatchObject({ isImported: false, data: { key: 't' } });
    expect(await refusal(target.confirmImported('provider', 'unknown'))).toBe('record_unknown');
  });

  test('records that are queued offline are exported too', async () => {
    const { service, vault } = await begin();
    service.before = () => {
      throw new Error('offline');
    };
    await vault.records('memory').put('queued', { id: 'note' });
    expect(JSON.parse(await vault.exportJson()).records).toMatchObject([{ id: 'note', data: 'queued', versions: [] }]);
    expect((await vault.exportPia()).exported).toBe(1);
  });
});

test('an answer without an end is not held in memory: the connection is closed', async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(0x20);
  let sent = 0;
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += chunk.length;
      controller.enqueue(chunk);
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  const fetch = async () => new Response(endless, { headers: { 'content-type': 'application/json' } });
  const vaults = new DeviceVaults({ apiKey: userKey, baseURL, fetch, maxRetries: 0, storage: memoryStorage() });
  await expect(vaults.list()).rejects.toMatchObject({
    code: 'connection_failed',
    detail: expect.stringContaining('TOO_LARGE'),
  });
  expect(isCancelled).toBe(true);
  expect(sent).toBeLessThanOrEqual(maxAnswerBytes + 2 * chunk.length);
});

test('an answer in many pieces is read whole, also where a character is in two of them', async () => {
  const bytes = utf8Bytes(JSON.stringify({ vaults: [], 'für später': 'ä' }));
  const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  const fetch = async () => new Response(body);
  const vaults = new DeviceVaults({ apiKey: userKey, baseURL, fetch, maxRetries: 0, storage: memoryStorage() });
  expect(await vaults.list()).toEqual([]);
});
