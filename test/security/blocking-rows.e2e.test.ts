/**
 * Somebody who could write the tables once wrote a number into a row. It is compared before anything authenticates it, and
 * must not block what comes later for ever. Over the deployed functions and the conditions of real tables.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { signApprovalKey } from '../../core/approvals/approval-keys.ts';
import { type PersonKey, signPersonKey } from '../../core/approvals/person-key.ts';
import { wrapForDevice } from '../../core/approvals/person-key-wraps.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { dhKeyOf, newDhSecret } from '../../core/sessions/device-secrets.ts';
import { DynamoApprovals } from '../../lambdas/approvals/stores/dynamo-approvals.ts';
import { DynamoAuditMarkIndex } from '../../lambdas/audit/stores/dynamo-audit-mark-index.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import type { TokenRecord } from '../../lambdas/broker/broker-ports.ts';
import { DynamoBrokerRecords, DynamoTokenRecords } from '../../lambdas/broker/stores/dynamo-broker-records.ts';
import { DynamoMailboxes } from '../../lambdas/relay/stores/dynamo-mailboxes.ts';
import { DynamoPush } from '../../lambdas/relay/stores/dynamo-push.ts';
import { claimTimes } from '../../lambdas/secret-requests/secret-request-service.ts';
import { attemptItemId, DynamoSecretRequests } from '../../lambdas/secret-requests/stores/dynamo-secret-requests.ts';
import { DynamoAttempts } from '../../lambdas/shared/stores/dynamo-attempts.ts';
import { DynamoLocators } from '../../lambdas/users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../../lambdas/users/stores/dynamo-user-keyrings.ts';
import { UserDeletionService } from '../../lambdas/users/user-deletion-service.ts';
import { ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { okJson, ServedDirectory } from '../sessions/served-directory.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { serviceOptions } from '../shared/service-options.ts';

const stack = useLocalStack();
const org = randomId();
const huge = { N: '9007199254740991' };
let clientOf: () => DynamoClient;
let served: ServedDirectory;
let phone: TestDevice;

beforeAll(async () => {
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoClient(serviceOptions(endpoints.dynamodb, operator.region, credentials));
  clientOf = () => client;
  served = await ServedDirectory.begin(stack);
  phone = served.simulator.add(served.first, ann, 'owner', { can: ['approve'] });
  await served.push();
});

/** Changes a row as somebody does who can write the table. */
async function alter(table: string, id: string, more: Item, of = served.org): Promise<void> {
  const item = await stack.getItem(table, { org: of, id });
  await stack.putItem(table, { ...item, ...more });
}

