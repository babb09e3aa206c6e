/** Pruning over real HTTP with the deployed template: by devices of the SDK (docs/device-service.md, section 6). */
import { describe, expect, test } from 'vitest';
import type { ReadBundleEntriesResponse, ReadBundleRecordsResponse } from '../../contract/devices/wire.ts';
import { parseChange } from '../../core/devices/record-changes.ts';
import { recoveryBoxHash } from '../../core/devices/recovery-code.ts';
import { resumeFromCheckpoint } from '../../core/devices/resume-from-checkpoint.ts';
import { type DeviceVault, DeviceVaults, memoryStorage, type SyncProgress } from '../../sdk/src/device/index.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createUser, expectOk, generateDeviceKeys, memberOf, ServedVault } from './signed-device-requests.ts';

const stack = useLocalStack();

const vaultsOf = (key: string) =>
  new DeviceVaults({ apiKey: key, baseURL: stack.vault.url, storage: memoryStorage(), maxRetries: 0 });

async function pair(by: DeviceVault, vaults: DeviceVaults): Promise<DeviceVault> {
  const waiting = Promise.withResolvers<string>();
  const confirm = async () => true;
  const onWaiting = ({ pairing }: { pairing: string }) => waiting.resolve(pairing);
  const joining = vaults.join({ vault: by.scope.vault, confirm, onWaiting });
  await by.approve(await waiting.promise, { confirm });
  return await joining;
}

async function oneDevice() {
  const { key } = await createUser(stack);
  const first = await vaultsOf(key).create();
  return { key, first };
}

const putMany = async (vault: DeviceVault, rounds: number) => {
  for (let round = 0; round < rounds; round++)
    for (const id of ['a', 'b', 'c']) await vault.records('memory').put({ text: `${id} ${round}` }, { id });
};
const textsOf = async (vault: DeviceVault) =>
  (await vault.records('memory').list()).map(({ id, version, data }) => [id, version, Object(data).text]);
const itemsOf = async ({ scope }: { scope: { vault: string } }) =>
  (await stack.allItems(stack.table('DeviceCustodyLogsTable'))).filter(({ id }) => id?.S?.includes(scope.vault));

