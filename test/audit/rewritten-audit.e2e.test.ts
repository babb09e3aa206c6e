/** An attacker who can write the tables, without KMS, rewrites the audit and asks the vault for an export. */
import { randomBytes } from 'node:crypto';
import { BatchWriteItemCommand, DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test } from 'vitest';
import type { ExportAuditResponse } from '../../contract/audit/wire.ts';
import { verifyExport } from '../../core/audit/audit-export.ts';
import type { ExportExpectations } from '../../core/audit/audit-verifier.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { parseJwkSet } from '../../core/signing/jws.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { signSeal } from './export-fixtures.ts';

const stack = useLocalStack();

const clients = () => {
  const { endpoints, operator, credentials } = stack.vault;
  const config = { region: operator.region, credentials };
  return {
    dynamo: new DynamoDBClient({ ...config, endpoint: endpoints.dynamodb }),
    lambda: new LambdaClient({ ...config, endpoint: endpoints.dynamodb }),
    s3: new S3Client({ ...config, endpoint: endpoints.s3 }),
  };
};
const bucket = (): string => {
  const id = Object.keys(stack.vault.resources).find((one) => one.startsWith('LockedBucket'));
  return stack.vault.resources[id ?? ''] ?? expect.fail('no locked bucket');
};
const headKey = (org: string, seq: number) => `heads/${org}/${String(seq).padStart(12, '0')}`;

async function record(org: string, minutesAgo: number, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const time = Date.now() - minutesAgo * 60_000 + n;
    const one = { id: createTimeId(time, randomBytes(16)), time: new Date(time).toISOString(), org };
    const rest = { principal: 'abcdefghjkmnpqrs', route: 'getValue', verb: 'values.read', name: `prod/${n}` };
    const item = { ...one, ...rest, result: 'ok', requestId: 'r', sourceIp: '203.0.113.7' };
    await stack.putItem(stack.table('AuditTable'), marshall(item));
  }
}

async function exportOf(key: string): Promise<ExportAuditResponse['seals']> {
  const answer = await stack.http('GET', '/v1/audit/export', { key });
  expect(answer.status).toBe(200);
  const page: ExportAuditResponse = await answer.json();
  expect(page.cursor).toBeUndefined();
  return page.seals;
}

async function problemsOf(seals: ExportAuditResponse['seals'], expected: ExportExpectations = {}): Promise<string[]> {
  const keys = parseJwkSet(await (await stack.http('GET', '/.well-known/jwks.json')).json());
  const lines = seals.flatMap(({ records, seal }) => [...records, { seal }].map((line) => JSON.stringify(line)));
  const { problems } = await verifyExport(linesOf(lines), keys, expected);
  return problems.map(({ code }) => code);
}
async function* linesOf(lines: readonly string[]) {
  yield* lines;
}

const itemsOf = async (org: string) => {
  const query = { KeyConditionExpression: 'org = :org', ExpressionAttributeValues: { ':org': { S: org } } };
  return (
    (await clients().dynamo.send(new QueryCommand({ TableName: stack.table('AuditTable'), ...query }))).Items ?? []
  );
};

/** Deletes items, as after the removal of the policy of the table. */
async function deleteItems(items: Awaited<ReturnType<typeof itemsOf>>): Promise<void> {
  for (const item of items) {
    const Key = { org: item.org ?? expect.fail(), id: item.id ?? expect.fail() };
    const RequestItems = { [stack.table('AuditTable')]: [{ DeleteRequest: { Key } }] };
    await clients().dynamo.send(new BatchWriteItemCommand({ RequestItems }));
  }
}

const seal = async (org: string) => {
  const id = Object.keys(stack.vault.resources).find((one) => one.startsWith('SealerFunction')) ?? '';
  const Payload = Buffer.from(JSON.stringify({ org }));
  return await clients().lambda.send(new InvokeCommand({ FunctionName: stack.vault.resources[id], Payload }));
};

/** An org with one seal over three records of an hour ago. */
async function sealedOrg() {
  const { org, adminKey } = await stack.newOrg();
  await record(org, 60, 3);
  const seals = await exportOf(adminKey);
  expect(await problemsOf(seals)).toEqual([]);
  return { org, adminKey, seals };
}

