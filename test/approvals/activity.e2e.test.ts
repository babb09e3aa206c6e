/** What people see of the uses that they allowed, over HTTP, also when somebody writes the audit table. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { approveRight } from '../../core/approvals/approval-keys.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import type { Activity, ActivityOptions, UseActivity } from '../../sdk/src/session/approvals/approval-types.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';
import { ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { okJson, ServedDirectory } from '../sessions/served-directory.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

type Item = Record<string, AttributeValue>;

const stack = useLocalStack();
let authorizer: PolicyAuthorizer;
let host: HostileServer;

const clock = {
  onWait: async (): Promise<void> => undefined,
  now: () => Date.now(),
  wait: async () => await clock.onWait(),
};

/** An org with Ann and Bob. Ann has two devices that can answer, one that cannot, and an agent. */
class World {
  readonly org: string;
  readonly admin: Anima;
  readonly directory: DirectoryAdmin;
  phone!: SessionClient;
  laptop!: SessionClient;
  tablet!: SessionClient;
  agentDevice!: SessionClient;
  bobPhone!: SessionClient;

  private constructor(org: string, adminKey: string, authority: ConstructorParameters<typeof DirectoryAdmin>[0]) {
    this.org = org;
    this.admin = stack.clientOf(adminKey);
    this.directory = new DirectoryAdmin(authority);
  }

  static async begin(): Promise<World> {
    const { org, adminKey } = await stack.newOrg();
    const keys = DirectoryAdmin.newKeys();
    const baseURL = stack.vault.url;
    const world = new World(org, adminKey, { org, authority: keys.authority, apiKey: adminKey, baseURL });
    await world.directory.genesis(keys.recovery);
    world.phone = await world.#enroll(ann, 'owner', ['approve']);
    world.laptop = await world.#enroll(ann, 'owner', ['approve'], world.phone);
    world.tablet = await world.#enroll(ann, 'owner', [], world.phone);
    world.agentDevice = await world.#enroll(ann, 'agent', ['approve'], world.phone);
    world.bobPhone = await world.#enroll(bob, 'owner', ['approve']);
    for (const [person, device] of [
      [ann, world.phone],
      [bob, world.bobPhone],
    ] as const) {
      const broker = await world.directory.admitBroker(person);
      await device.countersign(broker.device, { fingerprint: broker.fingerprint });
      await world.admin.vault.set(`prod/${person}`, 'sk_live_4eC39HqLyjWDarjtT1zdp7dc');
      await world.admin.vault.setRules(`prod/${person}`, {
        hosts: [`http://127.0.0.1:${host.port}`],
        approver: person,
      });
    }
    for (const device of [world.phone, world.laptop, world.bobPhone]) await device.approvals.questions();
    return world;
  }

