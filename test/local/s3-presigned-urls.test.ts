/**
 * Presigned URLs and forms, created with the presigners of the AWS SDK and used by other clients, and the requests that
 * are rejected.
 */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { createPresignedPost, type PresignedPostOptions } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import type { SessionCredentials } from '../../local/aws/iam/credential-store.ts';
import { Bucket, principal, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';

const sha256 = (data: string) => createHash('sha256').update(data).digest('base64');
const second = 1000;

let made: S3Fixture;
let client: S3Client;
let session: SessionCredentials;
beforeAll(async () => {
  made = await startS3Fixture(null);
  // Temporary credentials like those of a function, so that every URL has a session token.
  session = made.credentials.issueSession(principal, new Date(Date.now() + 3600 * second));
  client = made.client({ credentials: session, requestChecksumCalculation: 'WHEN_REQUIRED' });
  await client.send(new PutObjectCommand({ Bucket, Key: 'a b/ü+&c', Body: 'content' }));
});
afterEach(() => {
  made.now = null;
  made.hooks = {};
  expect(made.errors).toEqual([]);
});
afterAll(async () => await made.close());

const later = (seconds: number) => new Date(Date.now() + seconds * second);
const read = async (response: Response) => {
  const text = await response.text();
  return { status: response.status, code: /<Code>(.*?)<\/Code>/.exec(text)?.[1], text };
};
const keys = async () =>
  ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const get = (expiresIn = 60) => getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'a b/ü+&c' }), { expiresIn });

