/**
 * Clients disconnect at every point, from every server of the vault. Each server continues to respond, and no error
 * stays uncaught.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DistributionServer, startDistributionServer } from '../../local/aws/cloudfront/distribution-server.ts';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { Bucket, type S3Fixture, startS3Fixture } from './s3-client-fixture.ts';
import { createWorkspace, type Workspace } from './small-assembly.ts';
import { departures, dial, pause } from './sockets.ts';

const names = Object.keys(departures);
const leave = async (name: string, url: string, head: string) => {
  await Promise.all(Array.from({ length: 8 }, () => departures[name]?.(url, head)));
  // Effects of a disconnect can occur a moment later.
  await pause(60);
};

describe('the gateway', () => {
  let space: Workspace;
  let vault: LocalVault;
  beforeAll(async () => {
    space = await createWorkspace();
    vault = await startLocalVault({ assembly: space.assembly(), port: 0, memory: true });
  });
  afterAll(async () => {
    await vault.close();
    space.remove();
  });
  const head = 'POST /echo/x HTTP/1.1\r\nhost: vault\r\n';

  test.each(names)('outlives a client that leaves %s', async (name) => {
    await leave(name, vault.url, head);
    expect((await fetch(`${vault.url}/count`)).status).toBe(200);
  });

  test.each(names)('and so do the engines and the providers: %s', async (name) => {
    const engines = 'POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n';
    await leave(name, vault.endpoints.dynamodb, engines);
    await leave(name, vault.providerApisUrl, 'POST /slack/api/chat.postMessage HTTP/1.1\r\nhost: x\r\n');
    expect((await fetch(`${vault.url}/items/n`)).status).toBe(200);
    expect((await fetch(`${vault.providerApisUrl}/slack/x`, { method: 'POST', body: '{}' })).status).toBe(200);
  });
});

describe('the page', () => {
  let api: Server;
  let page: DistributionServer;
  /** The API responds late and slowly, so that clients disconnect first. */
  beforeAll(async () => {
    api = createServer((request, response) => {
      request.on('error', () => {}).resume();
      if (request.url === '/v1/break') return void request.socket.destroy();
      setTimeout(() => {
        response.writeHead(200);
        response.write(randomBytes(200_000));
        setTimeout(() => response.end(randomBytes(200_000)), 20);
      }, 40);
    });
    api.listen(0, '127.0.0.1');
    await once(api, 'listening');
    const address = api.address();
    page = await startDistributionServer(0);
    const behaviour = { pathPattern: '*', allowedMethods: ['GET', 'POST'], target: 'api', headers: [] } as const;
    page.serve(
      {
        origins: [],
        behaviours: [
          { ...behaviour, functionCode: undefined, forwardedHeaders: [], originHeaders: [], files: new Map() },
        ],
      },
      {
        apiUrl: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
        origins: new Map(),
        onError: (error) => expect.fail(error),
      },
    );
  });
  afterAll(async () => {
    await page.close();
    api.closeAllConnections();
    api.close();
  });

  test.each(names)('outlives a client that leaves %s', async (name) => {
    await leave(name, page.url, 'POST /v1/links HTTP/1.1\r\nhost: page\r\n');
    const answer = await fetch(`${page.url}/v1/links`);
    expect((await answer.bytes()).length).toBe(400_000);
  });

  test('asks the API no longer for what nobody waits for', async () => {
    const closed = new Promise<void>((resolve) => {
      api.once('request', (request) => request.socket.once('close', () => resolve()));
    });
    const socket = await dial(page.url);
    socket.write('GET /v1/links HTTP/1.1\r\nhost: page\r\n\r\n');
    await pause(10);
    socket.destroy();
    await closed;
  });

  test('answers 502 for an API that breaks the connection', async () => {
    expect((await fetch(`${page.url}/v1/break`)).status).toBe(502);
    expect((await fetch(`${page.url}/v1/break`, { method: 'POST', body: 'x' })).status).toBe(502);
  });
});

describe('the object store', () => {
  let s3: S3Fixture;
  let client: S3Client;
  let download: string;
  const content = randomBytes(8_000_000);
  beforeAll(async () => {
    s3 = await startS3Fixture(null);
    client = s3.client();
    await client.send(new PutObjectCommand({ Bucket, Key: 'large', Body: content }));
    download = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'large' }));
  });
  afterAll(() => s3.close());

  test.each(names)('outlives a client that leaves %s', async (name) => {
    const upload = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'new' }));
    const { pathname, search, host } = new URL(upload);
    await leave(name, upload, `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n`);
    await client.send(new PutObjectCommand({ Bucket, Key: 'other', Body: 'x' }));
    expect(s3.errors).toEqual([]);
  });

  test('outlives a client that leaves within a download, and gives it whole to the next', async () => {
    const { pathname, search } = new URL(download);
    for (const bytes of [1, 100_000, 3_000_000]) {
      const socket = await dial(download);
      socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${new URL(download).host}\r\n\r\n`);
      let seen = 0;
      for await (const chunk of socket) {
        seen += chunk.length;
        if (seen >= bytes) break;
      }
      socket.destroy();
      expect(seen).toBeGreaterThanOrEqual(bytes);
    }
    expect(Buffer.from(await (await fetch(download)).bytes()).equals(content)).toBe(true);
    expect(s3.errors).toEqual([]);
  });

  test('keeps nothing of an upload that broke off', async () => {
    const upload = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'half' }));
    const { pathname, search, host } = new URL(upload);
    const socket = await dial(upload);
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(500)}`,
    );
    await pause(60);
    socket.resetAndDestroy();
    await pause(60);
    await expect(client.send(new GetObjectCommand({ Bucket, Key: 'half' }))).rejects.toThrow(/key does not exist/);
  });
});