describe('a vault with two devices', () => {
  test('is pruned by itself: one makes the checkpoint, the other one acknowledges it, and a third one joins', async () => {
    const { key, first } = await oneDevice();
    const second = await pair(first, vaultsOf(key));
    for (const vault of [first, second]) vault.upkeep.every = 20;
    await putMany(first, 7);
    await first.records('memory').delete('c');
    await first.sync();
    const before = (await itemsOf(first)).length;
    await second.sync();
    await first.sync();
    const { acknowledged } = first.engine.view.state;
    expect(acknowledged?.seq).toBeGreaterThan(20);
    expect((await itemsOf(first)).length).toBeLessThan(before - 10);
    await first.records('memory').put({ text: 'later' }, { id: 'd' });
    const third = await pair(first, vaultsOf(key));
    expect(await textsOf(third)).toEqual(await textsOf(first));
    const [newest, ...rest] = await third.records('memory').history('a');
    expect(rest).toEqual([]);
    expect(newest).toMatchObject({ version: 7, time: undefined, isFromCheckpoint: true, device: first.device });
    expect(await first.records('memory').history('a')).toHaveLength(7);
    expect(await third.records('memory').history('c')).toMatchObject([{ version: 8, isDeleted: true }]);
    // A version from a checkpoint is an ordinary one: changed, deleted and restored.
    await third.records('memory').put({ text: 'changed' }, { id: 'a' });
    await third.records('memory').restore('a', 7);
    await first.sync();
    expect((await first.records('memory').get('a'))?.data).toEqual({ text: 'a 6' });
    expect(JSON.parse(await third.exportJson()).records[0].versions.at(-1)).not.toHaveProperty('time');
    for (const vault of [first, second, third]) await vault.close();
  });

  test('goes on at a checkpoint on a device that is behind, with progress, and keeps its unsent changes', async () => {
    const { key, first } = await oneDevice();
    const second = await pair(first, vaultsOf(key));
    let isOnline = true;
    const lateVaults = new DeviceVaults({
      apiKey: key,
      baseURL: stack.vault.url,
      storage: memoryStorage(),
      maxRetries: 0,
      fetch: async (input, init) => {
        if (!isOnline) throw new TypeError('no connection');
        return await fetch(input, init);
      },
    });
    const late = await pair(first, lateVaults);
    await putMany(first, 1);
    await late.sync();
    isOnline = false;
    await late.records('memory').put({ text: 'b 0', note: 'offline' }, { id: 'b' });
    await late.records('todo').put({ done: true }, { id: 'task' });
    await late.records('memory').delete('c');
    await putMany(first, 2);
    const checkpoint = (await first.prune()).checkpoint;
    expect(checkpoint).toBeUndefined();
    await second.sync();
    expect(await first.prune()).toMatchObject({ checkpoint: expect.any(Number) });
    isOnline = true;
    const progress: SyncProgress[] = [];
    const result = await late.sync({ onProgress: (one) => progress.push(one) });
    expect(result).toMatchObject({ pushed: 2, queued: 0, conflicts: [] });
    expect(progress).toContainEqual(expect.objectContaining({ records: 3 }));
    // The change wins over the deletion; both sides of `b` are there.
    expect((await late.records('memory').get('b'))?.data).toEqual({ text: 'b 1', note: 'offline' });
    await second.sync();
    expect(await textsOf(second)).toEqual(await textsOf(late));
    expect((await second.records('memory').get('b'))?.data).toEqual({ text: 'b 1', note: 'offline' });
    expect(await second.records('todo').get('task')).toBeDefined();
    expect(second.headCode()).toEqual(late.headCode());
    for (const vault of [first, second, late]) await vault.close();
  });
});

describe('a vault with one device', () => {
  test('is pruned only after a person confirmed, and is then read by a device that joins or recovers', async () => {
    const { key, first } = await oneDevice();
    first.upkeep.every = 5;
    await putMany(first, 4);
    await first.sync();
    expect(first.engine.view.state.checkpoint).toBeUndefined();
    expect(await rejectionOf(first.prune())).toMatchObject({ code: 'prune_unconfirmed' });
    const before = await itemsOf(first);
    const { code } = await first.recoveryCode();
    const pruned = await first.prune({ confirmed: true });
    expect(pruned).toEqual({ checkpoint: first.engine.view.state.acknowledged?.seq, isWaiting: false });
    expect((await itemsOf(first)).length).toBeLessThan(before.length);
    const texts = await textsOf(first);
    const second = await pair(first, vaultsOf(key));
    expect(await textsOf(second)).toEqual(texts);
    await first.close();
    await second.close();
    const recovered = await vaultsOf(key).recover({ vault: first.scope.vault, code });
    expect(await textsOf(recovered.vault)).toEqual(texts);
    expect(await recovered.vault.prune({ confirmed: true })).toMatchObject({ isWaiting: false });
    const again = await vaultsOf(key).recover({ vault: first.scope.vault, code: recovered.recovery.code });
    expect(await textsOf(again.vault)).toEqual(texts);
    await again.vault.close();
    await recovered.vault.close();
  });

  test('leaves nothing behind when it is deleted', async () => {
    const { key, first } = await oneDevice();
    await putMany(first, 2);
    await first.prune({ confirmed: true });
    const ids = (await itemsOf(first)).map(({ id }) => id?.S?.split('/').slice(2).join('/'));
    expect(ids).toEqual(
      expect.arrayContaining(['.bundle', '.hashes/000000000000', expect.stringMatching(/^\.records\/memory:a!/)]),
    );
    const { vault } = first.scope;
    await first.closeVault({ confirm: vault });
    await first.close();
    expect(await vaultsOf(key).delete(vault, { confirm: vault })).toMatchObject({ deleted: true });
    expect(await itemsOf(first)).toEqual([]);
  });

  test('gets back what a restore of the log lost, if a device kept it, and nothing from before its bundle', async () => {
    const { key, first } = await oneDevice();
    await putMany(first, 2);
    await first.prune({ confirmed: true });
    await putMany(first, 1);
    const { seq } = first.headCode();
    const joined = await pair(first, vaultsOf(key));
    for (const lost of [seq, seq - 1]) {
      const id = `${first.scope.user}/${first.scope.vault}/${String(lost).padStart(12, '0')}`;
      await stack.deleteItem(stack.table('DeviceCustodyLogsTable'), { org: first.scope.org, id });
    }
    expect(await joined.restoreLog()).toBe(first.engine.view.state.head.seq + 1 - (seq - 1));
    await joined.sync();
    await first.sync();
    expect(first.headCode()).toEqual(joined.headCode());
    await first.close();
    await joined.close();
  });
});

