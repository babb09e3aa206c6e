/** Pairings, recovery, deletion, and records that others changed, over real HTTP (docs/device-service.md). */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { deviceLimits } from '../../contract/devices/limits.ts';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { type DeviceKeys, publicKeysOf } from '../../core/devices/device-keys.ts';
import { recoveryBoxHash } from '../../core/devices/recovery-code.ts';
import { decodeState, encodeState } from '../../core/devices/state-snapshot.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import {
  createUser,
  type DeviceUser,
  expectOk,
  generateDeviceKeys,
  memberOf,
  ServedVault,
} from './signed-device-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
beforeEach(() => stack.vault.setHooks());

/** A user has few vaults, so each gets one of its own. */
async function newVault(owner?: DeviceUser): Promise<{ vault: ServedVault; admin: DeviceKeys }> {
  const vault = new ServedVault(stack, owner ?? (await createUser(stack)));
  return { vault, admin: await vault.begin() };
}
const message = (text: string) => ({ message: toBase64(Buffer.from(text)) });
const asUser = (vault: ServedVault, method: string, rest: string, body?: object, key = vault.user.key) =>
  stack.http(method, vault.path + rest, { key, body });

const itemsOf = async ({ scope }: ServedVault): Promise<{ rosters: Item[]; logs: Item[] }> => {
  const [rosters, logs] = await Promise.all(
    (['DeviceCustodyRostersTable', 'DeviceCustodyLogsTable'] as const).map((name) => stack.allItems(stack.table(name))),
  );
  const own = (items: Item[] = []) => items.filter(({ id }) => id?.S?.includes(scope.vault));
  return { rosters: own(rosters), logs: own(logs) };
};
const countsOf = async (vault: ServedVault) => {
  const { rosters, logs } = await itemsOf(vault);
  return { rosters: rosters.length, logs: logs.length };
};

describe('a pairing', () => {
  test('carries two messages of the new device and one of the approver, each once, and is there for both', async () => {
    const { vault, admin } = await newVault();
    const pairing = randomId();
    const path = `/pairings/${pairing}`;
    const first = await asUser(vault, 'PUT', `${path}/new/1`, message('commit'));
    expect(await first.json()).toEqual({
      pairing,
      expiresAt: expect.stringMatching(/Z$/),
      new: [message('commit').message],
      approver: [],
    });
    const listed = await (await vault.send(admin, 'GET', '/pairings')).json();
    expect(listed.pairings).toMatchObject([{ pairing, new: [message('commit').message] }]);
    await expectOk(await vault.send(admin, 'PUT', `${path}/approver/1`, message('answer')));
    await expectOk(await asUser(vault, 'PUT', `${path}/new/2`, message('reveal')));
    // The same again is a retry, another one is refused.
    await expectOk(await asUser(vault, 'PUT', `${path}/new/2`, message('reveal')));
    await expectProblem(await asUser(vault, 'PUT', `${path}/new/2`, message('other')), 'pairing_conflict');
    await expectProblem(await asUser(vault, 'PUT', `${path}/new/1`, message('other')), 'pairing_conflict');
    await expectProblem(await vault.send(admin, 'PUT', `${path}/approver/1`, message('x')), 'pairing_conflict');
    const all = await (await asUser(vault, 'GET', path)).json();
    expect([all.new, all.approver].map((list: string[]) => list.map((text) => Buffer.from(text, 'base64').toString())))
      // The order is that of the steps.
      .toEqual([['commit', 'reveal'], ['answer']]);
  });

  test('begins with a first message only, and at most three run at a time', async () => {
    const { vault, admin } = await newVault();
    const begin = (by: 'new' | 'approver', step: number) => {
      const path = `/pairings/${randomId()}/${by}/${step}`;
      return by === 'new' ? asUser(vault, 'PUT', path, message('x')) : vault.send(admin, 'PUT', path, message('x'));
    };
    await expectProblem(await begin('new', 2), 'pairing_not_found');
    await expectProblem(await begin('approver', 2), 'invalid_request');
    for (const by of ['new', 'approver', 'new'] as const) await expectOk(await begin(by, 1));
    await expectProblem(await begin('new', 1), 'too_many_pairings');
    const { pairings } = await (await vault.send(admin, 'GET', '/pairings')).json();
    const gone = await vault.send(admin, 'DELETE', `/pairings/${pairings[0].pairing}`);
    expect(await gone.json()).toEqual({ deleted: true });
    await expectOk(await begin('new', 1));
  });

  test('of another vault or user is not found, and nothing of it is told', async () => {
    const { vault } = await newVault();
    const pairing = randomId();
    await expectOk(await asUser(vault, 'PUT', `/pairings/${pairing}/new/1`, message('x')));
    const other = await newVault(await createUser(stack));
    await expectProblem(await asUser(other.vault, 'GET', `/pairings/${pairing}`), 'pairing_not_found');
    // The user of the other vault, with the path of this one: the vault is looked for under his own id.
    const foreign = await asUser(vault, 'GET', `/pairings/${pairing}`, undefined, other.vault.user.key);
    await expectProblem(foreign, 'pairing_not_found');
    const put = await asUser(vault, 'PUT', `/pairings/${pairing}/new/2`, message('y'), other.vault.user.key);
    await expectProblem(put, 'device_vault_not_found');
    const { pairings } = await (await other.vault.send(other.admin, 'GET', '/pairings')).json();
    expect(pairings).toEqual([]);
  });

  test.each(['', 'none', `${'a'.repeat(15)}`, `${'a'.repeat(16)}%2Fx`])(
    'with the id "%s" does not exist',
    async (id) => {
      const { vault } = await newVault();
      const answer = await asUser(vault, 'PUT', `/pairings/${id || '-'}/new/1`, message('x'));
      await expectProblem(answer, 'pairing_not_found');
    },
  );
});