  async #enroll(person: string, role: 'owner' | 'agent', can: readonly string[], confirmer?: SessionClient) {
    const invite = await this.directory.invite({ person, role });
    let admitted: string | undefined;
    clock.onWait = async () => {
      if (admitted === undefined) admitted = await this.directory.admit({ invite, can });
      else if (confirmer !== undefined)
        await confirmer.countersign(admitted, {
          fingerprint: this.directory.devices().find(({ device }) => device === admitted)?.fingerprint,
        });
    };
    const sessions = new SessionDevices({
      storage: memoryStorage(),
      baseURL: stack.vault.url,
      clock,
      webSocket: false,
    });
    const client = await sessions.enroll({ invite: invite.invite });
    clock.onWait = async () => undefined;
    return client;
  }

  /** An agent uses a value of a person, whose device says yes. @returns id of the agent's key */
  async use(person: string, device: SessionClient, path = '/ok?canary=querycanary'): Promise<string> {
    const { id, key } = await this.admin.keys.create({ role: 'user-of-secrets' });
    const agent = stack.clientOf(key);
    const url = `http://127.0.0.1:${host.port}${path}`;
    const init = {
      method: 'POST',
      headers: { authorization: `Bearer {{anima://prod/${person}}}` },
      json: { note: 'bodycanary' },
      ...{ agent: 'bookkeeper', run: 'run-17', reason: 'reasoncanary' },
    } as const;
    const asked = await agent.vault.fetch(url, { ...init, approval: 'return' }).catch((error) => error);
    const ticket = isApprovalNeeded(asked) ? asked.ticket : expect.fail(String(asked));
    await device.approvals.questions();
    await device.approvals.answer(ticket.id, 'yes');
    await agent.vault.fetch(url, { ...init, approval: ticket });
    return id;
  }

  /** Items of the audit table, oldest first. */
  async audit(): Promise<Item[]> {
    const items = await stack.allItems(stack.table('AuditTable'));
    const own = items.filter(({ org, id }) => org?.S === this.org && id !== undefined);
    return own.sort((a, b) => ((a.id?.S ?? '') < (b.id?.S ?? '') ? -1 : 1));
  }

  /** The record `started` of the newest use of a person's value. */
  async started(person: string): Promise<Item> {
    const found = (await this.audit()).filter(
      ({ statement, names, name }) => statement !== undefined && JSON.stringify([names, name]).includes(person),
    );
    return found.at(-1) ?? expect.fail('no record');
  }

  /** Puts a changed copy of a record into the audit table, as somebody who can write tables would. */
  async forge(record: Item, changes: Readonly<Record<string, string>>, time = Date.parse(other.time?.S ?? '')) {
    const id = createTimeId(time, crypto.getRandomValues(new Uint8Array(16)));
    const texts = Object.fromEntries(Object.entries(changes).map(([name, S]) => [name, { S }]));
    await stack.putItem(stack.table('AuditTable'), {
      ...record,
      ...{ id: { S: id }, time: { S: new Date(time).toISOString() } },
      ...texts,
    });
  }
}

/** All entries, over all pages. */
async function listed(device: SessionClient, options: ActivityOptions = {}): Promise<Activity[]> {
  const all: Activity[] = [];
  for await (const entry of device.approvals.activity(options)) all.push(entry);
  return all;
}

const usesOf = (entries: readonly Activity[]): UseActivity[] => entries.filter((entry) => entry.kind === 'use');
const codeOf = (device: SessionClient): Promise<unknown> =>
  device.approvals.activityPage().then(
    () => 'allowed',
    ({ code }) => code,
  );

let world: World;
let keyId: string;
/** The records of a use of each person, as the service wrote them. */
let own: Item;
let other: Item;

beforeAll(async () => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks({ authorize: (call) => authorizer.authorize(call) });
  host = await startHostileServer();
  world = await World.begin();
  keyId = await world.use(ann, world.phone);
  await world.use(ann, world.laptop, '/status?code=404');
  await world.use(bob, world.bobPhone);
  [own, other] = [await world.started(ann), await world.started(bob)];
});
afterAll(async () => await host.close());

test('each device of a person shows the uses that any of them allowed, newest first, with result, agent and device', async () => {
  const entries = await listed(world.laptop);
  expect(entries).toMatchObject([
    { kind: 'use', device: world.laptop.device, result: 'ok' },
    {
      ...{ kind: 'use', host: `127.0.0.1:${host.port}`, method: 'POST', keyId, agent: 'bookkeeper', run: 'run-17' },
      values: [{ name: `prod/${ann}`, version: 2, places: ['header'] }],
      ...{ scope: 'once', uses: 1, device: world.phone.device, result: 'ok', upstream: '2xx' },
    },
  ]);
  expect(await listed(world.phone)).toEqual(entries);
  const [theirs, ...others] = usesOf(await listed(world.bobPhone));
  expect([theirs?.device, others]).toEqual([world.bobPhone.device, []]);
  expect((await world.phone.approvals.activityPage()).unverified).toBe(0);
});

test('no answer has a path, a query, a body or a reason', async () => {
  const text = JSON.stringify(await listed(world.phone));
  expect(text).toContain('bookkeeper');
  for (const part of ['canary', '/ok', 'handle']) expect(text).not.toContain(part);
});

