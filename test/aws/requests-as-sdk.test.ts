/** The AWS SDK is the reference: the same input makes the same request, and the same response makes the same output. */
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateMacCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { KmsClient } from '../../lambdas/aws/kms-client.ts';
import { S3ObjectClient } from '../../lambdas/aws/s3-object-client.ts';
import { StsClient } from '../../lambdas/aws/sts-client.ts';
import {
  assumeRoleInput,
  dynamoInputs,
  dynamoOutputs,
  kmsInputs,
  kmsOutputs,
  objectLocation,
} from './arbitrary-inputs.ts';
import { type ReceivedRequest, testRegion, useScriptedServer } from './scripted-server.ts';
import { expectValidSignature, issuedCredentials } from './signature-oracles.ts';

const server = useScriptedServer();
const runs = { numRuns: 40 };

type Send = (input: never) => Promise<object>;
let sdk: Record<string, Send>;
let lean: Record<string, Send>;

beforeEach(() => {
  const config = { endpoint: server.url, region: testRegion, credentials: issuedCredentials };
  const [dynamo, kms, sts] = [new DynamoDBClient(config), new KMSClient(config), new STSClient(config)];
  sdk = {
    getItem: (input) => dynamo.send(new GetItemCommand(input)),
    batchGetItem: (input) => dynamo.send(new BatchGetItemCommand(input)),
    putItem: (input) => dynamo.send(new PutItemCommand(input)),
    updateItem: (input) => dynamo.send(new UpdateItemCommand(input)),
    deleteItem: (input) => dynamo.send(new DeleteItemCommand(input)),
    query: (input) => dynamo.send(new QueryCommand(input)),
    decrypt: (input) => kms.send(new DecryptCommand(input)),
    generateDataKey: (input) => kms.send(new GenerateDataKeyCommand(input)),
    generateDataKeyWithoutPlaintext: (input) => kms.send(new GenerateDataKeyWithoutPlaintextCommand(input)),
    generateMac: (input) => kms.send(new GenerateMacCommand(input)),
    assumeRole: (input) => sts.send(new AssumeRoleCommand(input)),
  };
  const options = server.options({ credentials: async () => issuedCredentials });
  const clients = [new DynamoClient(options), new KmsClient(options), new StsClient(options)];
  lean = Object.fromEntries(
    Object.keys(sdk).map((name) => {
      const client = clients.find((one) => name in one) ?? expect.fail(`no client has ${name}`);
      return [name, (input) => Reflect.apply(Reflect.get(client, name), client, [input])];
    }),
  );
});

const serviceOf = (name: string) => (name in dynamoInputs ? 'dynamodb' : name in kmsInputs ? 'kms' : 'sts');

/** What must be equal. Headers are not: the SDK adds some that only AWS support reads. */
const essenceOf = ({ method, path, headers, body }: ReceivedRequest, parse: (body: string) => unknown) => ({
  method,
  path,
  host: headers.host,
  target: headers['x-amz-target'],
  contentType: headers['content-type'],
  token: headers['x-amz-security-token'],
  body: parse(body),
});

/** Sends an input with both clients and returns both outputs. */
async function sendWithBoth(name: string, input: object, parse: (body: string) => unknown): Promise<object[]> {
  server.requests.length = 0;
  const outputs = [await sdk[name]?.(input as never), await lean[name]?.(input as never)];
  const [expected, actual, ...more] = server.requests;
  if (expected === undefined || actual === undefined) expect.fail('a request is missing');
  expect(more).toEqual([]);
  expect(essenceOf(actual, parse)).toEqual(essenceOf(expected, parse));
  await expectValidSignature(actual, serviceOf(name));
  return outputs.map((output) => output ?? {});
}

/** Without what the SDK adds, and bytes in one form. */
const plain = (output: unknown): unknown =>
  JSON.parse(
    JSON.stringify(output, (key, value) => (key === '$metadata' ? undefined : value), 0),
    (_, value) => (value?.type === 'Buffer' ? Object.fromEntries(value.data.entries()) : value),
  );

const base64Json = (output: object): string =>
  JSON.stringify(output, function (this: Record<string, unknown>, key, value) {
    const original = this[key];
    return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
  });

describe.each(Object.entries(dynamoInputs))('DynamoDB %s', (name, input) => {
  test('sends what the SDK sends, validly signed', async () => {
    await fc.assert(
      fc.asyncProperty(input as fc.Arbitrary<object>, async (one) => {
        await sendWithBoth(name, one, (body) => JSON.parse(body));
      }),
      runs,
    );
  });

  test('returns what the SDK returns, bytes as bytes', async () => {
    const [[minimal] = []] = [fc.sample(input as fc.Arbitrary<object>, 1)];
    await fc.assert(
      fc.asyncProperty(dynamoOutputs[name as keyof typeof dynamoOutputs] as fc.Arbitrary<object>, async (output) => {
        server.answer({ headers: { 'content-type': 'application/x-amz-json-1.0' }, body: base64Json(output) });
        const [expected, actual] = await sendWithBoth(name, minimal ?? {}, (body) => JSON.parse(body));
        expect(plain(actual)).toEqual(plain(expected));
        expect(plain(actual)).toEqual(plain(output));
      }),
      runs,
    );
  });
});

