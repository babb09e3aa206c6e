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
import { DynamoTokenRecords } from '../../lambdas/broker/stores/dynamo-broker-records.ts';
import { DynamoMailboxes } from '../../lambdas/relay/stores/dynamo-mailboxes.ts';
import { DynamoPush } from '../../lambdas/relay/stores/dynamo-push.ts';
import { attemptItemId } from '../../lambdas/secret-requests/stores/dynamo-secret-requests.ts';
import { DynamoAttempts } from '../../lambdas/shared/stores/dynamo-attempts.ts';
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
    ];
    for (const row of rows) {
      await stack.putItem(table(), { org: { S: org }, id: { S: 'p/key' }, ...row });
      const before = await store.getPointer(org, 'key');
      expect(await store.replacePointer(org, 'key', pointer, before)).toBe(true);
    }
    expect(await store.replacePointer(org, 'key', { ...pointer, approval: 'b' }, { ...pointer, approval: 'c' })).toBe(
      false,
    );
    expect(await store.replacePointer(org, 'key', { ...pointer, approval: 'b' }, undefined)).toBe(false);
  });
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
    for (const [id, begin] of [
      ['q/device', () => push.beginNotice({ org, device: 'device' }, now, now - 60)],
      ['r/device', () => mailboxes.beginRecount(org, 'device', now, now - 60)],
    ] as const) {
      await stack.putItem(table(), { org: { S: org }, id: { S: id }, at: huge });
      expect(await begin()).toBe(true);
      expect(await begin()).toBe(false);
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
});

test('of access tokens: a record that no function can have written is replaced', async () => {
  const table = stack.table('BrokerTable');
  const store = new DynamoTokenRecords(clientOf, table);
  const record: TokenRecord = { fence: 1, holder: 'me', state: 'idle', basis: 'b' };
  for (const row of [{ fence: huge }, { fence: { S: 'x' } }, { fence: { N: '1e60' } }, {}, { fence: { N: '-5' } }]) {
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
  await stack.putItem(table, { ...key, until: huge });
  await marks.advanceProgress(now - 5, now);
  expect(await marks.getProgress()).toBe(now - 5);
  await marks.advanceProgress(now - 10, now);
  expect(await marks.getProgress()).toBe(now - 5);
});
