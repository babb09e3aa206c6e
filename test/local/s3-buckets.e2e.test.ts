/** What a bucket is by its template and over time: CORS, lifecycle, restarts, large objects. */
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { Bucket, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';
import { createWorkspace, templateResources, type Workspace } from './small-assembly.ts';

const open: S3Fixture[] = [];
const folders: string[] = [];
const opened = async (...options: Parameters<typeof startS3Fixture>) => {
  const made = await startS3Fixture(...options);
  open.push(made);
  return made;
};
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'anima-s3-test-'));
  folders.push(folder);
  return folder;
};
afterEach(async () => {
  for (const made of open.splice(0)) {
    await made.close();
    expect(made.errors).toEqual([]);
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const keysOf = async (client: S3Client) =>
  ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const uploadsOf = async (client: S3Client) =>
  ((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(({ Key }) => Key);

describe('a restart', () => {
  test('finds objects, tags and unfinished uploads again, and nothing that was not whole', async () => {
    const folder = newFolder();
    const first = await opened(folder);
    await first.client().send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'content', Tagging: 'a=1' }));
    const upload = { Bucket, Key: 'later', ...(await begin(first.client(), 'later')) };
    const { ETag, ChecksumSHA256 } = await first
      .client()
      .send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'part', ChecksumAlgorithm: 'SHA256' }));
    await first.s3.close();
    // What a killed process leaves of an upload that had not come to its end.
    writeFileSync(join(folder, Bucket, 'data', 'torn'), 'half');

    const client = (await opened(folder)).client();
    expect(readdirSync(join(folder, Bucket, 'data'))).toHaveLength(2);
    const { Body, TagCount } = await client.send(new GetObjectCommand({ Bucket, Key: 'kept' }));
    expect([await Body?.transformToString(), TagCount]).toEqual(['content', 1]);
    const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'kept' }));
    expect(TagSet).toEqual([{ Key: 'a', Value: '1' }]);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumSHA256 }] };
    const uploads = join(folder, Bucket, 'uploads');
    cpSync(uploads, join(folder, 'copy'), { recursive: true });
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
    expect(await keysOf(client)).toEqual(['kept', 'later']);
    for (const made of open) await made.s3.close();
    // Killed when the object was there and the upload was not yet gone, as whose parts its bytes would be removed.
    cpSync(join(folder, 'copy'), uploads, { recursive: true });
    const last = (await opened(folder)).client();
    expect([await keysOf(last), await uploadsOf(last)]).toEqual([['kept', 'later'], []]);
  });

  test('refuses a folder whose records are damaged', async () => {
    const folder = newFolder();
    const first = await opened(folder);
    await first.client().send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'content' }));
    await first.s3.close();
    const [record = ''] = readdirSync(join(folder, Bucket, 'objects'));
    writeFileSync(join(folder, Bucket, 'objects', record), '{}');
    await expect(startS3Fixture(folder)).rejects.toThrow(/damaged.*Nothing was started/s);
  });

  const begin = async (client: S3Client, Key: string) => {
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }),
    );
    return { UploadId };
  };
});

test('an object of 64 MiB is streamed in and out: nothing of it is held', async () => {
  const [MiB, size] = [1024 ** 2, 64 * 1024 ** 2];
  const made = await opened(null);
  const client = made.client({ requestChecksumCalculation: 'WHEN_REQUIRED' });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let most = 0;
  const measure = () => {
    collect();
    const { arrayBuffers } = process.memoryUsage();
    most = Math.max(most, arrayBuffers);
    return arrayBuffers;
  };
  const before = measure();
  const chunks = function* () {
    // Small ones: streams hold some number of them, whatever their size.
    for (let sent = 0; sent < size; sent += MiB / 16) {
      if (sent % (8 * MiB) === 0) measure();
      yield Buffer.alloc(MiB / 16, Math.floor(sent / MiB));
    }
  };
  const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'large' }));
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'PUT', headers: { 'content-length': size } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    pipeline(Readable.from(chunks()), request).catch(reject);
  });
  expect(status).toBe(200);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'large' }));
  let read = 0;
  let measured = 0;
  for await (const chunk of Body as Readable) {
    expect(chunk.at(-1)).toBe(Math.ceil((read + chunk.length) / MiB) - 1);
    read += chunk.length;
    if (read - measured < 8 * MiB) continue;
    measured = read;
    measure();
  }
  expect(read).toBe(size);
  // The collector frees such memory some time later; what is held would be all of it.
  expect(most - before).toBeLessThan(size / 2);
});

