/** Bounded work and untrusted records of what people allowed (docs/approvals.md, section 9). */
import { beforeEach, expect, test } from 'vitest';
import type { ListedUse } from '../../contract/approvals/wire.ts';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { parseStatement } from '../../core/approvals/statement.ts';
import { verifyUse } from '../../core/approvals/use-proof.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { ActivityService } from '../../lambdas/approvals/activity-service.ts';
import type { ActivityReader, StoredAuditRecord } from '../../lambdas/audit/audit-ports.ts';
import { ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { ApprovalWorld } from './approval-world.ts';

let world: ApprovalWorld;
let table: InMemoryActivity;
let service: ActivityService;
let request = 0;

/** The audit table, which returns few items for each query. Some of them can be no records. */
class InMemoryActivity implements ActivityReader {
  readonly items = new Map<string, StoredAuditRecord | undefined>();
  perQuery = 1_000;
  queries = 0;
  async listActivity(_: string, { from, to }: { from: string; to: string }, order: 'newest' | 'oldest', limit: number) {
    this.queries += 1;
    expect(from <= to).toBe(true);
    const ids = [...this.items.keys()].filter((id) => id >= from && id <= to).sort();
    const read = (order === 'oldest' ? ids : ids.toReversed()).slice(0, Math.min(limit, this.perQuery));
    const items = read.flatMap((id) => this.items.get(id) ?? []);
    return { items, lastRead: read.length < ids.length ? read.at(-1) : undefined };
  }
}

beforeEach(async () => {
  world = await ApprovalWorld.create();
  table = new InMemoryActivity();
  service = new ActivityService(table, world.broker.clock);
});

function add(record: Partial<AuditRecord>, time = world.now, ttl?: number): string {
  const id = createTimeId(time, crypto.getRandomValues(new Uint8Array(16)));
  const common = { org: world.org, principal: 'keykeykeykeykeyk', route: 'fetch', verb: 'values.use' } as const;
  const rest = { result: 'ok', requestId: `r${request++}`, sourceIp: '127.0.0.1' } as const;
  table.items.set(id, { record: { id, time: new Date(time).toISOString(), ...common, ...rest, ...record }, ttl });
  return id;
}

/** The records of a use that a device allowed. @returns id of the first one */
async function use(device: TestDevice = world.phone, result: AuditRecord['result'] = 'ok', ttl?: number) {
  const { id: approval } = await world.ask();
  await world.answer(approval, 'yes', device);
  const { statement, signature, answer = new Uint8Array(0) } = world.store.approvals.get(approval) ?? expect.fail();
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const { keyId } = parseStatement(statement) ?? expect.fail('no statement');
  const facts = {
    principal: keyId,
    approval,
    host: 'api.stripe.com',
    method: 'POST',
    names: ['prod/key'],
  } satisfies Partial<AuditRecord>;
  const proof = { statement: base64(statement), signature: base64(signature), answer: base64(answer) };
  const requestId = `use${request++}`;
  const started = add({ ...facts, ...proof, requestId, result: 'started' }, world.now, ttl);
  add({ ...facts, requestId, result, upstream: '2xx' }, world.now + 900, ttl);
  // The next question may be asked when this one is over.
  world.store.pointers.clear();
  return started;
}

const list = (query: Parameters<ActivityService['list']>[1] = {}, device: TestDevice = world.phone) =>
  service.list(world.signer(device), query);

async function listAll(limit: number) {
  const uses: ListedUse[] = [];
  let [cursor, calls] = [undefined as string | undefined, 0];
  do {
    const page = await list({ limit, cursor });
    uses.push(...page.uses);
    cursor = page.cursor;
    calls += 1;
    if (calls > 500) expect.fail('the list does not end');
  } while (cursor !== undefined);
  return { uses, calls };
}

test.each([1, 2, 3, 7, 1_000])(
  '%i items for each query: every use is listed once, with its result',
  async (perQuery) => {
    table.perQuery = Math.max(2, perQuery);
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      ids.push(await use(world.phone, i % 2 === 0 ? 'ok' : 'upstream_failed'));
      for (let other = 0; other < 5; other++) add({}, world.now + 1_000 + other);
      world.broker.pass(10_000);
    }
    for (const limit of [1, 2, 50]) {
      const { uses } = await listAll(limit);
      expect(new Set(uses.map(({ id }) => id))).toEqual(new Set(ids));
      expect(uses).toHaveLength(ids.length);
      expect(uses.map(({ result }) => result).sort()).toEqual(['ok', 'ok', 'upstream_failed', 'upstream_failed']);
    }
  },
);

test('one call makes at most five queries and one for results, whatever the table has', async () => {
  table.perQuery = 10;
  const oldest = await use();
  for (let i = 0; i < 300; i++) add({ approval: 'x' }, world.now + 2_000 + i);
  const page = await list();
  expect([page.uses, table.queries]).toEqual([[], 5]);
  await list({ cursor: page.cursor });
  expect(table.queries).toBe(11);
  expect((await listAll(50)).uses.map(({ id }) => id)).toEqual([oldest]);
});

