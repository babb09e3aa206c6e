/** The number of AWS calls per request, with one warm environment per function. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
const names = Array.from({ length: 98 }, (_, n) => `many/${n}`);

beforeAll(async () => {
  await stack.client.vault.setMany(names.map((name) => ({ name, value: 'x' })));
  await stack.client.vault.set('one', 'x');
  await stack.client.vault.get('one');
});
beforeEach(() => stack.vault.calls.reset());

const calls = () => stack.requestCalls();

test('a warm get is one DynamoDB read, one audit record and no KMS call', async () => {
  await stack.client.vault.get('one');
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
});

test('the first get of an org in a process adds one session, one MAC for its key, one read of its mark and one unwrapping', async () => {
  const other = await stack.newOrg();
  const { vault } = stack.clientOf(other.agentKey);
  await vault.set('a', 'x');
  stack.vault.calls.reset();
  await vault.get('a');
  const read = ['dynamodb BatchGetItem', 'dynamodb PutItem'];
  const cold = ['kms Decrypt', 'kms GenerateMac', 's3 GetObject', 'sts AssumeRole'];
  expect(calls().sort()).toEqual([...read, ...cold]);
  stack.vault.calls.reset();
  await vault.get('a');
  expect(calls().sort()).toEqual(read);
});

test('a warm set of a new name is one read, one write, one audit record and no KMS call', async () => {
  await stack.client.vault.set('new', 'x', { metadata: { a: 'b' } });
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem', 'dynamodb PutItem']);
});

test('a warm set of an existing value is one write more, of the version before', async () => {
  for (const n of [2, 3, 4]) {
    stack.vault.calls.reset();
    // The hints of these write IDs differ, so none of them has a slot read.
    await stack.client.vault.set('one', 'y', { writeId: `fixed-write-id-${n}` });
    expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem', 'dynamodb PutItem', 'dynamodb PutItem']);
  }
});

test('a get of an earlier version and a list of versions are one read more, of the slots', async () => {
  for (const read of [() => stack.client.vault.get('one', { version: 2 }), () => stack.client.vault.versions('one')]) {
    stack.vault.calls.reset();
    await read();
    expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb BatchGetItem', 'dynamodb PutItem']);
  }
});

test('getMany of 98 is one DynamoDB read and one audit record', async () => {
  expect((await stack.client.vault.getMany(names)).failed).toEqual([]);
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb PutItem']);
});

test('a warm list is the read of its key, one query and one audit record', async () => {
  expect(await stack.client.vault.list({ prefix: 'many/' }).toArray()).toHaveLength(98);
  expect(calls()).toEqual(['dynamodb BatchGetItem', 'dynamodb Query', 'dynamodb PutItem']);
});

test('a delete of a value without history is the read of its key, two audit records, one write and a look at its slots', async () => {
  await stack.client.vault.delete('new');
  const start = ['dynamodb BatchGetItem', 'dynamodb PutItem', 'dynamodb DeleteItem', 'dynamodb BatchGetItem'];
  expect(calls()).toEqual([...start, 'dynamodb PutItem']);
});

test('a delete of a value with history is also one look at the name, and one write per slot', async () => {
  await stack.client.vault.delete('one');
  const start = [
    'dynamodb BatchGetItem',
    'dynamodb PutItem',
    'dynamodb DeleteItem',
    'dynamodb BatchGetItem',
    'dynamodb BatchGetItem',
  ];
  const slots = Array.from({ length: 3 }, () => 'dynamodb DeleteItem');
  expect(calls()).toEqual([...start, ...slots, 'dynamodb PutItem']);
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

const tally = () => {
  const counted: Record<string, number> = {};
  for (const call of calls()) counted[call] = (counted[call] ?? 0) + 1;
  return counted;
};

describe('blobs', () => {
  const content = new TextEncoder().encode('a small file');
  let url: string;
  beforeAll(async () => {
    // From here on, both functions are warm: they have a session for the org.
    ({ url } = await stack.client.blobs.put(content));
    await (await stack.client.blobs.get(url)).text();
  });

  test('a look at a link is one DynamoDB read', async () => {
    await stack.client.blobs.look(url);
    expect(calls()).toEqual(['dynamodb BatchGetItem']);
  });

  test('a warm opening is one read, one check of the object, one write and one audit record, without KMS and STS; then its download', async () => {
    await (await stack.client.blobs.get(url)).text();
    const opening = ['dynamodb BatchGetItem', 's3 HeadObject', 'dynamodb UpdateItem', 'dynamodb PutItem'];
    expect(calls()).toEqual([...opening, 's3 GetObject']);
  });

  test('the last opening is one call more, for its object to be removed', async () => {
    const put = await stack.client.blobs.put(content, { maxOpens: 1 });
    stack.vault.calls.reset();
    await (await stack.client.blobs.get(put.url)).text();
    expect(calls()).toEqual([
      'dynamodb BatchGetItem',
      's3 HeadObject',
      'dynamodb UpdateItem',
      's3 PutObjectTagging',
      'dynamodb PutItem',
      's3 GetObject',
    ]);
  });

  test('a burning is one read, one write, one deletion and two audit records', async () => {
    const put = await stack.client.blobs.put(content, { burn: true });
    const opened = await stack.client.blobs.get(put.url, { burn: false });
    await opened.text();
    stack.vault.calls.reset();
    await opened.burn();
    // The first audit record says that the burning was started.
    expect(calls()).toEqual([
      'dynamodb BatchGetItem',
      'dynamodb PutItem',
      'dynamodb UpdateItem',
      's3 DeleteObject',
      'dynamodb PutItem',
    ]);
  });

  test('a small put is two requests to the vault and one to S3: a record, the file, its checked copy with its tag, and no KMS call', async () => {
    await stack.client.blobs.put(content);
    expect(tally()).toEqual({
      // One read of the API key per request. The completion also reads the record.
      'dynamodb BatchGetItem': 2,
      'dynamodb GetItem': 1,
      // The record of the blob, and two audit records.
      'dynamodb PutItem': 3,
      'dynamodb UpdateItem': 1,
      's3 PostObject': 1,
      // Of what was posted, and of the copy.
      's3 HeadObject': 2,
      's3 CopyObject': 1,
      's3 DeleteObject': 1,
    });
  });

  test('what is no link costs no call at all', async () => {
    for (const link of ['x', '0'.repeat(57), `${'0'.repeat(16)}${'z'.repeat(42)}`])
      expect((await stack.http('GET', `/v1/links/${link}`)).status).toBe(404);
    expect(calls()).toEqual([]);
  });
});