describe('the recovery box', () => {
  const box = randomBytes(250);
  const recoveryOf = async (keys: DeviceKeys, bytes: Uint8Array) => ({
    kind: 'recovery' as const,
    recovery: memberOf(keys, 'recovery'),
    box: await recoveryBoxHash(bytes),
  });

  test('is stored with its entry, given to the user, and gone when another replaces it', async () => {
    const { vault, admin } = await newVault();
    await expectProblem(await asUser(vault, 'GET', '/recovery'), 'recovery_not_found');
    await vault.roster(admin, await recoveryOf(await generateDeviceKeys(true), box), box);
    expect(await (await asUser(vault, 'GET', '/recovery')).json()).toEqual({ box: toBase64(box) });
    const next = randomBytes(250);
    await vault.roster(admin, await recoveryOf(await generateDeviceKeys(true), next), next);
    expect(await (await asUser(vault, 'GET', '/recovery')).json()).toEqual({ box: toBase64(next) });
    const { rosters } = await itemsOf(vault);
    expect(rosters.filter(({ id }) => id?.S?.includes('/recovery/'))).toHaveLength(1);
  });

  test('lets its member read the log and recover, and nothing else', async () => {
    const { vault, admin } = await newVault();
    const recovery = await generateDeviceKeys(true);
    await vault.roster(admin, await recoveryOf(recovery, box), box);
    expect((await vault.read(recovery)).head).toBe(2);
    const before = vault.simulator.state;
    await vault.simulator.put(recovery, 'a', 'text');
    // The entry is void for all devices, so it is stored without an effect.
    vault.simulator.state = before;
    const [fresh, nextRecovery] = [await generateDeviceKeys(true), await generateDeviceKeys(true)];
    const nextBox = randomBytes(250);
    const recover = {
      kind: 'recover' as const,
      member: memberOf(fresh, 'admin'),
      recovery: memberOf(nextRecovery, 'recovery'),
      box: await recoveryBoxHash(nextBox),
    };
    await vault.roster(recovery, recover, nextBox);
    expect((await vault.read(fresh)).head).toBe(3);
    for (const ended of [admin, recovery]) {
      await expectProblem(await vault.send(ended, 'GET', '/log'), 'device_refused');
    }
  });

  test('of another user is not given', async () => {
    const { vault, admin } = await newVault();
    await vault.roster(admin, await recoveryOf(await generateDeviceKeys(true), box), box);
    const other = await createUser(stack);
    await expectProblem(await asUser(vault, 'GET', '/recovery', undefined, other.key), 'device_vault_not_found');
  });
});