describe('the routes', () => {
  test('prune for members but the recovery member, which reads bundles; and not for removed devices', async () => {
    const vault = new ServedVault(stack, await createUser(stack));
    const admin = await vault.begin();
    const data = await vault.add(admin, 'data');
    const removed = await vault.add(admin, 'data');
    const recovery = await generateDeviceKeys(true);
    const box = Buffer.alloc(366);
    const member = memberOf(recovery, 'recovery');
    await vault.roster(admin, { kind: 'recovery', recovery: member, box: await recoveryBoxHash(box) }, box);
    await vault.roster(admin, { kind: 'remove', device: removed.id });
    for (const text of ['one', 'two']) await vault.put(data, 'note', text);
    await vault.simulator.checkpoint(data);
    await expectOk(await vault.pushLast(data));
    const { seq: checkpoint } = vault.simulator.state.head;
    const prune = (keys: typeof admin, body: object = { checkpoint }) => vault.send(keys, 'POST', '/prune', body);
    await expectProblem(await prune(admin), 'prune_refused');
    await vault.simulator.acknowledge(admin);
    await expectOk(await vault.pushLast(admin));
    await expectProblem(await prune(recovery), 'forbidden');
    await expectProblem(await prune(removed), 'device_refused');
    for (const bad of [{}, { checkpoint: 0 }, { checkpoint: 1.5 }, { checkpoint: 'x' }, { checkpoint, more: 1 }])
      await expectProblem(await prune(admin, bad), 'invalid_request');
    await expectProblem(await prune(admin, { checkpoint: checkpoint - 1 }), 'prune_refused');
    expect(await (await prune(data)).json()).toMatchObject({ checkpoint, done: true });
    expect(await (await prune(admin)).json()).toEqual({ checkpoint, done: true, step: 0 });
    const bundle = (rest: string, keys = recovery) => vault.send(keys, 'GET', `/bundles/${rest}`);
    for (const rest of [`${checkpoint + 1}/entries`, `${checkpoint - 1}/records`, 'x/records', '-1/entries'])
      await expectProblem(await bundle(rest), 'bundle_replaced');
    await expectProblem(await bundle(`${checkpoint}/records?type=x&id=y`), 'invalid_request');
    await expectProblem(await bundle(`${checkpoint}/records`, removed), 'device_refused');
    const { records, more }: ReadBundleRecordsResponse = await (await bundle(`${checkpoint}/records`)).json();
    expect([records.length, more]).toEqual([1, false]);
    const after = await (await bundle(`${checkpoint}/records?type=memory&id=note`)).json();
    expect(after).toEqual({ records: [], more: false });
    const { entries, subtrees } = await (await bundle(`${checkpoint}/entries`)).json();
    expect([entries.length, subtrees.length]).toEqual([6, 3]);
    expect(await vault.read(recovery, '?after=6')).toMatchObject({ entries: [], pruned: { checkpoint } });
  });
});