describe('of approvals', () => {
  const table = () => stack.table('ApprovalsQuestionsTable');
  const ak = newDhSecret();
  let time = Date.now() - 10_000;
  const publish = () => {
    time += 1;
    const key = { device: phone.id, ak: dhKeyOf(ak), time };
    const statement = toBase64(signApprovalKey(served.org, key, phone.ik));
    return served.send(phone, 'PUT', '/approval-key', { statement });
  };
  const secret = newDhSecret();
  const keyOf = async (edition: number, more: Partial<PersonKey> = {}): Promise<Uint8Array> => {
    const epoch = { org: served.org, person: ann, epoch: 1, key: dhKeyOf(secret) };
    const wraps = [await wrapForDevice(epoch, secret, { device: phone.id, ak: dhKeyOf(ak), time })];
    const signed = { device: phone.id, time: Date.now(), head: served.state.head };
    return signPersonKey({ ...epoch, edition, wraps, earlier: [], ...signed, ...more }, phone.ik);
  };
  const put = async (signed: Uint8Array) =>
    await served.send(phone, 'PUT', '/person-key', { statement: toBase64(signed) });

  test('the approval key of a device: a later one replaces a row with any time', async () => {
    const id = `k/${phone.id}`;
    await okJson(publish());
    for (const row of [{ time: huge }, { time: huge, signed: { B: new Uint8Array(3) } }, { signed: { S: 'x' } }]) {
      await alter(table(), id, row);
      await okJson(publish());
    }
    // Its own older one does not come back.
    time -= 2;
    await expectProblem(await publish(), 'approval_key_refused');
    time += 2;
  });

  test('the key of a person: the next edition replaces a row with any edition', async () => {
    const id = `h/${ann}`;
    await okJson(put(await keyOf(1)));
    await expectProblem(await put(await keyOf(1, { time: 5 })), 'person_key_conflict');
    const rows: Item[] = [
      { edition: huge },
      { edition: huge, signed: { B: new Uint8Array(0) } },
      { signed: { S: 'x' } },
      // An older statement, which the device has replaced.
      { signed: { B: await keyOf(1) } },
    ];
    for (const [at, row] of rows.entries()) {
      await alter(table(), id, row);
      await okJson(put(await keyOf(at + 2)));
    }
    await expectProblem(await put(await keyOf(5, { time: 5 })), 'person_key_conflict');
    // Nobody uses up the numbers with one statement.
    await expectProblem(await put(await keyOf(5 + 10_001)), 'person_key_conflict');
    await okJson(put(await keyOf(5 + 10_000)));
  });

  test('the newest question of a key: another one replaces a row with any content', async () => {
    const store = new DynamoApprovals(clientOf, table());
    const pointer = { approval: 'a', details: new Uint8Array(1), asked: 1, expires: 2, misses: 1 };
    const rows: Item[] = [
      { approval: { N: '1' } },
      { asked: { S: 'x' }, expires: { N: `1${'0'.repeat(50)}` } },
      { details: { S: 'x' } },
      // A number that is none hides no other attribute.
      { approval: { S: 'q' }, misses: { N: '1.5' }, extra: { N: '1e100' } },
      { approval: { S: 'q' }, misses: huge },
    ];
    for (const row of rows) {
      await stack.putItem(table(), { org: { S: org }, id: { S: 'p/key' }, ...row });
      const before = await store.getPointer(org, 'key');
      expect(before?.misses).toBeLessThan(10_000);
      expect(await store.replacePointer(org, 'key', pointer, before), JSON.stringify(row)).toBe(true);
    }
    expect(await store.replacePointer(org, 'key', { ...pointer, approval: 'b' }, { ...pointer, approval: 'c' })).toBe(
      false,
    );
    expect(await store.replacePointer(org, 'key', { ...pointer, approval: 'b' }, undefined)).toBe(false);
  });
});

test('of a host that got values: references of another type are none', async () => {
  const table = stack.table('BrokerTable');
  const store = new DynamoBrokerRecords(clientOf, table);
  const at = { org: { S: org }, id: { S: 'host/h' } };
  for (const references of [{ S: 'x' }, { N: '5' }, { L: [] }, { NS: ['1'] }, { M: {} }] as const) {
    await stack.putItem(table, { ...at, references } as Item);
    expect(await store.read(org, 'h')).toEqual([]);
    expect(await store.add(org, 'h', ['a?version=1'], 2), JSON.stringify(references)).toBe(true);
    expect(await store.read(org, 'h')).toEqual(['a?version=1']);
    expect(await store.add(org, 'h', ['b?version=1', 'c?version=1'], 2)).toBe(false);
  }
});

test('of questions for a device: one whose end is no time hides no other', async () => {
  const table = stack.table('ApprovalsQuestionsTable');
  const store = new DynamoApprovals(clientOf, table);
  const row = (id: string, expires: object) =>
    stack.putItem(table, {
      org: { S: org },
      id: { S: `q/d/${id}` },
      question: { B: new Uint8Array(1) },
      expires,
    } as Item);
  for (const [at, N] of ['9007199254740991', '8640000000000001', '1.5', '1e100'].entries()) await row(`o${at}`, { N });
  await row('whole', { N: '5' });
  expect((await store.listQuestions(org, 'd', 100)).map(({ approval }) => approval)).toEqual(['whole']);
});

