/** What the files of the DynamoDB emulator keep of replaced and deleted items. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'dynalite/db/index.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tableSchema } from '../../local/aws/cloudformation/resource-schemas.ts';
import { type DynamoDbEngine, openDynamoDb } from '../../local/aws/dynamodb/dynamodb-engine.ts';
import { ensureTables } from '../../local/aws/dynamodb/table-provisioning.ts';

const denial = { Effect: 'Deny', Action: ['dynamodb:CreateBackup'], Principal: '*', Resource: '*' };
const table = (tableName: string, policy?: object) => ({
  logicalId: tableName,
  tableName,
  ...tableSchema.parse({
    AttributeDefinitions: ['org', 'name', 'owner'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'org', KeyType: 'HASH' },
      { AttributeName: 'name', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'owners',
        KeySchema: [{ AttributeName: 'owner', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    ...(policy && { ResourcePolicy: { PolicyDocument: { Statement: [policy] } } }),
  }),
});
const tables = [table('keys', denial), table('other', { ...denial, Effect: 'Allow' })];

let folder: string;
let engine: DynamoDbEngine;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-tables-'));
  await open();
});
afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});
async function open(specs = tables): Promise<void> {
  engine = await openDynamoDb(folder);
  await ensureTables(engine, specs);
}

/** Random base64. LevelDB compresses with Snappy, which keeps text without repetitions as it is. */
const noise = (bytes = 300) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');
const filesWith = (text: string, path = folder): string[] =>
  readdirSync(path).flatMap((name) => {
    const file = join(path, name);
    if (statSync(file).isDirectory()) return filesWith(text, file);
    // A part from the middle, because a block of the log can end within the text.
    return [text.slice(0, 60), text.slice(-60)].some((part) => readFileSync(file).includes(part)) ? [file] : [];
  });
const key = (name: string, org = 'one') => ({ org: { S: org }, name: { S: name } });
const run = async (action: string, input: object) => {
  const { status, body } = await engine.call(action, input);
  expect([status, body]).toEqual([200, body]);
  return JSON.parse(body);
};
const put = (name: string, data: string, TableName = 'keys', owner = 'me') =>
  run('PutItem', { TableName, Item: { ...key(name), owner: { S: owner }, data: { S: data } } });
const del = (name: string, TableName = 'keys') => run('DeleteItem', { TableName, Key: key(name) });
const dataOf = async (name: string) => (await run('GetItem', { TableName: 'keys', Key: key(name) })).Item?.data.S;