describe('an interruption', () => {
  /** Reads the bundle that is published now, and verifies it as a device does. @returns its checkpoint and records */
  async function verified(vault: ServedVault, keys: Awaited<ReturnType<ServedVault['begin']>>) {
    // The first two entries are of the roster, and still there.
    const { pruned } = await vault.read(keys, '?after=2');
    const seq = pruned?.checkpoint ?? expect.fail('not pruned');
    const get = async (rest: string) => await (await vault.send(keys, 'GET', `/bundles/${seq}/${rest}`)).json();
    const { entries, subtrees }: ReadBundleEntriesResponse = await get('entries');
    const { records }: ReadBundleRecordsResponse = await get('records');
    const signed = entries.map(({ entry }) => bytesOf(entry));
    const resumed = await resumeFromCheckpoint(vault.scope, {
      roster: signed.slice(0, -1),
      checkpoint: signed.at(-1) ?? expect.fail('no checkpoint'),
      subtrees: subtrees.map(bytesOf),
      records: records.map(({ epoch, change }) => ({ epoch, change: parseChange(bytesOf(change)) ?? expect.fail() })),
    });
    return { seq, records: resumed?.state.records.values().map(({ id, version }) => `${id} ${version}`) };
  }

  test('at any write leaves a bundle that devices accept, and the same request goes on', {
    timeout: 60_000,
  }, async () => {
    const vault = new ServedVault(stack, await createUser(stack));
    const admin = await vault.begin();
    const data = await vault.add(admin, 'data');
    const checkpoint = async () => {
      await vault.simulator.checkpoint(data);
      await expectOk(await vault.pushLast(data));
      const { seq } = vault.simulator.state.head;
      await vault.simulator.acknowledge(admin);
      await expectOk(await vault.pushLast(admin));
      return seq;
    };
    const prune = (seq: number) => vault.send(admin, 'POST', '/prune', { checkpoint: seq });
    for (const id of ['a', 'a-b', 'ab', 'a']) await vault.put(data, id, `first ${id}`);
    const one = await checkpoint();
    await expectOk(await prune(one));
    const before = await verified(vault, admin);
    expect(before).toEqual({ seq: one, records: expect.arrayContaining(['a 2', 'a-b 1', 'ab 1']) });
    for (const id of ['a', 'ab', 'b']) await vault.put(data, id, `second ${id}`);
    const two = await checkpoint();
    const table = stack.table('DeviceCustodyLogsTable');
    const seen: number[] = [];
    for (let write = 0; ; write++) {
      let writes = 0;
      const fault = { type: 'AccessDeniedException', status: 400, message: 'no' };
      // Each time one write more succeeds than the time before.
      stack.vault.setHooks({
        before: ({ action, input }) => {
          const isWrite = action === 'PutItem' || action === 'DeleteItem';
          return isWrite && Object(input).TableName === table && writes++ >= write ? fault : undefined;
        },
      });
      const { status } = await prune(two);
      stack.vault.setHooks();
      if (status === 200) break;
      const now = await verified(vault, admin);
      seen.push(now.seq);
      const expected = now.seq === one ? before.records : ['a 3', 'a-b 1', 'ab 2', 'b 1'];
      expect(now.records?.toSorted()).toEqual(expected?.toSorted());
      expect(write).toBeLessThan(100);
    }
    expect(new Set(seen)).toEqual(new Set([one, two]));
    expect((await verified(vault, admin)).seq).toBe(two);
    const ids = (await itemsOf(vault)).map(({ id }) => id?.S?.split('/').slice(2).join('/') ?? '');
    expect(ids.filter((id) => id.startsWith('.records/'))).toHaveLength(4);
    expect(ids).not.toContain('.compaction');
  });
});

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
