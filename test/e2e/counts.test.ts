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

test('a warm get is one DynamoDB read and no KMS call', async () => {
  await stack.client.vault.get('one');
  expect(calls()).toEqual(['dynamodb BatchGetItem']);
});

test('a warm set is one read and one write and no KMS call', async () => {
  await stack.client.vault.set('one', 'y', { metadata: { a: 'b' } });
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
});

test('getMany of 98 is one DynamoDB call', async () => {
  expect((await stack.client.vault.getMany(names)).failed).toEqual([]);
  expect(calls()).toEqual(['dynamodb BatchGetItem']);
});

test('a warm list is the read of its key and one query', async () => {
  expect(await stack.client.vault.list({ prefix: 'many/' }).toArray()).toHaveLength(98);
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb Query']);
});

test('a delete is the read of its key and one write', async () => {
  await stack.client.vault.delete('one');
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb DeleteItem']);
});

test('a key that is malformed costs no call at all', async () => {
  const answer = await stack.http('GET', '/v1/vault/values/one', { key: 'anm_mistyped' });
  expect(answer.status).toBe(401);
  expect(calls()).toEqual([]);
});
