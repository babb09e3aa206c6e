/**
 * Rotation under load, over HTTP with the deployed template. No request fails, no update is lost, and all values are
 * rotated.
 */
import { DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import { ConflictError } from '../../sdk/src/index.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { waitUntilRotated } from './await-rotation.ts';

const values = 10_000;
const workers = 20;

// One second of a wait takes a quarter of a second. The wait is still longer than any request, like the wait of twenty
// seconds on AWS.
const stack = useLocalStack({ functionConcurrency: 6, timeScale: 0.25 });

/** All stored values with their history. */
async function storedItems(): Promise<Record<string, unknown>[]> {
  const { endpoints, operator, credentials, org } = stack.vault;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
  const items: Record<string, unknown>[] = [];
  const query = {
    TableName: stack.table('ValuesTable'),
    ConsistentRead: true,
    KeyConditionExpression: 'org = :org',
    ExpressionAttributeValues: { ':org': { S: org } },
  };
  for await (const { Items = [] } of paginateQuery({ client }, query))
    items.push(...Items.map((item) => unmarshall(item)));
  return items;
}

const nameOf = (n: number): string => `load/${String(n).padStart(5, '0')}`;

test(`${values} values are rotated under ${workers} writers and readers: no request fails, no update is lost, no value is left under the old version`, async () => {
  const { client } = stack;
  const all = Array.from({ length: values }, (_, n) => ({ name: nameOf(n), value: `first ${n}` }));
  for (let at = 0; at < values; at += 1000) (await client.vault.setMany(all.slice(at, at + 1000))).orThrow();
  await client.vault.set('counter', '0');

  let going = true;
  const failures: unknown[] = [];
  const newest = new Map<string, { version: number; value: string }>();
  let requests = 0;
  let increments = 0;
  const work = async (worker: number) => {
    for (let turn = 0; going; turn++) {
      const name = nameOf((worker + workers * Math.floor(Math.random() * (values / workers))) % values);
      try {
        if (turn % 10 === 0) {
          const { value, version } = await client.vault.getWithInfo('counter');
          await client.vault.set('counter', String(Number(value) + 1), { ifVersion: version }).then(
            () => increments++,
            (error: unknown) => {
              if (!(error instanceof ConflictError)) throw error;
            },
          );
        } else if (worker % 2 === 0) {
          // Each name has one writer, so its last written value must be stored.
          const value = `of ${worker} at ${turn}`;
          const { version } = await client.vault.set(name, value);
          newest.set(name, { version, value });
        } else if (turn % 3 === 0) {
          (await client.vault.getMany(new Set([name, nameOf(turn % values), 'counter']))).orThrow();
        } else {
          expect(await client.vault.get(name)).toMatch(/^(?:first|of) /);
        }
        requests++;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const working = Array.from({ length: workers }, (_, worker) => work(worker));
  const started = await stack.http('POST', '/v1/org/rotation', { key: stack.vault.adminKey });
  expect(await started.json()).toMatchObject({ rotation: { to: 2, state: 'running' } });
  const done = await waitUntilRotated(stack);
  going = false;
  await Promise.all(working);

  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(500);
  expect(done).toMatchObject({ state: 'done', to: 2, damaged: 0 });
  expect(done.counted).toBeGreaterThanOrEqual(values + 1);
  expect(await client.vault.get('counter')).toBe(String(increments));
  const items = await storedItems();
  // Earlier versions are items of their own.
  expect(items.filter(({ name }) => !String(name).startsWith('#h/'))).toHaveLength(values + 1);
  const sealed = JSON.stringify(items).match(/enc:v1:[A-Za-z0-9+/]{28}/g) ?? [];
  expect(sealed.length).toBeGreaterThanOrEqual(2 * (values + 1));
  expect(new Set(sealed).size).toBe(1);
  for (const [name, { version, value }] of newest) {
    expect(await client.vault.getWithInfo(name)).toMatchObject({ version, value });
  }
}, 300_000);