describe('a writer of the tables', () => {
  test('finds no seal in the table', async () => {
    const { org } = await sealedOrg();
    for (const { id } of await itemsOf(org)) expect(id?.S).toMatch(/^[0-9a-z]{26}$/);
  });

  test('who alters records, whatever they do to the table, gets an export that does not verify', async () => {
    const { org, adminKey, seals } = await sealedOrg();
    const [first] = seals[0]?.records ?? [];
    await deleteItems((await itemsOf(org)).filter(({ id }) => !/^[0-9a-z]{26}$/.test(id?.S ?? '')));
    await stack.putItem(stack.table('AuditTable'), marshall({ ...first, principal: 'someone-else' }));
    const after = await exportOf(adminKey);
    expect(after[0]?.seal).toBe(seals[0]?.seal);
    expect(await problemsOf(after)).toEqual(['record_altered']);
  });

  test('who deletes the whole audit gets an export that says what is missing', async () => {
    const { org, adminKey } = await sealedOrg();
    await deleteItems(await itemsOf(org));
    expect(await problemsOf(await exportOf(adminKey))).toEqual(['record_removed']);
  });

  test('who puts seals into the table, forged or old, changes nothing', async () => {
    const { org, adminKey, seals } = await sealedOrg();
    for (const [seq, jws] of [
      ['000000000001', 'forged'],
      ['000000000002', seals[0]?.seal ?? ''],
    ]) {
      await stack.putItem(stack.table('AuditTable'), marshall({ org, id: `seal#${seq}`, seal: jws }));
    }
    const after = await exportOf(adminKey);
    expect([after[0]?.seal, await problemsOf(after)]).toEqual([seals[0]?.seal, []]);
  });

  test('who makes an item that is no record does not stop the export of the others', async () => {
    const { org, adminKey } = await sealedOrg();
    const items: object[] = [{ ttl: { N: '1e60' } }, { id: { S: '01zz' } }, { time: { S: 'x' } }, { names: { L: [] } }];
    for (const item of items)
      await stack.putItem(stack.table('AuditTable'), {
        org: { S: org },
        id: { S: createTimeId(Date.now() - 3_000_000, randomBytes(16)) },
        ...item,
      });
    const after = await exportOf(adminKey);
    expect([after[0]?.records.length, await problemsOf(after)]).toEqual([3, []]);
  });
});

describe('someone who can write the locked bucket, but cannot sign', () => {
  const put = (org: string, seq: number, Body: string) =>
    clients().s3.send(
      new PutObjectCommand({ Bucket: bucket(), Key: headKey(org, seq), Body, ChecksumAlgorithm: 'SHA256' }),
    );

  test('cannot remove a head: a delete marker and later versions do not count, and a version is locked', async () => {
    const { org, adminKey, seals } = await sealedOrg();
    // As after the removal of the policy of the bucket.
    const marker = new DeleteObjectCommand({ Bucket: bucket(), Key: headKey(org, 1) });
    await put(org, 1, signSeal({ org, seq: 1 }));
    await clients().s3.send(marker);
    const listed = await clients().s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket(), Prefix: headKey(org, 1) }),
    );
    for (const { VersionId } of listed.Versions ?? []) {
      const remove = new DeleteObjectCommand({ Bucket: bucket(), Key: headKey(org, 1), VersionId });
      await expect(clients().s3.send(remove)).rejects.toMatchObject({ name: 'AccessDenied' });
    }
    expect(listed.Versions).toHaveLength(2);
    const after = await exportOf(adminKey);
    expect([after[0]?.seal, await problemsOf(after)]).toEqual([seals[0]?.seal, []]);
  });

  test('who puts the next head first is reported by a failing sealer, and the records are sealed all the same', async () => {
    const { org, adminKey } = await sealedOrg();
    const seq = (await exportOf(adminKey)).length + 1;
    await put(org, seq, 'forged');
    expect((await seal(org)).FunctionError).toBe('Unhandled');
    // Nothing new is sealed within the same minute, so the forged object is exported as evidence.
    expect(await problemsOf(await exportOf(adminKey))).toEqual(['seal_invalid']);
  });
});

test('an export that was cut at its end is valid by itself, and refused by a verifier that remembers its head', async () => {
  const { org, seals } = await sealedOrg();
  const remembered = () => ({ seq: seals.length + 1, hash: 'a'.repeat(43) });
  expect(await problemsOf(seals)).toEqual([]);
  expect(await problemsOf(seals, { org, remembered })).toEqual(['cut']);
});
