/** A restore test: everything except the keyring table is copied before a shredding and restored after it. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AttributeValue, DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { shredNow } from './shred-org.ts';

const count = 1000;
const names = Array.from({ length: count }, (_, n) => `drill/${n}`);
const value = (name: string) => `value of ${name}`;
const batches = Array.from({ length: count / 100 }, (_, n) => names.slice(n * 100, (n + 1) * 100));

let folder: string;
let stack: LocalStack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-drill-'));
  stack = await startLocalStack({ dataDir: join(folder, 'data') });
});
afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

const dynamo = () =>
  new DynamoDBClient({
    endpoint: stack.vault.endpoints.dynamodb,
    region: stack.vault.operator.region,
    credentials: stack.vault.credentials,
  });

/** All items of an org in a table, as in a backup of the table. */
async function copyOf(table: string, org: string): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = [];
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page = await dynamo().send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'org = :org',
        ExpressionAttributeValues: { ':org': { S: org } },
        ExclusiveStartKey: start,
      }),
    );
    items.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return items;
}

async function opened(agentKey: string): Promise<{ opened: number; codes: Set<string> }> {
  const codes = new Set<string>();
  let good = 0;
  for (const batch of batches) {
    const answer = await stack.http('POST', '/v1/vault/batch-get', { key: agentKey, body: { names: batch } });
    const text = await answer.text();
    good += batch.filter((name) => text.includes(value(name))).length;
    if (answer.status !== 200) codes.add(JSON.parse(text).code);
  }
  return { opened: good, codes };
}

test(`of ${count} values, none opens when tables and KMS are put back as they were before the shredding`, async () => {
  const org = await stack.newOrg();
  const client = stack.clientOf(org.agentKey);
  for (const batch of batches) await client.vault.setMany(batch.map((name) => ({ name, value: value(name) })));
  expect(await opened(org.agentKey)).toEqual({ opened: count, codes: new Set() });

  const values = await copyOf(stack.table('ValuesTable'), org.org);
  const apiKeys = await copyOf(stack.table('ApiKeysTable'), org.org);
  const kms = join(folder, 'kms-copy');
  cpSync(join(folder, 'data', 'kms'), kms, { recursive: true });
  expect(values).toHaveLength(count);
  expect(readdirSync(kms).length).toBeGreaterThan(1);

  await shredNow(stack, org);
  for (const item of values) {
    await dynamo().send(new PutItemCommand({ TableName: stack.table('ValuesTable'), Item: item }));
  }
  for (const item of apiKeys) {
    await dynamo().send(new PutItemCommand({ TableName: stack.table('ApiKeysTable'), Item: item }));
  }
  expect(await opened(org.agentKey)).toEqual({ opened: 0, codes: new Set(['org_shredded']) });

  // A new process with the restored copy of KMS: no warm caches, and the earlier state of the KEK.
  await stack.vault.close();
  cpSync(kms, join(folder, 'data', 'kms'), { recursive: true });
  stack = await startLocalStack({ dataDir: join(folder, 'data') });
  expect(await opened(org.agentKey)).toEqual({ opened: 0, codes: new Set(['org_shredded']) });
});

/** The mark of an org, which no function and no administrator can put back in a deployment: it is under Object Lock. */
function markOf(org: string) {
  const [, bucket] = Object.entries(stack.vault.resources).find(([id]) => id.startsWith('LockedBucket')) ?? [];
  const { endpoints, operator, credentials } = stack.vault;
  const s3 = new S3Client({ endpoint: endpoints.s3, region: operator.region, credentials, forcePathStyle: true });
  const location = { Bucket: bucket, Key: `marks/${org}` };
  return {
    read: async () => (await (await s3.send(new GetObjectCommand(location))).Body?.transformToString()) ?? '',
    putBack: async (Body: string) => {
      const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
      await s3.send(new PutObjectCommand({ ...location, Body, ChecksumSHA256 }));
    },
  };
}

test.each([
  ['put back too, which nothing here may copy, none of them opens', false],
  ['and the mark put back too, which the drill would notice, all of them open', true],
])('with the keyring %s', async (_, withMark) => {
  const org = await stack.newOrg();
  const client = stack.clientOf(org.agentKey);
  for (const batch of batches) await client.vault.setMany(batch.map((name) => ({ name, value: value(name) })));
  const keyring = await stack.getItem(stack.table('KeyringsTable'), { org: org.org });
  const mark = await markOf(org.org).read();
  await shredNow(stack, org);
  await stack.putItem(stack.table('KeyringsTable'), keyring);
  if (withMark) await markOf(org.org).putBack(mark);
  expect(await opened(org.agentKey)).toEqual(
    withMark ? { opened: count, codes: new Set() } : { opened: 0, codes: new Set(['org_shredded']) },
  );
});
