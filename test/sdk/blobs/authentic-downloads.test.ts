import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rejectionOf } from '../fake-fetch.ts';
import { FakeBlobService, pseudoRandomBytes } from './fake-blob-service.ts';

let fake: FakeBlobService;
beforeEach(async () => {
  fake = await FakeBlobService.start();
});
afterEach(() => fake.stop());

const bytes = pseudoRandomBytes(3 * 2 ** 20 + 777);
const chunk = 2 ** 20 + 16;
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The bytes that a download yields until it ends, and its error, if any. */
async function taken(url: string): Promise<{ given: Buffer; error: unknown }> {
  const given: Uint8Array[] = [];
  try {
    const { stream } = await fake.client({ maxRetries: 1 }).blobs.get(url);
    for await (const piece of stream) given.push(piece);
  } catch (error) {
    return { given: Buffer.concat(given), error };
  }
  return { given: Buffer.concat(given), error: undefined };
}

const flip = (at: number) => (object: Buffer) => {
  const changed = Buffer.from(object);
  changed[at] = (changed[at] ?? 0) ^ 0x10;
  return changed;
};

describe('no byte is given that is not authentic', () => {
  const changes: [string, (object: Buffer) => Buffer, number][] = [
    ['a flipped bit of the magic', flip(0), 0],
    ['a flipped bit of the salt', flip(10), 0],
    ['a flipped bit of the commitment', flip(63), 0],
    ['a flipped bit of the first chunk', flip(64 + 5_000), 0],
    ['a flipped bit of the second chunk', flip(64 + chunk + 5), 1],
    ['a flipped bit of the last tag', (object) => flip(object.length - 1)(object), 3],
    ['a byte less', (object) => object.subarray(0, -1), 3],
    ['the last chunk less', (object) => object.subarray(0, 64 + 3 * chunk), 3],
    ['cut within the header', (object) => object.subarray(0, 30), 0],
    ['nothing at all', () => Buffer.alloc(0), 0],
    ['a byte more', (object) => Buffer.concat([object, Buffer.alloc(1)]), 4],
    ['a chunk more', (object) => Buffer.concat([object, object.subarray(64, 64 + chunk)]), 4],
    [
      'two chunks in the place of each other',
      (object) =>
        Buffer.concat([
          object.subarray(0, 64),
          object.subarray(64 + chunk, 64 + 2 * chunk),
          object.subarray(64, 64 + chunk),
          object.subarray(64 + 2 * chunk),
        ]),
      0,
    ],
  ];
  test.each(changes)('%s', async (_, change, wholeChunks) => {
    const { url } = await fake.client().blobs.put(bytes);
    fake.alter = change;
    const { given, error } = await taken(url);
    expect(error).toMatchObject({ code: 'decryption_failed', name: 'DecryptionError' });
    expect(given.length).toBeLessThanOrEqual(Math.max(0, wholeChunks * 2 ** 20 - 1024));
    expect(isSame(given, bytes.subarray(0, given.length))).toBe(true);
  });

  test('the object of another blob, and a key that a vault lets pass', async () => {
    const { blobs } = fake.client();
    const [a, b] = [await blobs.put(bytes), await blobs.put(pseudoRandomBytes(bytes.length, 9))];
    fake.alter = () => fake.blobs.get(b.id)?.object ?? Buffer.alloc(0);
    expect(await taken(a.url)).toMatchObject({ given: Buffer.alloc(0), error: { code: 'decryption_failed' } });
    fake.alter = (object) => object;
    const wrong = a.url.replace(/#.*/, b.url.replace(/.*#/, '#'));
    expect(await taken(wrong)).toMatchObject({
      given: Buffer.alloc(0),
      error: { code: 'proof_refused', name: 'PermissionError' },
    });
    fake.trusting = true;
    expect(await taken(wrong)).toMatchObject({ given: Buffer.alloc(0), error: { code: 'decryption_failed' } });
    expect(await rejectionOf(blobs.range(wrong, 0, 5))).toMatchObject({ code: 'decryption_failed' });
    fake.alter = flip(64 + chunk + 5);
    expect(await rejectionOf(blobs.range(a.url, 2 ** 20, 2 ** 20 + 5))).toMatchObject({ code: 'decryption_failed' });
    expect(isSame(await blobs.range(a.url, 0, 5), bytes.subarray(0, 5))).toBe(true);
  });

  test('one error for every cause', async () => {
    const { url } = await fake.client().blobs.put(bytes);
    const texts = new Set<string>();
    for (const [, change] of changes) {
      fake.alter = change;
      texts.add(String((await taken(url)).error));
    }
    expect(texts.size).toBe(1);
  });
});

describe('a download that breaks', () => {
  test.each([[[0]], [[10]], [[64]], [[70_000, 1_500_000]], [[2 ** 20 + 80, 1, 1, 2 ** 20]]])(
    'after %j bytes goes on by ranges: no byte twice, one opening',
    async (cuts) => {
      const { blobs } = fake.client();
      const { url } = await blobs.put(bytes, { maxOpens: 1 });
      fake.cuts = [...cuts];
      const told: number[] = [];
      const opened = await blobs.get(url, { onProgress: ({ bytes }) => told.push(bytes) });
      expect(isSame(await opened.bytes(), bytes)).toBe(true);
      expect(fake.only.info.openings).toBe(1);
      expect(told.every((now, at) => now > (told[at - 1] ?? 0))).toBe(true);
      const asked = fake.asked('GET').map(({ headers }) => headers.range);
      expect(asked).toHaveLength(cuts.length + 1);
      expect(asked[0]).toBeUndefined();
    },
  );

  test('fails when the object became another in between', async () => {
    const { url } = await fake.client().blobs.put(bytes);
    fake.cuts = [2 ** 20 + 500];
    let calls = 0;
    fake.alter = (object) => (calls++ === 0 ? object : flip(object.length - 30)(object));
    const { given, error } = await taken(url);
    expect(error).toMatchObject({ code: 'decryption_failed' });
    expect(given.length).toBeLessThanOrEqual(2 ** 20);
  });

  test('and never goes on, is told as what it is', async () => {
    const { url } = await fake.client().blobs.put(bytes);
    fake.cuts = Array(10).fill(0);
    expect((await taken(url)).error).toMatchObject({ code: 'connection_failed' });
    fake.cuts = [];
    fake.interfere = ({ method, path }) =>
      method === 'GET' && path.startsWith('/s3/') ? { status: 403, body: '<Code>AccessDenied</Code>' } : undefined;
    expect((await taken(url)).error).toMatchObject({ code: 'storage_refused', status: 403 });
  });
});

describe('an opening whose answer was lost', () => {
  test.each([undefined, 1, 3])(
    'is asked for again under its name and counts once, with a limit of %j',
    async (maxOpens) => {
      const { blobs } = fake.client();
      const { url } = await blobs.put(bytes, { maxOpens });
      let left = 2;
      fake.interfere = ({ path }) => (path.endsWith('/opening') && left-- > 0 ? 'lost' : undefined);
      expect(isSame(await (await blobs.get(url)).bytes(), bytes)).toBe(true);
      expect(fake.only.info.openings).toBe(1);
      expect(fake.asked('openLink')).toHaveLength(3);
      const names = fake.asked('openLink').map(({ body }) => JSON.parse(body.toString()).opening);
      expect(new Set(names).size).toBe(1);
    },
  );

  test('is another one when it is asked for by another call', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(bytes, { maxOpens: 1 });
    await (await blobs.get(url)).bytes();
    expect(await rejectionOf(blobs.get(url))).toMatchObject({ code: 'blob_spent' });
  });
});