describe('deleting', () => {
  test('a closed vault deletes all of it at once', async () => {
    const { vault, admin } = await newVault();
    await vault.add(admin);
    await vault.put(admin, 'a', 'text');
    await vault.roster(admin, { kind: 'close' });
    expect(await countsOf(vault)).toEqual({ rosters: 3, logs: 4 });
    const answer = await asUser(vault, 'DELETE', '');
    expect(await answer.json()).toEqual({ vault: vault.scope.vault, deleted: true });
    expect(await countsOf(vault)).toEqual({ rosters: 0, logs: 0 });
    await expectProblem(await asUser(vault, 'DELETE', ''), 'device_vault_not_found');
    await expectProblem(await vault.send(admin, 'GET', '/log'), 'device_refused');
  });

  test('an open vault waits for seven days, tells its devices, and an admin device cancels it', async () => {
    const { vault, admin } = await newVault();
    const data = await vault.add(admin, 'data');
    const asked = await (await asUser(vault, 'DELETE', '')).json();
    expect(asked).toMatchObject({ deleted: false, deletableAt: expect.any(String) });
    const wait = Date.parse(asked.deletableAt) - Date.now();
    expect(Math.abs(wait - deviceLimits.deviceDeletionSeconds * 1000)).toBeLessThan(60_000);
    expect(await (await asUser(vault, 'DELETE', '')).json()).toEqual(asked);
    expect((await vault.read(data)).deletableAt).toBe(asked.deletableAt);
    // An entry does not undo it.
    await vault.put(admin, 'a', 'text');
    expect((await vault.read(data)).deletableAt).toBe(asked.deletableAt);
    await expectProblem(await vault.send(data, 'DELETE', '/deletion'), 'forbidden');
    await expectOk(await vault.send(admin, 'DELETE', '/deletion'));
    expect(await vault.read(admin)).not.toHaveProperty('deletableAt');
  });

  test('after these days deletes it', async () => {
    const { vault, admin } = await newVault();
    await asUser(vault, 'DELETE', '');
    const { rosters } = await itemsOf(vault);
    const roster = rosters.find(({ id }) => id?.S?.includes('/vault/')) ?? expect.fail();
    const past = new Date(Date.now() - 1000).toISOString();
    await stack.putItem(stack.table('DeviceCustodyRostersTable'), { ...roster, deletableAt: { S: past } });
    expect(await (await asUser(vault, 'DELETE', '')).json()).toMatchObject({ deleted: true });
    expect(await countsOf(vault)).toEqual({ rosters: 0, logs: 0 });
    await expectProblem(await vault.send(admin, 'GET', '/log'), 'device_refused');
  });

  test('the vault of another user is not possible', async () => {
    const { vault, admin } = await newVault();
    const other = await createUser(stack);
    await expectProblem(await asUser(vault, 'DELETE', '', undefined, other.key), 'device_vault_not_found');
    expect(await vault.read(admin)).not.toHaveProperty('deletableAt');
  });

  test('the account ends its vaults at once, and deletes all of them', async () => {
    const owner = await createUser(stack);
    const { vault, admin } = await newVault(owner);
    await vault.put(admin, 'a', 'text');
    const answer = await stack.http('DELETE', '/v1/account', { key: owner.key, body: {} });
    expect(answer.status).toBe(200);
    await expectProblem(await vault.send(admin, 'GET', '/log'), 'device_refused');
    for (let n = 0; n < 100; n++) {
      const { rosters, logs } = await countsOf(vault);
      if (rosters + logs === 0) break;
      await sleep(100);
    }
    expect(await countsOf(vault)).toEqual({ rosters: 0, logs: 0 });
  });

  test('the organization locks its vaults, then deletes them, and the receipt counts what is left', async () => {
    const { org, adminKey } = await stack.newOrg();
    const { vault, admin } = await newVault(await createUser(stack, adminKey));
    await vault.put(admin, 'a', 'text');
    const shred = (waitDays: number) =>
      stack.http('POST', '/v1/org/shred', { key: adminKey, body: { confirm: org, waitDays } });
    await expectOk(await shred(1));
    await expectProblem(await vault.send(admin, 'GET', '/log'), 'org_locked');
    await expectOk(await shred(0));
    await expectProblem(await vault.send(admin, 'GET', '/log'), 'device_refused');
    expect(await countsOf(vault)).toEqual({ rosters: 0, logs: 0 });
    const { receipts } = await (await stack.http('GET', '/v1/org/shred', { key: adminKey })).json();
    const receipt = JSON.parse(Buffer.from(receipts[0].split('.')[1], 'base64url').toString());
    const none = { keyrings: 0, records: 0, deviceRosters: 0, deviceEntries: 0, mailboxItems: 0, directoryItems: 0 };
    expect(receipt.users).toEqual({ ...none, complete: true });
  });
});