describe('lifecycle', () => {
  const LifecycleConfiguration = {
    Rules: [
      { Status: 'Enabled', TagFilters: [{ Key: 'state', Value: 'new' }], ExpirationInDays: 1 },
      { Status: 'Enabled', Prefix: 'tmp/', ExpirationInDays: 3 },
      { Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      { Status: 'Disabled', ExpirationInDays: 1 },
    ],
  };
  const day = 24 * 3600_000;

  test('removes what a rule covers at the midnight after its days, and nothing else', async () => {
    const made = await opened(null, { LifecycleConfiguration });
    const client = made.client();
    for (const [Key, Tagging] of [
      ['new', 'state=new'],
      ['ready', 'state=ready'],
      ['tmp/1', ''],
      ['x/tmp/1', ''],
    ]) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging }));
    }
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'begun' }));
    const due = (days: number) => Math.ceil(Date.now() / day + days) * day;
    expect(made.s3.applyLifecycle(new Date(due(1) - 1))).toEqual({ [Bucket]: { expired: [], aborted: [] } });
    expect(await uploadsOf(client)).toEqual(['begun']);
    expect(made.s3.applyLifecycle(new Date(due(1)))).toEqual({ [Bucket]: { expired: ['new'], aborted: ['begun'] } });
    expect(await uploadsOf(client)).toEqual([]);
    made.s3.applyLifecycle(new Date(due(3) - 1));
    expect(await keysOf(client)).toEqual(['ready', 'tmp/1', 'x/tmp/1']);
    made.s3.applyLifecycle(new Date(due(3)));
    made.s3.applyLifecycle(new Date(due(1000)));
    expect(await keysOf(client)).toEqual(['ready', 'x/tmp/1']);
  });

  test('catches up at the start', async () => {
    const folder = newFolder();
    const first = await opened(folder, { LifecycleConfiguration });
    await first.client().send(new PutObjectCommand({ Bucket, Key: 'new', Body: 'x', Tagging: 'state=new' }));
    await first.s3.close();
    await opened(folder, { LifecycleConfiguration }, new Date(Date.now() + 2 * day));
    expect(readdirSync(join(folder, Bucket, 'objects'))).toEqual([]);
    expect(readdirSync(join(folder, Bucket, 'data'))).toEqual([]);
  });
});