describe('of a request for a secret', () => {
  const at = { org, id: 'r' };
  const now = new Date('2026-12-01T00:00:00.000Z');
  const times = claimTimes(now);
  const future = { S: '2199-01-01T00:00:00.000Z' };
  const write = async (more: Item) =>
    await stack.putItem(stack.table('SecretRequestsTable'), { org: { S: org }, id: { S: 'request/r' }, ...more });
  const requests = () =>
    new DynamoSecretRequests(clientOf, {
      requests: stack.table('SecretRequestsTable'),
      keyrings: stack.table('KeyringsTable'),
    });

  test('a claim of another type is none: it can be answered', async () => {
    for (const claim of [{ N: '1' }, { L: [] }, { NULL: true }] as const) {
      await write({ claim } as Item);
      expect((await requests().get(at))?.claim).toBeUndefined();
      expect(await requests().claim(at, { claim: 'mine', ...times }), JSON.stringify(claim)).toBe(true);
      expect(await requests().claim(at, { claim: 'another', ...times })).toBe(false);
    }
  });

  test('a claim without a time of a function is abandoned: it can be cancelled', async () => {
    const odd: Item[] = [{}, { claimedAt: { N: '1' } }, { claimedAt: { S: '' } }, { claimedAt: future }];
    for (const more of odd) {
      await write({ claim: { S: 'x' }, ...more });
      expect(await requests().close(at, 'cancelled', times), JSON.stringify(more)).toBe(true);
    }
    await write({ claim: { S: 'x' }, claimedAt: { S: now.toISOString() } });
    expect(await requests().close(at, 'cancelled', times)).toBe(false);
  });
});

test('of a user: a tombstone with another damage is replaced, and a whole one is not', async () => {
  const table = stack.table('UserCustodyKeyringsTable');
  const keyrings = new DynamoUserKeyrings(clientOf, table);
  const deletion = new UserDeletionService(
    keyrings,
    new DynamoLocators(clientOf, table),
    { send: async () => {} },
    () => new Date(),
    async () => {},
  );
  const owner = { org, user: randomId() };
  const row = { org: { S: org }, id: { S: `user/${owner.user}` }, state: { S: 'deleted' }, user: { S: owner.user } };
  const whole = { deletedAt: { S: 'x' }, createdAt: { S: 'x' }, generation: { N: '2' } };
  const damages: Item[] = [
    { ...whole, createdAt: { N: '1' } },
    { ...whole, deletedAt: { N: '1' } },
    { ...whole, generation: { N: '1.00000000000000000001' } },
    { ...whole, user: { S: 'another' } },
    { deletedAt: { S: '' } },
  ];
  for (const damage of damages) {
    await stack.putItem(table, { ...row, ...damage });
    expect((await deletion.delete(owner)).deleted, JSON.stringify(damage)).toBe(true);
    expect((await deletion.delete(owner)).deleted).toBe(false);
  }
  // Nobody verified these slots: their locators become keys of items.
  const slot = { kind: { S: 'identity' }, salt: { S: 'AAAA' }, createdAt: { S: 'x' }, wrapped: { S: 'AAAA' } };
  for (const generation of ['1', '9007199254740991']) {
    const slots = { M: { [randomId()]: { M: { ...slot, locator: { S: 'x'.repeat(2000) } } } } };
    const active = { state: { S: 'active' }, createdAt: { S: 'x' }, mac: { S: 'x' }, generation: { N: generation } };
    await stack.putItem(table, { ...row, ...active, slots });
    expect((await deletion.delete(owner)).deleted, generation).toBe(true);
  }
});

describe('of the directory', () => {
  const table = () => stack.table('SessionCustodyDirectoriesTable');

  test('a bundle: the next one replaces a row with any number', async () => {
    await okJson(served.putBundle(phone, served.bundleOf(phone, 1)));
    await alter(table(), `bundle/${phone.id}`, { seq: huge });
    await okJson(served.putBundle(phone, served.bundleOf(phone, 2)));
    await expectProblem(await served.putBundle(phone, served.bundleOf(phone, 1)), 'bundle_outdated');
  });

  test('a conversation: the next statement replaces a row with any version', async () => {
    const other = served.simulator.admit(bob, 'owner');
    await served.push();
    const nonce = new Uint8Array(randomBytes(16));
    const version = (number: number) =>
      served.statement(ann, [phone, other], [ann, bob], [], { nonce, version: number });
    await okJson(served.putConversation(phone, version(1)));
    const rows: Item[] = [
      { version: huge },
      { version: huge, statement: { B: new Uint8Array(3) } },
      { version: huge, statement: { S: 'x' } },
    ];
    for (const [at, row] of rows.entries()) {
      await alter(table(), `conversation/${version(1).id}`, row);
      await okJson(served.putConversation(phone, version(at + 2)));
    }
    await expectProblem(await served.putConversation(phone, version(3)), 'conversation_conflict');
  });
});

