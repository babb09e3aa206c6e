/**
 * Immediate shredding through the deployed routes: its effects, its response, and the offline verification of its
 * receipt.
 */
import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { compactVerify, createLocalJWKSet } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { shredReceiptJwsType, shredReceiptLimits } from '../../core/shredding/receipt-statements.ts';
import { type PublicJwk, verifyJws } from '../../core/signing/jws.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { shredNow } from './shred-org.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const stack = useLocalStack();
let org: string;
let adminKey: string;
let agentKey: string;

beforeAll(async () => {
  ({ org, adminKey, agentKey } = await stack.newOrg());
  await stack.clientOf(agentKey).vault.set('prod/one', 'secret one');
  await stack.clientOf(agentKey).vault.set('prod/two', 'secret two');
});

test('the id of the org must be given to confirm, and an agent may not', async () => {
  const post = (key: string, body: object) => stack.http('POST', '/v1/org/shred', { key, body });
  for (const confirm of ['', 'prod/one', org.toUpperCase(), `${org} `]) {
    await expectProblem(await post(adminKey, { confirm }), 'invalid_request');
  }
  await expectProblem(await post(adminKey, { confirm: org, waitDays: 31 }), 'invalid_request');
  await expectProblem(await post(adminKey, { confirm: org, waitDays: -1 }), 'invalid_request');
  await expectProblem(await post(agentKey, { confirm: org }), 'forbidden');
  await expectProblem(await stack.http('DELETE', '/v1/org/shred', { key: adminKey }), 'no_shred_pending');
  expect(await (await stack.http('GET', '/v1/org/shred', { key: adminKey })).json()).toEqual({
    org,
    state: 'active',
    final: false,
    receipts: [],
  });
  expect(await stack.clientOf(agentKey).vault.get('prod/one')).toBe('secret one');
});

describe('an org that was shredded', () => {
  let keys: { keys: PublicJwk[] };
  let receipt: string;

  beforeAll(async () => {
    keys = await (await stack.http('GET', '/.well-known/jwks.json')).json();
    const answer = await shredNow(stack, { org, adminKey });
    expect(answer).toMatchObject({ org, state: 'shredded', final: true });
    expect(answer.receipts).toHaveLength(1);
    receipt = answer.receipts[0] ?? expect.fail();
  });

  test('answers every read and write of a value with org_shredded, from the next request on', async () => {
    const { http } = stack;
    const asAgent = { key: agentKey };
    for (const answer of [
      await http('GET', '/v1/vault/values/prod/one', asAgent),
      await http('GET', '/v1/vault/values/prod/one?version=1', asAgent),
      await http('GET', '/v1/vault/values/never/was', asAgent),
      await http('GET', '/v1/vault/values', asAgent),
      await http('GET', '/v1/vault/versions/prod/one', asAgent),
      await http('POST', '/v1/vault/batch-get', { ...asAgent, body: { names: ['prod/one', 'prod/two'] } }),
      await http('PUT', '/v1/vault/values/prod/one', { ...asAgent, body: { value: 'x' } }),
      await http('POST', '/v1/vault/batch-set', { ...asAgent, body: { items: [{ name: 'n', value: 'x' }] } }),
      await http('DELETE', '/v1/vault/values/prod/one', asAgent),
      await http('POST', '/v1/vault/destroy/prod/one', { key: adminKey, body: { confirm: 'prod/one' } }),
      await http('POST', '/v1/org/rotation', { key: adminKey, body: {} }),
      await http('DELETE', '/v1/org/shred', { key: adminKey }),
    ]) {
      await expectProblem(answer, 'org_shredded');
    }
    expect(await (await http('GET', '/v1/org', asAgent)).json()).toMatchObject({ state: 'shredded', deks: [] });
  });

  test('leaves no wrapped DEK in its record', async () => {
    const item = await stack.getItem(stack.table('KeyringsTable'), { org });
    expect(item.deks).toEqual({ M: {} });
    expect(item.generation).toEqual({ N: '4' });
    expect(JSON.stringify(item)).not.toContain('wrapped"');
  });

  test('has a receipt that an independent JOSE library verifies with the published keys alone', async () => {
    const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(keys), {
      algorithms: ['ES256'],
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: keys.keys[0]?.kid, typ: shredReceiptJwsType });
    const said = JSON.parse(Buffer.from(payload).toString());
    expect(said).toMatchObject({
      org,
      number: 1,
      requestedBy: adminKey.split('_')[2],
      generation: 3,
      deks: [{ version: 1, state: 'active', wrappedHash: expect.stringMatching(/^[\w-]{43}$/) }],
      retiredBefore: 0,
      values: { count: 2, complete: true },
      copies: { backups: [], backupCount: 0, complete: true, pointInTimeRecovery: 'DISABLED' },
      final: true,
      limits: shredReceiptLimits,
    });
    expect(said.irrecoverableSince).toBe(said.copies.checkedAt);
    expect(said.requestedAt <= said.shreddedAt && said.shreddedAt <= said.unusableSince).toBe(true);
    expect(Date.parse(said.inFlightUntil) - Date.parse(said.unusableSince)).toBe(15_000);
  });

  test('has a receipt of which no byte can be changed', async () => {
    expect(verifyJws(receipt, keys.keys, shredReceiptJwsType)).toBeDefined();
    const accepted: number[] = [];
    const set = createLocalJWKSet(keys);
    for (let at = 0; at < receipt.length; at++) {
      // Flips the highest of the six bits of each character, because some bits of the last character are unused.
      const other = receipt[at] === '.' ? 'A' : (alphabet[alphabet.indexOf(receipt[at] ?? '') ^ 32] ?? '');
      const changed = receipt.slice(0, at) + other + receipt.slice(at + 1);
      if (verifyJws(changed, keys.keys, shredReceiptJwsType) !== undefined) accepted.push(at);
      await compactVerify(changed, set).then(
        () => accepted.push(at),
        () => undefined,
      );
    }
    expect(accepted).toEqual([]);
  });

  test('is shredded as before when the request is repeated, and gets no further receipt', async () => {
    const before = await stack.getItem(stack.table('KeyringsTable'), { org });
    for (const waitDays of [0, 0, 7]) {
      expect(await shredNow(stack, { org, adminKey }, waitDays)).toMatchObject({ final: true, receipts: [receipt] });
    }
    expect(await stack.getItem(stack.table('KeyringsTable'), { org })).toEqual(before);
  });

  test('leaves other orgs untouched', async () => {
    await stack.client.vault.set('other', 'still here');
    expect(await stack.client.vault.get('other')).toBe('still here');
  });
});

test('an org that never had a key is shredded as well, and finally', async () => {
  const other = await stack.newOrg();
  expect(await shredNow(stack, other)).toMatchObject({ state: 'shredded', final: true });
  const answer = await stack.http('PUT', '/v1/vault/values/a', { key: other.agentKey, body: { value: 'x' } });
  await expectProblem(answer, 'org_shredded');
});

test('what stays in the table of values is ciphertext', async () => {
  const client = new DynamoDBClient({
    endpoint: stack.vault.endpoints.dynamodb,
    region: stack.vault.operator.region,
    credentials: stack.vault.credentials,
  });
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: stack.table('ValuesTable'),
      KeyConditionExpression: 'org = :org',
      ExpressionAttributeValues: { ':org': { S: org } },
    }),
  );
  expect(Items.map((item) => item.name?.S)).toEqual(['prod/one', 'prod/two']);
  for (const item of Items) expect(item.value?.S).toMatch(/^enc:v1:/);
});
