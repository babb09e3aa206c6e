/** Cost is counted at the engines, on one warm environment of each function. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { useStack } from './stack.ts';

const stack = useStack({ functionConcurrency: 1 });
const names = Array.from({ length: 98 }, (_, n) => `many/${n}`);

beforeAll(async () => {
  await stack.client.vault.setMany(names.map((name) => ({ name, value: 'x' })));
  await stack.client.vault.set('one', 'x');
  await stack.client.vault.get('one');
});
beforeEach(() => stack.vault.calls.reset());

const calls = () => stack.vault.calls.list().map(({ service, action }) => `${service} ${action}`);

test('a warm get is one DynamoDB read, one audit record and no KMS call', async () => {
  await stack.client.vault.get('one');
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
});

test('a warm set is one read, one write, one audit record and no KMS call', async () => {
  await stack.client.vault.set('one', 'y', { metadata: { a: 'b' } });
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem', 'dynamodb PutItem']);
});

test('getMany of 98 is one DynamoDB read and one audit record', async () => {
  expect((await stack.client.vault.getMany(names)).failed).toEqual([]);
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
});

test('a warm list is the read of its key, one query and one audit record', async () => {
  expect(await stack.client.vault.list({ prefix: 'many/' }).toArray()).toHaveLength(98);
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb Query', 'dynamodb PutItem']);
});

test('a delete is the read of its key, one write and one audit record', async () => {
  await stack.client.vault.delete('one');
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb DeleteItem', 'dynamodb PutItem']);
});

test('a key that is malformed costs no call at all', async () => {
  const answer = await stack.http('GET', '/v1/vault/values/one', { key: 'anm_mistyped' });
  expect(answer.status).toBe(401);
  expect(calls()).toEqual([]);
});

test('the first use of a key within an hour is one write more, of its hour alone; the next uses are none', async () => {
  const { key } = await stack.clientOf(stack.vault.adminKey).keys.create({ role: 'reader' });
  const { vault } = stack.clientOf(key);
  const uses: string[][] = [];
  for (let n = 0; n < 3; n++) {
    stack.vault.calls.reset();
    await vault.getMany(['many/1']);
    uses.push(calls().sort());
  }
  const warm = ['dynamodb BatchGetItem', 'dynamodb PutItem'];
  expect(uses).toEqual([[...warm, 'dynamodb UpdateItem'], warm, warm]);
});