describe('of the relay', () => {
  const table = () => stack.table('SessionCustodyMailboxesTable');

  test('the time of the last notice, or of the last count of a mailbox', async () => {
    const [push, mailboxes] = [new DynamoPush(clientOf, table()), new DynamoMailboxes(clientOf, table())];
    const now = 1_800_000_000;
    const rows = [huge, { S: 'x' }, { L: [] }, { NULL: true }];
    for (const [id, begin] of [
      ['q/device', () => push.beginNotice({ org, device: 'device' }, now, now - 60)],
      ['r/device', () => mailboxes.beginRecount(org, 'device', now, now - 60)],
    ] as const) {
      for (const at of rows) {
        await stack.putItem(table(), { org: { S: org }, id: { S: id }, at } as Item);
        expect(await begin(), JSON.stringify([id, at])).toBe(true);
        expect(await begin()).toBe(false);
      }
    }
  });
});

test('of counted attempts: a window has no other end than the vault gives it', async () => {
  const table = stack.table('SecretRequestsTable');
  const attempts = new DynamoAttempts(clientOf, table, attemptItemId);
  const limit = { attempts: 2, windowSeconds: 900 };
  const now = new Date();
  for (const until of [{ S: '9999-12-31T00:00:00.000Z' }, { S: 'zzz' }, huge]) {
    await stack.putItem(table, { org: { S: org }, id: { S: attemptItemId('c') }, tries: { N: '100' }, until });
    expect(await attempts.countAttempt(org, 'c', limit, now)).toBe(0);
    expect(await attempts.countAttempt(org, 'c', limit, now)).toBe(0);
    expect(await attempts.countAttempt(org, 'c', limit, now)).toBe(900);
  }
  // A number that is none must not make a request count for ever.
  const until = { S: new Date(now.getTime() + 1000).toISOString() };
  for (const more of [{ ttl: { N: '1.5' } }, { tries: { N: '9007199254740993.5' } }]) {
    await stack.putItem(table, { org: { S: org }, id: { S: attemptItemId('d') }, tries: { N: '1' }, until, ...more });
    expect(await attempts.countAttempt(org, 'd', limit, now)).toBe('ttl' in more ? 0 : 1);
  }
});

test('of access tokens: a record that no function can have written is replaced', async () => {
  const table = stack.table('BrokerTable');
  const store = new DynamoTokenRecords(clientOf, table);
  const record: TokenRecord = { fence: 1, holder: 'me', state: 'idle', basis: 'b' };
  for (const row of [
    { fence: huge },
    { fence: { S: 'x' } },
    { fence: { N: '1e60' } },
    {},
    { fence: { N: '-5' } },
    { fence: { N: '5.5' } },
  ]) {
    await stack.putItem(table, { org: { S: org }, id: { S: 'token/t' }, ...row } as Item);
    expect(await store.read(org, 't')).toBeUndefined();
    expect(await store.replace(org, 't', record, undefined)).toBe(true);
    expect(await store.replace(org, 't', record, undefined)).toBe(false);
  }
  await stack.putItem(table, { org: { S: org }, id: { S: 'token/t' }, fence: { N: '7' }, state: { S: 'x' } });
  expect(await store.read(org, 't')).toMatchObject({ fence: 7, state: 'idle' });
  expect(await store.replace(org, 't', { ...record, fence: 8 }, 7)).toBe(true);
});

test('of the sealer: a time in the future is replaced', async () => {
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const { DynamoDBDocumentClient } = await import('@aws-sdk/lib-dynamodb');
  const { sealerProgressKey } = await import('../../contract/shared/environment-variables.ts');
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
  const table = stack.table('AuditTable');
  const marks = new DynamoAuditMarkIndex(DynamoDBDocumentClient.from(client), table);
  const key = Object.fromEntries(Object.entries(sealerProgressKey).map(([name, S]) => [name, { S }]));
  const now = Date.now();
  for (const until of [{ S: 'x' }, { L: [] }, { N: '1.5' }, { NULL: true }] as const) {
    await stack.putItem(table, { ...key, until } as Item);
    await marks.advanceProgress(now - 20, now);
    expect(await marks.getProgress()).toBe(now - 20);
  }
  await stack.putItem(table, { ...key, until: huge });
  await marks.advanceProgress(now - 5, now);
  expect(await marks.getProgress()).toBe(now - 5);
  await marks.advanceProgress(now - 10, now);
  expect(await marks.getProgress()).toBe(now - 5);
});
