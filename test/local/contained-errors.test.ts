/** An uncaught error fails only the call that caused it. The caller gets the error response of the protocol. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorkspace, templateResources, type Workspace } from './small-assembly.ts';

const script = fileURLToPath(new URL('throwing-vault.ts', import.meta.url));
const ways = ['timer', 'immediate', 'tick', 'microtask', 'rejection'];

interface Ready {
  readonly url: string;
  readonly dynamodb: string;
  readonly kms: string;
  readonly s3: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly resources: Readonly<Record<string, string>>;
}

let space: Workspace;
let child: ChildProcess;
let ready: Ready;
beforeAll(async () => {
  space = await createWorkspace();
  const assembly = space.assembly({ ...templateResources(), Objects: { Type: 'AWS::S3::Bucket', Properties: {} } });
  child = fork(script, [assembly], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  [ready] = await once(child, 'message');
});
afterAll(async () => {
  if (child.exitCode === null) {
    child.send('end');
    await once(child, 'exit');
  }
  space.remove();
});

const client = (endpoint: string) => ({
  endpoint,
  region: 'us-east-1',
  credentials: ready.credentials,
  maxAttempts: 1,
});
const item = (org: string) =>
  new DynamoDBClient(client(ready.dynamodb)).send(
    new GetItemCommand({ TableName: ready.resources.Items, Key: { org: { S: org } } }),
  );
const object = (Key: string) =>
  new S3Client(client(ready.s3)).send(new GetObjectCommand({ Bucket: ready.resources.Objects, Key }));
const logs = async (): Promise<string> => {
  child.send('logs');
  return String((await once(child, 'message'))[0]);
};

describe.each(ways)('thrown by a %s', (way) => {
  test('in DynamoDB it is a 500, and the next call finds the engine', async () => {
    await expect(item(`throw-${way}`)).rejects.toMatchObject({
      name: 'InternalServerError',
      $metadata: { httpStatusCode: 500 },
    });
    expect((await item('x')).$metadata.httpStatusCode).toBe(200);
  });

  test('in S3 it is a 500, and the next call finds the engine', async () => {
    await expect(object(`throw-${way}`)).rejects.toMatchObject({
      name: 'InternalError',
      $metadata: { httpStatusCode: 500 },
    });
    const list = new ListObjectsV2Command({ Bucket: ready.resources.Objects });
    expect((await new S3Client(client(ready.s3)).send(list)).$metadata.httpStatusCode).toBe(200);
  });

  test('in KMS it ends none of the others', async () => {
    const kms = new KMSClient(client(ready.kms));
    await expect(kms.send(new DescribeKeyCommand({ KeyId: `throw-${way}` }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 500 },
    });
    expect(await (await fetch(`${ready.url}/items/n`)).json()).toEqual({ body: null });
  });
});

test('one that belongs to no call ends nothing either', async () => {
  child.send('throw');
  await expect.poll(logs).toContain('"engine":"vault"');
  expect((await fetch(`${ready.url}/items/n`)).status).toBe(200);
});

test('the log names engine, action, type and place, and repeats no message', async () => {
  const text = await logs();
  expect(text).not.toContain('a-secret');
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith('engines: '))
    .map((line) => JSON.parse(line.slice('engines: '.length)));
  for (const [engine, action] of [
    ['dynamodb', 'GetItem'],
    ['s3', 'GetObject'],
    ['kms', 'DescribeKey'],
  ]) {
    const own = lines.filter((line) => line.engine === engine);
    expect(own).toHaveLength(ways.length);
    expect(own[0]).toMatchObject({ level: 'ERROR', action, errorType: 'RangeError' });
    expect(own[0].at[0]).toContain('throwing-vault.ts');
  }
});