describe('who can write the tables, but not use the records key', () => {
  async function alterRoster(vault: ServedVault, change: (item: Item) => Promise<Item> | Item): Promise<void> {
    const { rosters } = await itemsOf(vault);
    const roster = rosters.find(({ id }) => id?.S?.includes('/vault/')) ?? expect.fail();
    await stack.putItem(stack.table('DeviceCustodyRostersTable'), await change(roster));
  }

  test('does not make a device a member', async () => {
    const { vault, admin } = await newVault();
    const intruder = await generateDeviceKeys(false);
    await alterRoster(vault, async (item) => {
      const state = await decodeState(vault.scope, item.state?.B ?? expect.fail());
      const [member] = state.members.values();
      const added = { ...(member ?? expect.fail()), id: intruder.id, ...publicKeysOf(intruder) };
      const members = new Map([...state.members, [intruder.id, added]]);
      return { ...item, state: { B: encodeState({ ...state, members }) } };
    });
    for (const keys of [intruder, admin]) {
      await expectProblem(await vault.send(keys, 'GET', '/log'), 'decryption_failed');
    }
  });

  test('does not move the roster of a vault to another one, or to another time', async () => {
    const [one, other] = [await newVault(), await newVault()];
    const { rosters } = await itemsOf(other.vault);
    const theirs = rosters.find(({ id }) => id?.S?.includes('/vault/')) ?? expect.fail();
    await alterRoster(one.vault, (item) => ({ ...theirs, id: item.id ?? expect.fail() }));
    await expectProblem(await one.vault.send(other.admin, 'GET', '/log'), 'device_refused');
    await expectProblem(await one.vault.send(one.admin, 'GET', '/log'), 'device_refused');
    await alterRoster(other.vault, (item) => ({ ...item, createdAt: { S: '2020-01-01T00:00:00.000Z' } }));
    await expectProblem(await other.vault.send(other.admin, 'GET', '/log'), 'decryption_failed');
  });

  test.each(['state', 'mac', 'seq', 'logBytes', 'createdAt'])(
    'who removes %s damages one vault, which can be deleted',
    async (name) => {
      const owner = await createUser(stack);
      const { vault, admin } = await newVault(owner);
      await alterRoster(vault, ({ [name]: _, ...rest }) => rest);
      const answer = await vault.send(admin, 'GET', '/log');
      expect([401, 422]).toContain(answer.status);
      const other = await newVault(owner);
      const { vaults } = await (await stack.http('GET', '/v1/device-vaults', { key: owner.key })).json();
      expect(vaults).toHaveLength(2);
      expect(vaults).toContainEqual({
        vault: vault.scope.vault,
        state: 'damaged',
        seq: 0,
        devices: 0,
        hasRecovery: false,
      });
      expect(vaults).toContainEqual(expect.objectContaining({ vault: other.vault.scope.vault, state: 'active' }));
      expect(await (await asUser(vault, 'DELETE', '')).json()).toMatchObject({ deleted: true });
      expect(await countsOf(vault)).toEqual({ rosters: 0, logs: 0 });
    },
  );

  test('who alters an entry makes the devices stop, and the service too', async () => {
    const { vault, admin } = await newVault();
    await vault.put(admin, 'a', 'text');
    const table = stack.table('DeviceCustodyLogsTable');
    const { logs } = await itemsOf(vault);
    const last = logs.find(({ id }) => id?.S?.endsWith('2')) ?? expect.fail();
    const bytes = new Uint8Array(last.bytes?.B ?? expect.fail());
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await stack.putItem(table, { ...last, bytes: { B: bytes } });
    const { entries } = await vault.read(admin);
    const stateBefore = vault.simulator.log[1]?.before ?? expect.fail();
    const served = new Uint8Array(Buffer.from(entries[1]?.entry ?? '', 'base64'));
    expect(await applyEntry(stateBefore, served)).toMatchObject({ result: 'stop', reason: 'bad_signature' });
  });

  test('who adds an entry that no member signed changes nothing', async () => {
    const { vault, admin } = await newVault();
    const intruder = await generateDeviceKeys(false);
    const { simulator } = vault;
    const before = simulator.state;
    await simulator.write(intruder, simulator.draft(intruder, 'heartbeat', new Uint8Array(0)));
    const { signed } = simulator.log.at(-1) ?? expect.fail();
    simulator.state = before;
    const { org, user: id, vault: name } = vault.scope;
    await stack.putItem(stack.table('DeviceCustodyLogsTable'), {
      org: { S: org },
      id: { S: `${id}/${name}/000000000002` },
      bytes: { B: signed },
    });
    expect(await vault.read(admin)).toMatchObject({ head: 1 });
    expect((await vault.read(admin)).entries).toHaveLength(1);
  });
});