describe('a presigned GET', () => {
  test('reads its object, in ranges too, and is a call of its signer', async () => {
    const seen: EngineCall[] = [];
    made.hooks = { before: (call) => void seen.push(call) };
    const url = await get();
    expect(url.startsWith(`${made.s3.url}/${Bucket}/`)).toBe(true);
    expect(await read(await fetch(url))).toMatchObject({ status: 200, text: 'content' });
    expect(await read(await fetch(url, { headers: { range: 'bytes=0-2' } }))).toMatchObject({
      status: 206,
      text: 'con',
    });
    const input = { Key: 'a b/ü+&c', AuthType: 'REST-QUERY-STRING' };
    expect(seen).toMatchObject(Array(2).fill({ action: 'GetObject', principal: 'Main', tags: { org: 'a' }, input }));
  });

  test.each<[string, (url: URL) => void, string, number?]>([
    ['another key', (url) => (url.pathname += 'x'), 'SignatureDoesNotMatch'],
    ['a longer life', (url) => url.searchParams.set('X-Amz-Expires', '61'), 'SignatureDoesNotMatch'],
    [
      'one parameter more',
      (url) => url.searchParams.set('response-content-type', 'text/html'),
      'SignatureDoesNotMatch',
    ],
    [
      'another date',
      (url) => url.searchParams.set('X-Amz-Date', '20200101T000000Z'),
      'AuthorizationQueryParametersError',
    ],
    [
      'a signature of another',
      (url) => url.searchParams.set('X-Amz-Signature', 'a'.repeat(64)),
      'SignatureDoesNotMatch',
    ],
    ['a signature cut short', (url) => url.searchParams.set('X-Amz-Signature', 'ab'), 'SignatureDoesNotMatch'],
    ['no signature', (url) => url.searchParams.delete('X-Amz-Signature'), 'AuthorizationQueryParametersError'],
    ['no end', (url) => url.searchParams.delete('X-Amz-Expires'), 'AuthorizationQueryParametersError'],
    ['two ends', (url) => url.searchParams.append('X-Amz-Expires', '9'), 'AuthorizationQueryParametersError'],
    ['no time to live', (url) => url.searchParams.set('X-Amz-Expires', '0'), 'AuthorizationQueryParametersError'],
    ['over a week', (url) => url.searchParams.set('X-Amz-Expires', '604801'), 'AuthorizationQueryParametersError'],
    [
      'another algorithm',
      (url) => url.searchParams.set('X-Amz-Algorithm', 'AWS4'),
      'AuthorizationQueryParametersError',
    ],
    ['another token', (url) => url.searchParams.set('X-Amz-Security-Token', 'x'), 'InvalidToken'],
    ['no token', (url) => url.searchParams.delete('X-Amz-Security-Token'), 'InvalidToken'],
    ['an unsigned host', (url) => url.searchParams.set('X-Amz-SignedHeaders', 'range'), 'AccessDenied'],
    [
      'a region elsewhere',
      (url) => {
        const credential = url.searchParams.get('X-Amz-Credential') ?? '';
        url.searchParams.set('X-Amz-Credential', credential.replace('us-east-1', 'eu-west-1'));
      },
      'AuthorizationQueryParametersError',
    ],
    [
      'keys that nobody has',
      (url) => {
        const credential = url.searchParams.get('X-Amz-Credential') ?? '';
        url.searchParams.set('X-Amz-Credential', credential.replace(/^ASIA/, 'AKIA'));
      },
      'InvalidAccessKeyId',
    ],
  ])('with %s is refused', async (_, change, code) => {
    const url = new URL(await get());
    change(url);
    expect(await read(await fetch(url))).toMatchObject({ code });
  });

  test('ends when it is to, or with the credentials that signed it, and does not begin early', async () => {
    const url = await get(60);
    made.now = later(30);
    expect((await fetch(url)).status).toBe(200);
    made.now = later(90);
    expect(await read(await fetch(url))).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      text: expect.stringContaining('Request has expired'),
    });
    const long = await get(7 * 24 * 3600);
    made.now = later(3500);
    expect((await fetch(long)).status).toBe(200);
    made.now = later(3700);
    expect(await read(await fetch(long))).toMatchObject({ status: 400, code: 'ExpiredToken' });
    made.now = later(-16 * 60);
    expect(await read(await fetch(url))).toMatchObject({ code: 'AccessDenied' });
  });

  test('is for that method alone', async () => {
    const url = await get();
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(403);
    expect(await read(await fetch(url, { method: 'DELETE' }))).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await read(await fetch(url, { method: 'PUT', body: 'x' }))).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  test('with a header of S3 that was not signed is refused, as is one that is signed twice over', async () => {
    const unsigned = await read(
      await fetch(await get(), { headers: { 'x-amz-expected-bucket-owner': '000000000000' } }),
    );
    expect(unsigned).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      text: expect.stringContaining('<HeadersNotSigned>x-amz-expected-bucket-owner</HeadersNotSigned>'),
    });
    const twice = await fetch(await get(), { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=a' } });
    expect(await read(twice)).toMatchObject({ code: 'InvalidArgument' });
    expect(await read(await fetch(`${made.s3.url}/${Bucket}/x`))).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

describe('a presigned PUT', () => {
  const body = 'the bytes of this part';
  const begin = async () => {
    const input = { Bucket, Key: 'parts', ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' } as const;
    return (await client.send(new CreateMultipartUploadCommand(input))).UploadId ?? '';
  };
  /** Signs length and checksum as headers, as a server does that issues the URL. */
  const sign = (UploadId: string) =>
    getSignedUrl(
      client,
      new UploadPartCommand({
        Bucket,
        Key: 'parts',
        UploadId,
        PartNumber: 1,
        ContentLength: body.length,
        ChecksumSHA256: sha256(body),
      }),
      {
        expiresIn: 60,
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
        signableHeaders: new Set(['host', 'content-length', 'x-amz-checksum-sha256']),
      },
    );
  const send = async (url: string, content: string, headers: Record<string, string>) =>
    await read(await fetch(url, { method: 'PUT', body: content, headers }));

  test('of a part takes the bytes that it was signed for, and no others', async () => {
    const UploadId = await begin();
    const url = await sign(UploadId);
    expect(new URL(url).searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host;x-amz-checksum-sha256');
    const right = { 'x-amz-checksum-sha256': sha256(body) };
    const parts = async () => (await client.send(new ListPartsCommand({ Bucket, Key: 'parts', UploadId }))).Parts ?? [];
    const other = body.replace('the', 'THE');
    expect(await send(url, other, right)).toMatchObject({ status: 400, code: 'BadDigest' });
    const swapped = { 'x-amz-checksum-sha256': sha256(other) };
    expect(await send(url, other, swapped)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(await send(url, `${body}!`, right)).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await send(url, body, {})).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await send(url, body, { ...right, 'x-amz-meta-a': 'b' })).toMatchObject({ code: 'AccessDenied' });
    const elsewhere = url.replace('partNumber=1', 'partNumber=2');
    expect(await send(elsewhere, body, right)).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await parts()).toEqual([]);
    expect(await send(url, body, right)).toMatchObject({ status: 200 });
    expect(await parts()).toMatchObject([{ PartNumber: 1, Size: body.length, ChecksumSHA256: sha256(body) }]);
  });

  test('does not hold the body against a checksum in its query, as S3 does not: it has to be a signed header', async () => {
    const UploadId = await begin();
    const ChecksumSHA256 = sha256(body);
    const part = await getSignedUrl(
      client,
      new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, ChecksumSHA256 }),
    );
    expect(new URL(part).searchParams.get('x-amz-checksum-sha256')).toBe(ChecksumSHA256);
    // The upload was started with checksums, but this part has none.
    expect(await send(part, body, {})).toMatchObject({ code: 'InvalidRequest' });
    const object = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'loose', ChecksumSHA256 }));
    expect(await send(object, 'other', {})).toMatchObject({ status: 200 });
  });

  test('with tags in its query is refused, since S3 may ignore them there', async () => {
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'tags', Tagging: 'a=1' }));
    expect(await send(url, body, {})).toMatchObject({ status: 501, text: expect.stringContaining('x-amz-tagging') });
    const command = new PutObjectCommand({ Bucket, Key: 'tags', Tagging: 'a=1' });
    const signed = await getSignedUrl(client, command, { unhoistableHeaders: new Set(['x-amz-tagging']) });
    expect(await send(signed, body, { 'x-amz-tagging': 'a=2' })).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await send(signed, body, { 'x-amz-tagging': 'a=1' })).toMatchObject({ status: 200 });
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'tags' }))).toMatchObject({ TagCount: 1 });
  });
});