describe.each(Object.entries(kmsInputs))('KMS %s', (name, input) => {
  test('sends what the SDK sends, validly signed, and returns what the SDK returns', async () => {
    await fc.assert(
      fc.asyncProperty(
        input as fc.Arbitrary<object>,
        kmsOutputs[name as keyof typeof kmsOutputs] as fc.Arbitrary<object>,
        async (one, output) => {
          server.answer({ headers: { 'content-type': 'application/x-amz-json-1.1' }, body: base64Json(output) });
          const [expected, actual] = await sendWithBoth(name, one, (body) => JSON.parse(body));
          expect(plain(actual)).toEqual(plain(expected));
        },
      ),
      runs,
    );
  });
});

const sessionXml = (token: string) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><AssumedRoleUser><Arn>arn</Arn><AssumedRoleId>id</AssumedRoleId></AssumedRoleUser>
    <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a/b+c=&amp;&lt;&#x41;&#66;</SecretAccessKey>
    <SessionToken>${token}</SessionToken><Expiration>2026-11-29T15:00:00Z</Expiration></Credentials>
  </AssumeRoleResult></AssumeRoleResponse>`;

test('STS AssumeRole sends the form that the SDK sends, validly signed, and reads the same credentials', async () => {
  await fc.assert(
    fc.asyncProperty(assumeRoleInput, async (input) => {
      server.answer({ headers: { 'content-type': 'text/xml' }, body: sessionXml('x'.repeat(800)) });
      const parse = (body: string) => [...new URLSearchParams(body)].sort();
      const [expected, actual] = await sendWithBoth('assumeRole', input, parse);
      const { Credentials } = expected as { Credentials: Record<string, unknown> };
      expect(actual).toEqual({
        accessKeyId: Credentials.AccessKeyId,
        secretAccessKey: Credentials.SecretAccessKey,
        sessionToken: Credentials.SessionToken,
        expiration: Credentials.Expiration,
      });
    }),
    runs,
  );
});

test.each([
  ['without credentials', '<AssumeRoleResponse/>'],
  ['without a token', sessionXml('x').replace(/<SessionToken>.*<\/SessionToken>/, '')],
  ['without a time', sessionXml('x').replace(/2026-[^<]*/, 'soon')],
])('STS AssumeRole fails if the response is %s', async (_, body) => {
  server.answer({ body });
  const input = { RoleArn: 'arn', RoleSessionName: 'org', DurationSeconds: 900, Tags: [] };
  await expect(lean.assumeRole?.(input as never)).rejects.toMatchObject({ name: 'DamagedReply' });
});

describe('S3', () => {
  const clients = () => ({
    reference: new S3Client({ endpoint: server.url, region: testRegion, credentials: issuedCredentials }),
    objects: new S3ObjectClient(server.options({ credentials: async () => issuedCredentials })),
  });
  const s3EssenceOf = ({ method, path, headers, body }: ReceivedRequest) => ({
    method,
    // The SDK names the operation in the query, for AWS support.
    path: path.replace(/\?x-id=\w+$/, ''),
    host: headers.host,
    contentType: headers['content-type'],
    checksum: headers['x-amz-checksum-sha256'],
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    body,
  });

  test('GetObject reads the object that the SDK reads, validly signed', async () => {
    const { reference, objects } = clients();
    await fc.assert(
      fc.asyncProperty(objectLocation, async (location) => {
        server.requests.length = 0;
        server.answer({ headers: { etag: '"tag"' }, body: 'content' });
        await reference.send(new GetObjectCommand(location));
        expect(await objects.getText(location)).toEqual({ text: 'content', etag: '"tag"' });
        const [expected, actual] = server.requests;
        if (expected === undefined || actual === undefined) expect.fail('a request is missing');
        expect(s3EssenceOf(actual)).toEqual(s3EssenceOf(expected));
        await expectValidSignature(actual, 's3');
      }),
      runs,
    );
  });

  test.each([{ IfNoneMatch: '*' }, { IfMatch: '"before"' }, {}])(
    'PutObject writes what the SDK writes, with %j, a checksum and a valid signature',
    async (condition) => {
      const { reference, objects } = clients();
      const input = fc.record({ location: objectLocation, Body: fc.string({ unit: 'grapheme' }) });
      await fc.assert(
        fc.asyncProperty(input, async ({ location, Body }) => {
          server.requests.length = 0;
          server.answer({ headers: { etag: '"new"' }, body: '' });
          const put = { ...location, ...condition, Body, ContentType: 'application/json' };
          await reference.send(new PutObjectCommand({ ...put, ChecksumAlgorithm: 'SHA256' }));
          expect(await objects.putText(put)).toBe('"new"');
          const [expected, actual] = server.requests;
          if (expected === undefined || actual === undefined) expect.fail('a request is missing');
          expect(s3EssenceOf(actual)).toEqual(s3EssenceOf(expected));
          await expectValidSignature(actual, 's3');
        }),
        runs,
      );
    },
  );
});