describe('a request that ends early', () => {
  const actions = ['PutItem', 'UpdateItem'];
  const isWrite = (call: EngineCall, table: string) =>
    actions.includes(call.action) && String(Reflect.get(Object(call.input), 'TableName')).includes(table);

  /** Fails the first write to a table: before or after it has happened. */
  function failOnce(table: string, fault: InjectedFault): void {
    let failed = false;
    stack.vault.setHooks({
      before: (call) => {
        if (failed || !isWrite(call, stack.table(table as 'DeviceCustodyLogsTable'))) return undefined;
        failed = true;
        return fault;
      },
    });
  }
  const denied: InjectedFault = { type: 'AccessDeniedException', status: 400, message: 'no' };

  test.each(['DeviceCustodyLogsTable', 'DeviceCustodyRostersTable', 'AuditTable'])(
    'at its write to %s has stored the entry or not, and the same request again completes it',
    async (table) => {
      const { vault, admin } = await newVault();
      await vault.simulator.writeRoster(admin, { kind: 'rotate' });
      failOnce(table, denied);
      const failed = await vault.pushLast(admin);
      expect(failed.status).toBeGreaterThanOrEqual(500);
      stack.vault.setHooks();
      await expectOk(await vault.pushLast(admin));
      const { head, entries } = await vault.read(admin);
      expect([head, entries.length, entries[1]?.wraps !== undefined]).toEqual([2, 2, true]);
    },
  );

  test('after the entry and before the roster: the next request of any device moves the roster', async () => {
    const { vault, admin } = await newVault();
    const second = await vault.add(admin);
    await vault.simulator.writeRoster(admin, { kind: 'remove', device: second.id });
    let writes = 0;
    const table = stack.table('DeviceCustodyRostersTable');
    // The first write of the table is that of the wraps.
    stack.vault.setHooks({ before: (call) => (isWrite(call, table) && writes++ > 0 ? denied : undefined) });
    expect((await vault.pushLast(admin)).status).toBe(500);
    stack.vault.setHooks();
    expect((await vault.read(admin)).head).toBe(3);
    await expectProblem(await vault.send(second, 'GET', '/log'), 'device_refused');
  });
});

test('a device reads what is new with one read of records, one query, one audit record and no KMS call', async () => {
  const { vault, admin } = await newVault();
  await vault.put(admin, 'a', 'text');
  const calls: string[] = [];
  stack.vault.setHooks({ before: (call) => void calls.push(`${call.service} ${call.action}`) });
  expect((await vault.read(admin, '?after=1')).entries).toHaveLength(1);
  stack.vault.setHooks();
  expect(calls).toEqual(['dynamodb BatchGetItem', 'dynamodb Query', 'dynamodb PutItem']);
});

test('a device appends with one read, one write of the entry, one of the roster, one audit record and no KMS call', async () => {
  const { vault, admin } = await newVault();
  await vault.put(admin, 'a', 'text');
  await vault.simulator.put(admin, 'a', 'more');
  const calls: string[] = [];
  stack.vault.setHooks({ before: (call) => void calls.push(`${call.service} ${call.action}`) });
  await expectOk(await vault.pushLast(admin));
  stack.vault.setHooks();
  expect(calls).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem', 'dynamodb UpdateItem', 'dynamodb PutItem']);
});
