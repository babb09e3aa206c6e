import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type StoreIterator } from 'dynalite/db/index.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DynaliteTables, openTables } from '../../local/aws/dynamodb/dynalite-store.ts';

let folder: string;
let tables: DynaliteTables;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-tables-'));
  tables = await openTables(folder);
  await createTable();
});
afterEach(async () => {
  await tables.close();
  rmSync(folder, { recursive: true, force: true });
});

async function createTable(): Promise<void> {
  await tables.call('CreateTable', {
    TableName: 'items',
    AttributeDefinitions: ['org', 'name'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'org', KeyType: 'HASH' },
      { AttributeName: 'name', KeyType: 'RANGE' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  });
  // A new table is in the state CREATING for a moment.
  await expect.poll(async () => (await tables.call('DescribeTable', { TableName: 'items' })).body).toContain('ACTIVE');
}

const query = (more: object) =>
  tables.call('Query', {
    TableName: 'items',
    KeyConditionExpression: 'org = :org',
    ExpressionAttributeValues: { ':org': { S: 'one' } },
    ...more,
  });
/** Random text, which LevelDB cannot compress. */
const noise = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');
const put = (name: string) =>
  tables.call('PutItem', {
    TableName: 'items',
    Item: { org: { S: 'one' }, name: { S: name }, data: { S: noise(40_000) } },
  });
const megabytes = () =>
  readdirSync(folder)
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0) / 1e6;

describe('the store of dynalite', () => {
  // 16 items of 53 KB are less than 1 MB. The test writes 43 MB in total.
  test.for([
    ['that end at a limit', { Limit: 1 }],
    ['that read to the end', {}],
    ['in reverse', { ScanIndexForward: false, Limit: 3 }],
  ] as const)('drops old files although there were queries %s', async ([, more]) => {
    for (let i = 0; i < 800; i++) {
      await put(`name-${i % 16}`);
      if (i % 10 === 0) expect((await query(more)).status).toBe(200);
    }
    await expect.poll(megabytes).toBeLessThan(20);
  });

  // An open iterator in memory keeps a snapshot of all entries.
  test('in memory, closes the iterator of a query that ends at a limit', async () => {
    await tables.close();
    const values = vi.spyOn(
      Object.getPrototypeOf(create({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }).db),
      'values',
    );
    tables = await openTables(null);
    await createTable();
    for (const name of ['a', 'b', 'c']) await put(name);
    values.mockClear();
    expect((await query({ Limit: 1 })).status).toBe(200);
    const iterators = values.mock.results.map(({ value }) => value as StoreIterator);
    values.mockRestore();
    expect(iterators).toHaveLength(1);
    const next = () => iterators[0]?.next().catch(({ code }) => code);
    await expect.poll(next).toBe('LEVEL_ITERATOR_NOT_OPEN');
  });

  test('answers what DynamoDB refuses with its status and type, and leaves the input as it was', async () => {
    const input = { TableName: 'nothing', Key: { org: { S: 'one' } }, Unknown: 1 };
    const { status, body } = await tables.call('GetItem', input);
    expect([status, JSON.parse(body).__type]).toEqual([400, expect.stringContaining('ResourceNotFoundException')]);
    expect(input).toHaveProperty('Unknown');
    expect((await tables.call('GetItem', { TableName: 7 })).status).toBe(400);
    expect((await tables.call('TransactWriteItems', {})).body).toContain('UnknownOperationException');
  });

  test('tells who opens a folder that another has open what to do', async () => {
    await expect(openTables(folder)).rejects.toThrow(/cannot be opened.*Nothing was started.*--data/s);
  });
});
