/** The conditions of changes to blob records, tested with tables of the DynamoDB emulator. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import type { AuthenticatedBlob, Completion } from '../../lambdas/blobs/blob-ports.ts';
import { DynamoBlobPurger, DynamoBlobs, DynamoShareLinks } from '../../lambdas/blobs/stores/dynamo-blobs.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { serviceOptions } from '../shared/service-options.ts';

const named = (opening: string) => ({ opening, openedAt: '2026-06-01T12:00:00.000Z' });
const TableName = 'blobs';
const keyrings = 'keyrings';
const S = 'S';
let server: Server;
let client: DynamoDBClient;
let blobs: DynamoBlobs;
let links: DynamoShareLinks;
let eraser: DynamoBlobPurger;
let blob: AuthenticatedBlob;

async function table(name: string, ...keys: ['org', ...'id'[]]): Promise<void> {
  const command = new CreateTableCommand({
    TableName: name,
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: S })),
    KeySchema: keys.map((AttributeName, n) => ({ AttributeName, KeyType: n === 0 ? 'HASH' : 'RANGE' })),
    BillingMode: 'PAY_PER_REQUEST',
  });
  await client.send(command);
}

beforeAll(async () => {
  server = dynalite({ createTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  client = new DynamoDBClient({ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials });
  await table(TableName, 'org', 'id');
  await table(keyrings, 'org');
  const storeClient = new DynamoClient(serviceOptions(`http://127.0.0.1:${port}`, 'us-east-1', credentials));
  blobs = new DynamoBlobs(() => storeClient, TableName);
  links = new DynamoShareLinks(() => storeClient, { blobs: TableName, keyrings });
  eraser = new DynamoBlobPurger(() => storeClient, TableName);
});
afterAll(async () => {
  client.destroy();
  const closed = once(server, 'close');
  server.close();
  await closed;
});

const time = '2026-06-01T12:00:00.000Z';
const completion: Completion & { mac: string } = {
  completedAt: time,
  size: 12,
  checksum: 'c',
  openVerifier: 'o',
  burnVerifier: 'b',
  ttl: undefined,
  mac: 'ready',
};

beforeEach(async () => {
  blob = {
    org: randomId(),
    id: createTimeId(Date.now(), randomBytes(16)),
    locator: randomId(),
    state: 'uploading',
    createdAt: time,
    uploadUntil: time,
    uploadId: 'u',
    openings: 0,
    maxOpens: 2,
    burn: false,
    ttl: 5,
    mac: 'uploading',
  };
  await blobs.create(blob);
});
const now = async () => await blobs.get(blob.org, blob.id);
const complete = (other: Partial<Completion> = {}) => blobs.markReady(blob, { ...completion, ...other });

describe('a record', () => {
  test('comes back as it was stored; again the same passes, another under its id does not', async () => {
    expect(await now()).toEqual(blob);
    await blobs.create(blob);
    expect(await errorCodeOf(blobs.create({ ...blob, locator: randomId() }))).toBe('internal');
    expect(await now()).toEqual(blob);
    expect(await blobs.get(randomId(), blob.id)).toBeUndefined();
  });

  test('that the vault did not write is not used, yet can be removed', async () => {
    const { org } = blob;
    const broken = {
      org: { S: org },
      id: { S: createTimeId(1, randomBytes(16)) },
      uploadId: { S: 'v' },
      state: { N: '1' },
    };
    await client.send(new PutItemCommand({ TableName, Item: broken }));
    const listed = await blobs.list(org, undefined, 10);
    expect(listed.items.filter((item) => item.blob === undefined)).toEqual([{ id: broken.id.S, blob: undefined }]);
    expect(listed.items.length).toBeGreaterThan(1);
    expect(await blobs.getUnverified(org, broken.id.S)).toEqual({ id: broken.id.S, uploadId: 'v' });
    expect((await links.read(org, broken.id.S)).blob).toEqual({ malformed: true, locator: undefined });
    const { items, more } = await eraser.list(org, undefined, 10);
    expect([items, more]).toEqual([
      [
        { id: blob.id, uploadId: 'u' },
        { id: broken.id.S, uploadId: 'v' },
      ],
      false,
    ]);
    for (const { id } of items) await eraser.remove(org, id);
    expect((await eraser.list(org, undefined, 10)).items).toEqual([]);
  });

  test('is listed with the newest first', async () => {
    const ids = [blob.id];
    for (const n of [1, 2, 3]) {
      const id = createTimeId(n, randomBytes(16));
      ids.splice(1, 0, id);
      await blobs.create({ ...blob, id });
    }
    const first = await blobs.list(blob.org, undefined, 3);
    expect([first.items.map(({ id }) => id), first.more]).toEqual([ids.slice(0, 3), true]);
    const second = await blobs.list(blob.org, ids[2], 3);
    expect([second.items.map(({ id }) => id), second.more]).toEqual([ids.slice(3), false]);
  });
});

describe('a change', () => {
  test('to ready is made once, and ends the upload', async () => {
    expect(await complete()).toBe(true);
    const { uploadId, ttl, ...rest } = blob;
    const { ttl: _, ...facts } = completion;
    expect(await now()).toEqual({ ...rest, ...facts, state: 'ready' });
    expect(await complete({ checksum: 'other' })).toBe(false);
    expect((await now())?.checksum).toBe('c');
  });

  test('to ready is not made of a record that somebody changed since it was read', async () => {
    expect(await blobs.markReady({ ...blob, mac: 'other' }, completion)).toBe(false);
    expect(await now()).toEqual(blob);
  });

  test('to ready of a blob with an expiry says when its record may go', async () => {
    await complete({ ttl: 99 });
    expect(await now()).toMatchObject({ state: 'ready', ttl: 99 });
  });

  test('of the locator is for what is ready, and ends what the old one could do', async () => {
    const locator = randomId();
    expect(await blobs.replaceLocator(blob, { locator, mac: 'new' })).toBe(false);
    await complete();
    // The record is no longer the one that was read.
    expect(await blobs.replaceLocator(blob, { locator, mac: 'new' })).toBe(false);
    expect(await blobs.replaceLocator({ ...blob, mac: 'ready' }, { locator, mac: 'new' })).toBe(true);
    expect(await blobs.replaceLocator({ ...blob, mac: 'ready' }, { locator: 'other', mac: 'other' })).toBe(false);
    expect(await links.recordOpening(blob, named('x'), undefined)).toBeUndefined();
    expect(await links.markBurned(blob, 9)).toBe(false);
    expect(await now()).toMatchObject({ locator, mac: 'new', state: 'ready', openings: 0 });
  });

  test('to deleted is made from uploading and ready, and is the last', async () => {
    expect(await blobs.markDeleted(blob.org, blob.id, 7)).toBe(true);
    expect(await now()).toEqual({ ...blob, state: 'deleted', ttl: 7 });
    expect(await blobs.markDeleted(blob.org, blob.id, 8)).toBe(false);
    expect(await complete()).toBe(false);
    expect(await links.recordOpening(blob, named('x'), undefined)).toBeUndefined();
    expect(await links.markBurned(blob, 9)).toBe(false);
    expect((await now())?.ttl).toBe(7);
  });

  test('of what is not there makes no record', async () => {
    await eraser.remove(blob.org, blob.id);
    expect(await complete()).toBe(false);
    expect(await blobs.replaceLocator(blob, { locator: 'x', mac: 'x' })).toBe(false);
    expect(await blobs.markDeleted(blob.org, blob.id, 1)).toBe(false);
    expect(await links.recordOpening(blob, named('x'), 1)).toBeUndefined();
    expect(await links.markBurned(blob, 1)).toBe(false);
    await links.setTtl(blob.org, blob.id, 1);
    expect(await now()).toBeUndefined();
  });
});

describe('an opening', () => {
  test('counts as often as is allowed, whatever comes at once, and once for each', async () => {
    await complete();
    expect(await links.recordOpening(blob, named('first'), undefined)).toMatchObject({
      openings: 1,
      ...named('first'),
    });
    // The client repeats a call whose first reply was lost.
    expect(await links.recordOpening(blob, named('first'), undefined)).toBeUndefined();
    const last = await Promise.all(
      ['a', 'b', 'c', 'd'].map((opening) => links.recordOpening(blob, named(opening), 44)),
    );
    expect(last.filter((opened) => opened !== undefined)).toMatchObject([{ openings: 2, ttl: 44 }]);
    expect(await now()).toMatchObject({ openings: 2, ttl: 44 });
  });

  test('is not of what is uploading, nor by another locator', async () => {
    expect(await links.recordOpening(blob, named('x'), undefined)).toBeUndefined();
    await complete();
    expect(await links.recordOpening({ ...blob, locator: randomId() }, named('x'), undefined)).toBeUndefined();
    expect((await now())?.openings).toBe(0);
  });

  test('without a limit goes on', async () => {
    const id = createTimeId(9, randomBytes(16));
    await blobs.create({ ...blob, id, maxOpens: undefined });
    await blobs.markReady({ ...blob, id }, completion);
    for (let n = 1; n < 5; n++) {
      expect(await links.recordOpening({ ...blob, id }, named(`${n}`), undefined)).toMatchObject({ openings: n });
    }
  });
});

test('a link brings keyring and record in one read', async () => {
  expect(await links.read(blob.org, blob.id)).toEqual({ keyring: undefined, blob });
  await client.send(
    new PutItemCommand({ TableName: keyrings, Item: { org: { S: blob.org }, state: { S: 'active' } } }),
  );
  expect(await links.read(blob.org, blob.id)).toEqual({ keyring: { org: blob.org, state: 'active' }, blob });
  expect(await links.read(blob.org, createTimeId(3, randomBytes(16)))).toMatchObject({ blob: undefined });
  await complete();
  expect(await links.markBurned(blob, 9)).toBe(true);
  expect((await links.read(blob.org, blob.id)).blob).toMatchObject({ state: 'burned', ttl: 9 });
  await links.setTtl(blob.org, blob.id, 8);
  expect((await now())?.ttl).toBe(8);
});