test('pages and the earliest time divide the list, and lose neither entries nor results', async () => {
  const all = await listed(world.phone);
  expect(await listed(world.phone, { pageSize: 1 })).toEqual(all);
  const newest = all[0]?.time ?? expect.fail('no entry');
  expect(await listed(world.phone, { from: newest })).toEqual(all.slice(0, 1));
  expect(await listed(world.phone, { from: new Date(Date.now() + 86_400_000) })).toEqual([]);
  const cursor = (await world.phone.approvals.activityPage({ pageSize: 1 })).cursor ?? expect.fail('no cursor');
  await expect(world.bobPhone.approvals.activityPage({ cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  await expect(world.phone.approvals.activityPage({ from: newest, cursor })).rejects.toMatchObject({
    code: 'invalid_cursor',
  });
});

test('unknown options, and pages of another size, are refused before anything is sent', async () => {
  const { approvals } = world.phone;
  const counted = (await world.audit()).length;
  for (const options of [{ until: 'x' } as object, { pageSize: 0 }, { pageSize: 201 }, { from: 'yesterday' }])
    await expect(approvals.activityPage(options)).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(await world.audit()).toHaveLength(counted);
});

test('tripwires that anybody read are shown once to all who can approve, with the caller and its address', async () => {
  await world.admin.vault.set('prod/old/key', 'AKIAIOSFODNN7EXAMPLE', { tripwire: true });
  const { id, key } = await world.admin.keys.create({ role: 'agent' });
  const thief = stack.clientOf(key);
  await thief.vault.get('prod/old/key', { agent: 'helper' });
  await world.admin.vault.set(`prod/${ann}`, 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', { tripwire: true });
  await world.admin.vault.setRules(`prod/${ann}`, { hosts: [`http://127.0.0.1:${host.port}`], approver: ann });
  await world.use(ann, world.phone);
  const tripwires = async (device: SessionClient, pageSize = 50) =>
    (await listed(device, { pageSize })).filter(({ kind }) => kind === 'tripwire');
  const found = await tripwires(world.bobPhone);
  expect(found.at(-1)).toMatchObject({
    ...{ names: ['prod/old/key'], principal: id, agent: 'helper', sourceIp: '127.0.0.1', result: 'ok' },
  });
  // The question was one request, and the use another one, which has two records.
  expect(found.slice(0, -1)).toMatchObject([
    { names: [`prod/${ann}`], result: 'ok' },
    { names: [`prod/${ann}`], result: 'pending' },
    // Setting its rules read it.
    { names: [`prod/${ann}`], result: 'ok' },
  ]);
  for (const pageSize of [1, 2, 3]) expect(await tripwires(world.phone, pageSize)).toEqual(found);
});

describe('somebody who can write the audit table', () => {
  const shown = async (device: SessionClient) => {
    const page = await device.approvals.activityPage({ pageSize: 200 });
    return { ids: usesOf(page.entries).map(({ id }) => id), unverified: page.unverified };
  };
  const flip = (text: string): string => {
    const bytes = Buffer.from(text, 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return bytes.toString('base64');
  };

  test('cannot add a use that a person did not allow, nor change what it was, who made it or who allowed it', async () => {
    const before = [await shown(world.phone), await shown(world.bobPhone)];
    const text = (record: Item, member: string): string => record[member]?.S ?? '';
    for (const changes of [
      ...['statement', 'signature', 'answer'].map((member) => ({ [member]: flip(text(own, member)) })),
      ...['statement', 'signature', 'answer'].map((member) => ({ [member]: text(other, member) })),
      ...['statement', 'signature', 'answer'].map((member) => ({ [member]: '!' })),
      { principal: '0123456789abcdef' },
      { host: 'api.stripe.com' },
      { method: 'DELETE' },
      { approval: '0123456789abcdef' },
    ])
      await world.forge(own, changes);
    await world.forge({ ...own, names: { L: [{ S: `prod/${bob}` }] } }, {});
    // After its approval, and before it.
    for (const days of [-1, 1]) await world.forge(own, {}, Date.parse(text(own, 'time')) + days * 86_400_000);
    await stack.putItem(stack.table('AuditTable'), { org: { S: world.org }, id: { S: '7zz' }, approval: { S: 'x' } });
    expect([await shown(world.phone), await shown(world.bobPhone)]).toEqual(before);
  });

  test('can repeat a use in the list within the time of its approval, and state another result', async () => {
    const before = await shown(world.bobPhone);
    await world.forge(other, { requestId: 'forged' }, Date.parse(other.time?.S ?? '') + 1);
    expect((await shown(world.bobPhone)).ids).toHaveLength(before.ids.length + 1);
    const { statement: _, signature: __, answer: ___, ...result } = other;
    await world.forge(result, { requestId: 'forged', result: 'upstream_failed' }, Date.now());
    const [forged] = usesOf(await listed(world.bobPhone));
    expect(forged?.result).toBe('upstream_failed');
  });

  test('cannot bring a use into another organization', async () => {
    const elsewhere = await World.begin();
    await elsewhere.forge({ ...own, org: { S: elsewhere.org } }, {});
    expect(await listed(elsewhere.phone)).toEqual([]);
    const cursor = (await world.phone.approvals.activityPage({ pageSize: 1 })).cursor ?? expect.fail('no cursor');
    await expect(elsewhere.phone.approvals.activityPage({ cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('cannot end the list by items whose ids are those of no record', async () => {
    const all = await listed(world.phone);
    const newest = all[0]?.id ?? expect.fail('no entry');
    for (const end of ['~', '\u{10ffff}', '']) {
      const id = { S: `${newest.slice(0, 20)}${end}${'x'.repeat(900)}` };
      await stack.putItem(stack.table('AuditTable'), { org: { S: world.org }, id, approval: { S: 'x' } });
    }
    expect(await listed(world.phone, { pageSize: 1 })).toEqual(all);
  });
});

describe('a device', () => {
  test('without the right to approve, or of an agent, sends nothing', async () => {
    expect(await codeOf(world.tablet)).toBe('cannot_approve');
    expect(await codeOf(world.agentDevice)).toBe('cannot_approve');
  });

  test('without the right, of an agent, or that was suspended or revoked, is refused by the service', async () => {
    const served = await ServedDirectory.begin(stack);
    const { simulator, first } = served;
    const can = [approveRight];
    const approver = simulator.add(first, ann, 'owner', { can });
    const agent = simulator.add(first, ann, 'agent', { can });
    const lost = simulator.add(first, ann, 'owner', { can });
    await served.push();
    const get = (device: TestDevice, query = '') => served.send(device, 'GET', `/activity${query}`);
    expect(await okJson(get(approver))).toEqual({ uses: [], tripwires: [] });
    await expectProblem(await get(first), 'not_approver');
    await expectProblem(await get(agent), 'not_approver');
    await expectProblem(await get(approver, '?cursor=AAAA'), 'invalid_cursor');
    for (const query of ['?limit=0', '?limit=201', '?from=yesterday', '?person=bobbobbobbobbobb'])
      await expectProblem(await get(approver, query), 'invalid_request');
    simulator.setStatus('suspend', approver.id);
    await served.push();
    await expectProblem(await get(approver), 'device_refused');
    simulator.setStatus('revoke', lost.id);
    await served.push();
    await expectProblem(await get(lost), 'device_refused');
    await expectProblem(await stack.http('GET', '/v1/session/activity', { key: served.adminKey }), 'device_refused');
  });

  test('that was revoked keeps its uses in the list of the others', async () => {
    const before = await listed(world.phone);
    await world.directory.revoke(world.laptop.device);
    expect(await codeOf(world.laptop)).toBe('not_active');
    const after = await listed(world.phone);
    expect(after).toEqual(before);
    expect(usesOf(after).map(({ device }) => device)).toContain(world.laptop.device);
  });
});

test('each look is recorded, and the function reads no other organization', async () => {
  const routes = (await world.audit()).map(({ route, principal, verb }) => [route?.S, principal?.S, verb?.S]);
  expect(routes).toContainEqual(['listActivity', `session:${world.bobPhone.device}`, 'audit.read']);
  expect(authorizer.denials.filter((denial) => denial.includes('approvals'))).toEqual([]);
});
