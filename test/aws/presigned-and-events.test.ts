/** The AWS SDK is the reference for presigned URLs, HEAD requests of objects, and asynchronous invocations. */
import { InvocationType, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ClockOffset } from '../../lambdas/aws/clock-offset.ts';
import { LambdaEventClient } from '../../lambdas/aws/lambda-event-client.ts';
import { S3ObjectClient } from '../../lambdas/aws/s3-object-client.ts';
import { objectLocation } from './arbitrary-inputs.ts';
import { type ReceivedRequest, testRegion, useScriptedServer } from './scripted-server.ts';
import { expectValidSignature, issuedCredentials } from './signature-oracles.ts';

const server = useScriptedServer();
const runs = { numRuns: 60 };
const expiresIn = 1_800;

beforeEach(() => vi.stubEnv('AWS_REGION', testRegion));

/** What decides about a URL. The SDK adds a parameter that only names the operation. */
const essenceOf = (text: string) => {
  const url = new URL(text);
  const query = [...url.searchParams].filter(([name]) => name !== 'x-id' && name !== 'X-Amz-Signature').sort();
  return { host: url.host, path: url.pathname, query };
};

const s3 = (clock = new ClockOffset()) => {
  const config = {
    endpoint: server.url,
    region: testRegion,
    credentials: issuedCredentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED' as const,
    responseChecksumValidation: 'WHEN_REQUIRED' as const,
  };
  const options = server.options({ credentials: async () => issuedCredentials });
  return { reference: new S3Client(config), lean: new S3ObjectClient({ ...options, clock }) };
};

const signingDate = new Date('2026-11-30T06:00:00Z');
class FixedClock extends ClockOffset {
  override now(): number {
    return signingDate.getTime();
  }
}

/** The query without `x-id` gives another signature, so the SDK signs again without this parameter. */
async function sdkUrl(
  client: S3Client,
  command: GetObjectCommand | PutObjectCommand,
  signed: readonly string[],
): Promise<string> {
  client.middlewareStack.removeByTag('x-id');
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'query' in request) {
        const { 'x-id': _, ...query } = Object(request.query);
        Object.assign(request, { query });
      }
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'withoutOperation', override: true },
  );
  const options = {
    expiresIn,
    signingDate,
    unhoistableHeaders: new Set(signed),
    signableHeaders: new Set(['host', ...signed]),
  };
  return await getSignedUrl(client, command, options as never);
}

describe('a presigned URL', () => {
  test('of a download is the one of the SDK, signature included', async () => {
    const { reference, lean } = s3(new FixedClock());
    await fc.assert(
      fc.asyncProperty(objectLocation, async (key) => {
        const command = new GetObjectCommand({ ...key, ResponseContentType: 'application/octet-stream' });
        const expected = await sdkUrl(reference, command, []);
        const query = { 'response-content-type': 'application/octet-stream' };
        const actual = await lean.presign({ method: 'GET', query, expiresSeconds: expiresIn, ...key });
        expect(essenceOf(actual)).toEqual(essenceOf(expected));
        expect(new URL(actual).searchParams.get('X-Amz-Signature')).toBe(
          new URL(expected).searchParams.get('X-Amz-Signature'),
        );
      }),
      runs,
    );
  });

  test('of an upload signs the headers that the client must send, as the SDK does', async () => {
    const { reference, lean } = s3(new FixedClock());
    const checksum = 'ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=';
    const signed = ['content-length', 'content-type', 'if-none-match', 'x-amz-checksum-sha256', 'x-amz-tagging'];
    await fc.assert(
      fc.asyncProperty(objectLocation, fc.integer({ min: 1, max: 17_301_544 }), async (key, length) => {
        const command = new PutObjectCommand({
          ...key,
          ContentLength: length,
          ContentType: 'application/octet-stream',
          IfNoneMatch: '*',
          ChecksumSHA256: checksum,
          Tagging: 'lifetime=31',
        });
        const expected = await sdkUrl(reference, command, signed);
        const headers = {
          'content-length': String(length),
          'content-type': 'application/octet-stream',
          'if-none-match': '*',
          'x-amz-checksum-sha256': checksum,
          'x-amz-tagging': 'lifetime=31',
        };
        const actual = await lean.presign({ method: 'PUT', headers, expiresSeconds: expiresIn, ...key });
        expect(essenceOf(actual)).toEqual(essenceOf(expected));
        expect(new URL(actual).searchParams.get('X-Amz-Signature')).toBe(
          new URL(expected).searchParams.get('X-Amz-Signature'),
        );
      }),
      runs,
    );
  });
});

const essenceOfRequest = ({ method, path, headers, body }: ReceivedRequest) => ({
  method,
  path,
  host: headers.host,
  token: headers['x-amz-security-token'],
  type: headers['x-amz-invocation-type'],
  body,
});

async function expectSame(service: string): Promise<void> {
  const [expected, actual, ...more] = server.requests.splice(0);
  if (expected === undefined || actual === undefined) expect.fail('a request is missing');
  expect(more).toEqual([]);
  expect(essenceOfRequest(actual)).toEqual(essenceOfRequest(expected));
  await expectValidSignature(actual, service);
}

test('the head of an object is asked for as by the SDK, and a missing one is known by its status', async () => {
  const { reference, lean } = s3();
  await fc.assert(
    fc.asyncProperty(objectLocation, async (key) => {
      server.answer({ headers: { 'content-length': '0' } });
      await reference.send(new HeadObjectCommand(key));
      expect(await lean.headObject(key)).toBe(0);
      await expectSame('s3');
    }),
    { numRuns: 20 },
  );
  server.answer({ status: 404 });
  await expect(lean.headObject({ Bucket: 'b', Key: 'k' })).rejects.toMatchObject({
    $metadata: { httpStatusCode: 404 },
  });
});

test('an event is handed to a function as by the SDK', async () => {
  const reference = new LambdaClient({ endpoint: server.url, region: testRegion, credentials: issuedCredentials });
  const lean = new LambdaEventClient(server.options({ credentials: async () => issuedCredentials }));
  const arn = fc.stringMatching(/^arn:aws:lambda:us-east-1:[0-9]{12}:function:[\w-]{1,64}:live$/);
  await fc.assert(
    fc.asyncProperty(arn, fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' })), async (FunctionName, event) => {
      server.answer({ status: 202 });
      const Payload = Buffer.from(JSON.stringify(event));
      await reference.send(new InvokeCommand({ FunctionName, InvocationType: InvocationType.Event, Payload }));
      await lean.invoke(FunctionName, event);
      await expectSame('lambda');
    }),
    { numRuns: 30 },
  );
  server.answer({ status: 400, headers: { 'x-amzn-errortype': 'InvalidRequestContentException' } });
  await expect(lean.invoke('f', {})).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
});