test('a page can end at an item that is no record, and the list goes on', async () => {
  table.perQuery = 2;
  const oldest = await use();
  const id = createTimeId(world.now + 5_000, new Uint8Array(16));
  for (const end of ['~', '\u{10ffff}', 'x'.repeat(900), '%', 'Ü', '😀', ' ', '!'])
    for (const more of ['a', 'b', 'c']) table.items.set(`${id.slice(0, 20)}${end}${more}`, undefined);
  expect((await listAll(50)).uses.map(({ id: found }) => found)).toEqual([oldest]);
});

test('records of the future, and records that are over, are not listed', async () => {
  await use(world.phone, 'ok', Math.floor(world.now / 1000) - 1);
  add({ tripwires: ['prod/old'] }, world.now + 86_400_000);
  add({ tripwires: ['prod/old'] }, world.now, Math.floor(world.now / 1000) - 1);
  expect(await list()).toEqual({ uses: [], tripwires: [] });
  const now = add({ tripwires: ['prod/old'] });
  expect((await list()).tripwires.map(({ id }) => id)).toEqual([now]);
});

test('a forged record hides no tripwire of another request', async () => {
  const real = add({ tripwires: ['prod/old'], requestId: 'same' });
  const forged = add({ tripwires: ['prod/other'], requestId: 'same' }, world.now + 10);
  expect((await list()).tripwires.map(({ id }) => id)).toEqual([forged, real]);
});

test('a proof counts for its person, after the device was revoked too, and not by a device that never could approve', async () => {
  await use(world.laptop);
  const [listed = expect.fail('no use')] = (await list()).uses;
  expect(verifyUse(world.state, ann, listed)).toMatchObject({ device: world.laptop.id });
  expect(verifyUse(world.state, bob, listed)).toBeUndefined();
  for (const member of ['statement', 'signature', 'answer'] as const)
    expect(verifyUse(world.state, ann, { ...listed, [member]: listed[member].slice(4) })).toBeUndefined();
  for (const member of ['signature', 'answer'] as const) {
    const flipped = Buffer.from(listed[member], 'base64');
    flipped[flipped.length - 40] = (flipped.at(-40) ?? 0) ^ 1;
    expect(verifyUse(world.state, ann, { ...listed, [member]: flipped.toString('base64') })).toBeUndefined();
  }
  for (const time of ['never', new Date(world.now + 300_000).toISOString(), new Date(0).toISOString()])
    expect(verifyUse(world.state, ann, { ...listed, time })).toBeUndefined();
  const withDevice = (id: string, changes: object) => {
    const device = world.state.devices.get(id) ?? expect.fail('no device');
    return { ...world.state, devices: world.state.devices.set(id, { ...device, ...changes }) };
  };
  expect(verifyUse(withDevice(world.laptop.id, { status: 'revoked' }), ann, listed)).toBeDefined();
  expect(verifyUse(withDevice(world.brokerId, { status: 'revoked' }), ann, listed)).toBeDefined();
  for (const changes of [{ can: [] }, { role: 'agent' }, { person: bob }, { confirmed: false }])
    expect(verifyUse(withDevice(world.laptop.id, changes), ann, listed)).toBeUndefined();
  for (const changes of [{ role: 'agent' }, { person: bob }, { confirmed: false }, { ik: world.phone.ik.publicKey }])
    expect(verifyUse(withDevice(world.brokerId, changes), ann, listed)).toBeUndefined();
});

test('a no, and a yes to another question, prove no use', async () => {
  const first = await use();
  const { record } = table.items.get(first) ?? expect.fail('no record');
  const { id } = await world.ask();
  await world.answer(id, 'no');
  const refused = world.store.approvals.get(id) ?? expect.fail('no approval');
  const base64 = (bytes: Uint8Array = new Uint8Array(0)) => Buffer.from(bytes).toString('base64');
  const parts = [refused.statement, refused.signature, refused.answer].map(base64);
  const [statement = '', signature = '', answer = ''] = parts;
  const { id: _, time: __, ...members } = record;
  add({ ...members, approval: id, statement, signature, answer, requestId: 'no' });
  add({ ...members, approval: id, statement, signature, requestId: 'mixed' });
  expect((await list()).uses.map((one) => one.id)).toEqual([first]);
});

test('a proof in a record that says something else is no use', async () => {
  const first = await use();
  const { record } = table.items.get(first) ?? expect.fail('no record');
  const { id: _, time: __, ...members } = record;
  for (const changes of [
    { principal: '0123456789abcdef' },
    { host: 'other.example.com' },
    { method: 'GET' },
    { approval: '0123456789abcdef' },
    { names: ['prod/other'] },
    { names: ['prod/key', 'prod/other'] },
  ] as const)
    add({ ...members, ...changes, names: [...(changes.names ?? ['prod/key'])] });
  expect((await list()).uses.map(({ id }) => id)).toEqual([first]);
});

test('only an owner’s device with the right to approve gets an answer, and the table is not read for others', async () => {
  const plain = world.directory.add(world.phone, ann, 'owner');
  const agent = world.directory.add(world.phone, ann, 'agent', { can: ['approve'] });
  for (const device of [plain, agent]) await expect(list({}, device)).rejects.toMatchObject({ code: 'not_approver' });
  expect(table.queries).toBe(0);
  expect(await list({}, world.laptop)).toEqual({ uses: [], tripwires: [] });
});