describe('a signed header', () => {
  test('refuses what was signed long ago, and a body that is not the one whose hash was signed', async () => {
    const input = { Bucket, Key: 'signed', Body: 'a' };
    made.now = later(16 * 60);
    await expect(client.send(new PutObjectCommand(input))).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' });
    made.now = null;
    const swapping = made.client({ credentials: session, requestChecksumCalculation: 'WHEN_REQUIRED' });
    swapping.middlewareStack.add(
      (next) => async (args) => {
        Object.assign(args.request as object, { body: 'b' });
        return await next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    const { name } = await swapping.send(new PutObjectCommand(input)).then(
      () => ({ name: 'stored' }),
      (error: Error) => error,
    );
    expect(name).toBe('XAmzContentSHA256Mismatch');
    expect(await keys()).not.toContain('signed');
  });
});

describe('a presigned form', () => {
  const sign = (more: Partial<PresignedPostOptions> = {}) =>
    createPresignedPost(client, {
      Bucket,
      Key: 'up/1.enc',
      Expires: 60,
      Fields: { 'x-amz-checksum-sha256': sha256('data'), 'content-type': 'image/png' },
      Conditions: [['content-length-range', 2, 10]],
      ...more,
    });
  type Fields = Record<string, string>;
  const send = async ({ url, fields }: { url: string; fields: Fields }, content: string, more: Fields = {}) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, ...more })) if (value !== '') form.append(name, value);
    form.append('file', new Blob([content]), 'name.bin');
    return await read(await fetch(url, { method: 'POST', body: form }));
  };
  /** A form with these conditions, signed like the SDK does it. `expiration` is in seconds from now. */
  const custom = (conditions: unknown[], fields: Fields = {}, document: object = {}) => {
    const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const signature = {
      'x-amz-algorithm': 'AWS4-HMAC-SHA256',
      'x-amz-credential': `${session.accessKeyId}/${scope}`,
      'x-amz-date': date,
      'x-amz-security-token': session.sessionToken,
    };
    const own = Object.entries(signature).map(([name, value]) => ({ [name]: value }));
    const policy = { expiration: later(60).toISOString(), conditions: [...conditions, ...own], ...document };
    const encoded = Buffer.from(JSON.stringify(policy)).toString('base64');
    const key = scope
      .split('/')
      .reduce<Buffer | string>(
        (last, part) => createHmac('sha256', last).update(part).digest(),
        `AWS4${session.secretAccessKey}`,
      );
    const mac = createHmac('sha256', key).update(encoded).digest('hex');
    return {
      url: `${made.s3.url}/${Bucket}`,
      fields: { ...signature, ...fields, policy: encoded, 'x-amz-signature': mac },
    };
  };

  test('uploads its file, checked and described, and says so as it was asked to', async () => {
    const seen: EngineCall[] = [];
    made.hooks = { before: (call) => void seen.push(call) };
    const tagging = '<Tagging><TagSet><Tag><Key>state</Key><Value>new</Value></Tag></TagSet></Tagging>';
    const Fields = { tagging, 'x-amz-checksum-sha256': sha256('data'), success_action_status: '201' };
    const { status, text } = await send(await sign({ Fields }), 'data');
    expect(status).toBe(201);
    expect(text).toContain('<Key>up/1.enc</Key>');
    const permissions = [{ action: 's3:PutObject' }, { action: 's3:PutObjectTagging' }];
    expect(seen).toMatchObject([
      { action: 'PostObject', permissions, input: { Key: 'up/1.enc', Tags: { state: 'new' }, AuthType: 'POST' } },
    ]);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'up/1.enc', ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ContentLength: 4, ChecksumSHA256: sha256('data') });
    expect(await send(await sign(), 'data')).toMatchObject({ status: 204 });
    const again = await client.send(new HeadObjectCommand({ Bucket, Key: 'up/1.enc' }));
    expect(again).toMatchObject({ ContentType: 'image/png' });
  });

  test.each<[string, Fields, string, string?]>([
    ['a field that no condition covers', { 'x-amz-meta-a': 'b' }, 'AccessDenied', 'Extra input fields: x-amz-meta-a'],
    ['another key', { key: 'other' }, 'AccessDenied', '$key'],
    ['another bucket', { bucket: 'other' }, 'AccessDenied', '$bucket'],
    ['another type', { 'content-type': 'text/html' }, 'AccessDenied', '$content-type'],
    ['a demanded field left out', { 'content-type': '' }, 'AccessDenied', '$content-type'],
    ['another checksum', { 'x-amz-checksum-sha256': sha256('other') }, 'AccessDenied'],
    ['another signature', { 'X-Amz-Signature': 'a'.repeat(64) }, 'SignatureDoesNotMatch'],
    ['no signature', { 'X-Amz-Signature': '' }, 'InvalidArgument'],
    ['another token', { 'X-Amz-Security-Token': 'x' }, 'InvalidToken'],
    ['another policy', { Policy: Buffer.from('{}').toString('base64') }, 'SignatureDoesNotMatch'],
    ['no policy', { Policy: '' }, 'AccessDenied'],
    ['no key', { key: '' }, 'InvalidArgument'],
  ])('with %s is refused and stores nothing', async (_, change, code, text = '') => {
    const Key = 'up/refused';
    const form = await sign({ Key });
    expect(await send(form, 'data', change)).toMatchObject({ code, text: expect.stringContaining(text) });
    expect(await keys()).not.toContain(Key);
    expect(await keys()).not.toContain('other');
  });

  test('with other bytes, too few or too many is refused and stores nothing', async () => {
    const form = await sign({ Key: 'up/refused' });
    expect(await send(form, 'atad')).toMatchObject({ status: 400, code: 'BadDigest' });
    expect(await send(form, 'd')).toMatchObject({ status: 400, code: 'EntityTooSmall' });
    expect(await send(form, 'data'.repeat(3))).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    expect(await keys()).not.toContain('up/refused');
  });

  test('too large is refused while it still comes', async () => {
    const { url, fields } = await sign({ Key: 'up/refused' });
    const part = (name: string, value: string) =>
      `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}`;
    const head = Object.entries(fields).map(([name, value]) => `${part(name, value)}\r\n`);
    const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': 2 ** 32 };
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', headers }, (response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      request.on('error', reject);
      request.write(head.join('') + part('file', 'x'.repeat(20)));
    });
    expect(status).toBe(400);
  });

  test('ends when its policy does, or with the credentials that signed it', async () => {
    const form = await sign();
    made.now = later(90);
    expect(await send(form, 'data')).toMatchObject({
      code: 'AccessDenied',
      text: expect.stringContaining('Policy expired'),
    });
    const long = await sign({ Expires: 7200 });
    made.now = later(3700);
    expect(await send(long, 'data')).toMatchObject({ code: 'ExpiredToken' });
  });

  test('is judged by every kind of condition, names in any case; what begins with x-ignore- needs none', async () => {
    const right = [{ bUcKeT: Bucket }, ['STARTS-with', '$KeY', 'up/'], ['eq', '$Content-Type', 'image/png']];
    const fields = { key: `up/\${filename}`, 'Content-Type': 'image/png', 'x-ignore-me': 'x' };
    expect(await send(custom(right, fields), 'data')).toMatchObject({ status: 204 });
    expect(await keys()).toContain('up/name.bin');
    expect(await send(custom(right, { ...fields, key: 'down/1' }), 'data')).toMatchObject({ code: 'AccessDenied' });
    const noBucket = await send(custom(right.slice(1), fields), 'data');
    expect(noBucket).toMatchObject({ code: 'AccessDenied', text: expect.stringContaining('bucket') });
    const noKey = [right[0], right[2]];
    expect(await send(custom(noKey, fields), 'data')).toMatchObject({ code: 'AccessDenied' });
    for (const document of [
      { conditions: {} },
      { conditions: [['like', '$key', 'up/']] },
      { expiration: 'soon' },
      { more: 1 },
    ]) {
      expect(await send(custom(right, fields, document), 'data')).toMatchObject({ code: 'InvalidPolicyDocument' });
    }
  });

  test('with too much before the file, or cut off, is refused and stores nothing', async () => {
    const before = await keys();
    const form = await sign({ Key: 'up/refused' });
    expect(await send(form, 'data', { 'x-ignore-me': 'x'.repeat(30_000) })).toMatchObject({
      code: 'MaxPostPreDataLengthExceeded',
    });
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const raw = async (body: string) => await read(await fetch(form.url, { method: 'POST', headers, body }));
    expect(await raw('nothing of a form')).toMatchObject({ code: 'IncompleteBody' });
    const field = '--b\r\ncontent-disposition: form-data; name="key"\r\n\r\nup/refused\r\n--b--\r\n';
    expect(await raw(field)).toMatchObject({ code: 'InvalidArgument' });
    expect(await keys()).toEqual(before);
  });
});