describe('CORS', () => {
  const CorsConfiguration = {
    CorsRules: [
      {
        AllowedOrigins: ['https://vault.example', 'http://*.test'],
        AllowedMethods: ['GET', 'PUT', 'POST'],
        AllowedHeaders: ['content-type', 'X-Amz-*'],
        ExposedHeaders: ['ETag', 'x-amz-checksum-sha256'],
        MaxAge: 600,
      },
    ],
  };
  let made: S3Fixture;
  const preflight = (origin: string, method: string, headers = '') =>
    fetch(`${made.s3.url}/${Bucket}/key`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        ...(headers !== '' && { 'access-control-request-headers': headers }),
      },
    });

  test('lets the origins, methods and headers of the template in, and no others', async () => {
    made = await opened(null, { CorsConfiguration });
    const allowed = await preflight('https://vault.example', 'PUT', 'content-type, x-amz-checksum-sha256');
    expect(allowed.status).toBe(200);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://vault.example',
      'access-control-allow-methods': 'GET, PUT, POST',
      'access-control-allow-headers': 'content-type, x-amz-checksum-sha256',
      'access-control-expose-headers': 'ETag, x-amz-checksum-sha256',
      'access-control-max-age': '600',
      vary: expect.stringContaining('Origin'),
    });
    expect((await preflight('http://page.test', 'GET')).status).toBe(200);
    const refused = [
      await preflight('https://evil.example', 'PUT'),
      await preflight('https://vault.example.evil.example', 'PUT'),
      await preflight('https://vault.example', 'DELETE'),
      await preflight('https://vault.example', 'PUT', 'authorization'),
    ];
    for (const response of refused) {
      expect(response.status).toBe(403);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(await response.text()).toContain('<Code>AccessForbidden</Code>');
    }
  });

  test('is on errors too, so that a page can read them, and on nothing where the template has none', async () => {
    made = await opened(null, { CorsConfiguration });
    const get = (origin: string) => fetch(`${made.s3.url}/${Bucket}/key`, { headers: { origin } });
    const denied = await get('https://vault.example');
    expect([denied.status, denied.headers.get('access-control-allow-origin')]).toEqual([403, 'https://vault.example']);
    expect((await get('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    made = await opened(null);
    expect((await preflight('https://vault.example', 'GET')).status).toBe(403);
    expect((await get('https://vault.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a template with a bucket', () => {
  const statement = {
    Effect: 'Deny',
    Action: 's3:*',
    Principal: { AWS: '*' },
    Resource: { 'Fn::GetAtt': ['Blobs', 'Arn'] },
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
  const withBucket = (properties: object = {}) => {
    const all = templateResources();
    Object.assign(all, {
      Blobs: {
        Type: 'AWS::S3::Bucket',
        Properties: {
          PublicAccessBlockConfiguration: { BlockPublicAcls: true },
          OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
          BucketEncryption: {
            ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
          },
          ...properties,
        },
      },
      BlobsPolicy: {
        Type: 'AWS::S3::BucketPolicy',
        Properties: { Bucket: { Ref: 'Blobs' }, PolicyDocument: { Statement: [statement] } },
      },
    });
    Object.assign(all.Main?.Properties ?? {}, {
      Environment: {
        Variables: {
          BUCKET: { Ref: 'Blobs' },
          DOMAIN: { 'Fn::GetAtt': ['Blobs', 'DomainName'] },
          REGIONAL_DOMAIN: { 'Fn::GetAtt': ['Blobs', 'RegionalDomainName'] },
        },
      },
    });
    return all;
  };
  let space: Workspace;
  let vault: LocalVault | undefined;
  beforeAll(async () => {
    space = await createWorkspace();
  });
  afterAll(async () => {
    await vault?.close();
    space.remove();
  });

  test('runs it beside the vault, under an origin of its own, and tells the functions where', async () => {
    const LifecycleConfiguration = { Rules: [{ Status: 'Enabled', ExpirationInDays: 1 }] };
    vault = await startLocalVault({
      assembly: space.assembly(withBucket({ LifecycleConfiguration })),
      port: 0,
      memory: true,
    });
    const { endpoints, url, resources: names, policies } = vault;
    expect(new URL(endpoints.s3).origin).not.toBe(new URL(url).origin);
    expect(await (await fetch(`${url}/environment`)).json()).toMatchObject({
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      BUCKET: 'fixture-blobs',
      DOMAIN: 'fixture-blobs.s3.amazonaws.com',
      REGIONAL_DOMAIN: 'fixture-blobs.s3.us-east-1.amazonaws.com',
    });
    const Arn = 'arn:aws:s3:::fixture-blobs';
    expect(policies.resources.get(Arn)).toEqual([{ ...statement, Resource: Arn }]);
    const client = new S3Client({ region: 'us-east-1', endpoint: endpoints.s3, credentials: vault.credentials });
    await client.send(new PutObjectCommand({ Bucket: names.Blobs, Key: 'a', Body: 'b' }));
    client.destroy();
    expect(vault.calls.count({ service: 's3', action: 'PutObject', principal: 'local' })).toBe(1);
    expect(vault.applyBucketLifecycles(new Date(Date.now() + 3 * 24 * 3600_000))).toMatchObject({
      'fixture-blobs': { expired: ['a'] },
    });
  });

  test('locks what is put into it if the template enables Object Lock', async () => {
    const DefaultRetention = { Mode: 'COMPLIANCE', Days: 1 };
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } };
    const assembly = space.assembly(withBucket({ ObjectLockEnabled: true, ObjectLockConfiguration }));
    const locking = await startLocalVault({ assembly, port: 0, memory: true });
    const { endpoints, credentials } = locking;
    const client = new S3Client({ region: 'us-east-1', endpoint: endpoints.s3, credentials });
    try {
      const target = { Bucket: locking.resources.Blobs, Key: 'a' };
      const { VersionId } = await client.send(new PutObjectCommand({ ...target, Body: 'b' }));
      await expect(client.send(new DeleteObjectCommand({ ...target, VersionId }))).rejects.toMatchObject({
        name: 'AccessDenied',
      });
    } finally {
      client.destroy();
      await locking.close();
    }
  });

  test.each<[string, object]>([
    ['suspended versioning', { VersioningConfiguration: { Status: 'Suspended' } }],
    ['objects in other storage', { LifecycleConfiguration: { Rules: [{ Status: 'Enabled', Transitions: [] }] } }],
    ['ACLs', { OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] } }],
    [
      'a rule that S3 refuses',
      {
        LifecycleConfiguration: {
          Rules: [
            {
              Status: 'Enabled',
              TagFilters: [{ Key: 'a', Value: 'b' }],
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            },
          ],
        },
      },
    ],
  ])('that has %s is refused', async (_, properties) => {
    const assembly = space.assembly(withBucket(properties));
    await expect(startLocalVault({ assembly, port: 0, memory: true })).rejects.toThrow(/Blobs.*Nothing was started/s);
  });
});