describe('a table that must not be copied', () => {
  test('keeps nothing of an item in any file once the deletion is answered', async () => {
    for (let i = 0; i < 20; i++) {
      const data = noise();
      await put(`item-${i}`, data);
      expect(filesWith(data)).not.toEqual([]);
      // Other writes between, so that the item is sometimes in the log and sometimes in a table file.
      for (let j = 0; j < (i % 3) * 20; j++) await put(`other-${i}-${j}`, noise(3000), j % 2 ? 'keys' : 'other');
      await del(`item-${i}`);
      expect(filesWith(data)).toEqual([]);
    }
  });

  test('keeps nothing of what a put or an update replaced, and all of the new item', async () => {
    const versions = [noise(), noise(), noise()] as const;
    await put('item', versions[0], 'keys', 'first');
    await put('item', versions[1], 'keys', 'second');
    expect(filesWith(versions[0])).toEqual([]);
    await run('UpdateItem', {
      TableName: 'keys',
      Key: key('item'),
      UpdateExpression: 'SET #data = :data',
      ExpressionAttributeNames: { '#data': 'data' },
      ExpressionAttributeValues: { ':data': { S: versions[2] } },
    });
    expect(filesWith(versions[1])).toEqual([]);
    expect(await dataOf('item')).toBe(versions[2]);
    const byOwner = await run('Query', {
      TableName: 'keys',
      IndexName: 'owners',
      KeyConditionExpression: '#owner = :owner',
      ExpressionAttributeNames: { '#owner': 'owner' },
      ExpressionAttributeValues: { ':owner': { S: 'second' } },
    });
    expect(byOwner.Items).toMatchObject([{ data: { S: versions[2] } }]);
  });

  test('keeps nothing of what a batch deleted or replaced', async () => {
    const data = Array.from({ length: 25 }, () => noise());
    for (const [i, text] of data.entries()) await put(`item-${i}`, text, i % 5 === 0 ? 'other' : 'keys');
    const requests = data.map((_, i) =>
      i % 2 ? { DeleteRequest: { Key: key(`item-${i}`) } } : { PutRequest: { Item: key(`item-${i}`) } },
    );
    await run('BatchWriteItem', {
      RequestItems: {
        keys: requests.filter((_, i) => i % 5 !== 0),
        other: requests.filter((_, i) => i % 5 === 0),
      },
    });
    for (const [i, text] of data.entries()) if (i % 5 !== 0) expect(filesWith(text)).toEqual([]);
  });

  test('does so while others read and write at the same time', async () => {
    const kept = Array.from({ length: 10 }, () => noise());
    for (const [i, text] of kept.entries()) await put(`kept-${i}`, text);
    let stopped = false;
    const query = {
      TableName: 'keys',
      KeyConditionExpression: 'org = :org',
      ExpressionAttributeValues: { ':org': { S: 'one' } },
    };
    const busy = Array.from({ length: 4 }, async (_, i) => {
      for (let n = 0; !stopped; n++) {
        await run('Query', { ...query, Limit: 3 });
        await run('Scan', { TableName: 'keys' });
        await put(`busy-${i}`, noise(1000), n % 2 ? 'keys' : 'other');
      }
    });
    const work = Array.from({ length: 30 }, async (_, i) => {
      const data = noise();
      await put(`item-${i}`, data);
      await del(`item-${i}`);
      return filesWith(data);
    });
    expect((await Promise.all(work)).flat()).toEqual([]);
    stopped = true;
    await Promise.all(busy);
    for (const [i, text] of kept.entries()) expect(await dataOf(`kept-${i}`)).toBe(text);
  });

  test('is cleaned at the start of what a killed process had deleted but not erased', async () => {
    const data = noise();
    await put('item', data);
    await engine.close();
    // A deletion without the erasure that follows it.
    const { db } = create({
      path: join(folder, 'erased-at-once'),
      createTableMs: 0,
      deleteTableMs: 0,
      updateTableMs: 0,
    });
    await db.open({});
    const iterator = db.keys({ gt: 'i', lt: 'j' }); // items and indexes
    for (const name of await iterator.all()) await db.del(String(name));
    await iterator.close();
    await db.close();
    expect(filesWith(data)).not.toEqual([]);
    await open();
    expect(filesWith(data)).toEqual([]);
  });

  test('survives a restart, and does not look empty if the template allows copies later', async () => {
    const data = noise();
    await put('item', data);
    await put('item', data, 'other');
    await engine.close();
    await open();
    expect(await dataOf('item')).toBe(data);
    await engine.close();
    engine = await openDynamoDb(folder);
    await expect(ensureTables(engine, [table('keys'), table('other')])).rejects.toThrow(/keys.*Nothing was started/s);
    await expect(ensureTables(engine, [table('keys', denial), table('other', denial)])).rejects.toThrow(/other/);
  });
});

describe('another table', () => {
  test('loses deleted items, with all that they replaced, at the latest when the vault stops', async () => {
    const [first, second, kept] = [noise(), noise(), noise()];
    await put('item', first, 'other');
    await put('item', second, 'other');
    await put('kept', kept, 'other');
    await del('item', 'other');
    await engine.close();
    expect([filesWith(first), filesWith(second)]).toEqual([[], []]);
    await open();
    expect((await run('GetItem', { TableName: 'other', Key: key('kept') })).Item.data.S).toBe(kept);
  });
});
