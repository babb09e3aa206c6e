import { createReadStream, mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../contract/shared/limits.ts';
import { type BlobContent, type BlobProgress, openBlob, type PutBlobOptions } from '../../../sdk/src/index.ts';
import { rejectionOf } from '../fake-fetch.ts';
import { FakeBlobService, pseudoRandomBytes } from './fake-blob-service.ts';

const part = limits.blobPartChunks * 2 ** 20;

let fake: FakeBlobService;
beforeEach(async () => {
  fake = await FakeBlobService.start();
});
afterEach(() => fake.stop());
afterAll(() => rmSync(folder, { recursive: true }));

async function* pieces(bytes: Uint8Array, length = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const source = pieces(bytes);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

const folder = mkdtempSync(join(tmpdir(), 'anima-blobs-'));
const file = join(folder, 'x');
const small = pseudoRandomBytes(200_001);
writeFileSync(file, small);
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe('several files in one link', () => {
  const cover = pseudoRandomBytes(300);
  const files = [
    { content: small, name: 'a.bin', type: 'application/x-a' },
    new File(['text'], 'b.txt', { type: 'text/plain' }),
    { content: new Blob([new Uint8Array(0)]), name: 'empty', preview: cover },
  ];

  test('come back one after the other, with their names and types; a preview comes first', async () => {
    const client = fake.client();
    const { url, size } = await client.blobs.put(files, { name: 'Set' });
    expect(size).toBe(small.length + 4 + cover.length);
    const opened = await client.blobs.get(url);
    expect([opened.name, opened.type, opened.size]).toEqual(['Set', '', size]);
    expect(opened.files?.map(({ name, previewOf }) => [name, previewOf])).toEqual([
      ['', 3],
      ['a.bin', undefined],
      ['b.txt', undefined],
      ['empty', undefined],
    ]);
    expect(() => opened.stream).toThrow(/readFiles/);
    const read: [string, string, Uint8Array][] = [];
    for await (const file of opened.readFiles()) read.push([file.name, file.type, await file.bytes()]);
    expect(read.map(([name, type]) => [name, type])).toEqual([
      ['', ''],
      ['a.bin', 'application/x-a'],
      ['b.txt', 'text/plain'],
      ['empty', ''],
    ]);
    const contents = [cover, small, new TextEncoder().encode('text'), new Uint8Array(0)];
    expect(read.every(([, , bytes], at) => isSame(bytes, contents[at] ?? small))).toBe(true);
    expect(() => opened.readFiles()).toThrow(/only once/);
  });

  test('can be skipped, and of one file there is no set', async () => {
    const client = fake.client();
    const { url } = await client.blobs.put(files);
    const names: string[] = [];
    for await (const file of (await client.blobs.get(url)).readFiles()) {
      names.push(file.name);
      if (file.name === 'b.txt') expect(await file.text()).toBe('text');
    }
    expect(names).toEqual(['', 'a.bin', 'b.txt', 'empty']);
    const one = await client.blobs.get((await client.blobs.put(small)).url);
    expect(one.files).toBeUndefined();
    expect(() => one.readFiles()).toThrow(/one file/);
  });

  test.for<[string, unknown[], PutBlobOptions?]>([
    ['no file', []],
    ['a stream, whose size is not known', [streamOf(small)]],
    ['a string', ['path']],
    ['a set in a set', [[small]]],
    ['a name that is no string', [{ content: small, name: 1 }]],
    ['too many', Array.from({ length: 1001 }, () => new Uint8Array(1))],
    ['a media type of all', [small], { type: 'image/png' }],
  ])('are refused before anything is sent: %s', async ([, content, options]) => {
    const error = await rejectionOf(fake.client().blobs.put(content as never, options));
    expect(error).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('every kind of content comes back as it was', () => {
  const kinds: [string, () => BlobContent | Promise<BlobContent>, 'form' | 'parts'][] = [
    ['bytes', () => small, 'form'],
    ['a part of a larger array', () => pseudoRandomBytes(300_000).subarray(0, 200_001), 'form'],
    ['an ArrayBuffer', () => small.buffer, 'form'],
    ['a Blob', () => new Blob([small]), 'form'],
    ['a file', () => openAsBlob(file), 'form'],
    ['a web stream', () => streamOf(small), 'parts'],
    ['a stream of Node', () => createReadStream(file), 'parts'],
    ['an async generator', () => pieces(small, 7_777), 'parts'],
  ];
  test.each(kinds)('%s', async (_, make, kind) => {
    const { blobs } = fake.client();
    const { id, url, link, size } = await blobs.put(await make());
    expect(fake.asked(kind === 'form' ? 'POST' : 'PUT')).toHaveLength(1);
    expect(url).toBe(`${fake.url}/b/${link}#${url.slice(-43)}`);
    expect([link.slice(16, 42), size]).toEqual([id, small.length]);
    const opened = await blobs.get(url);
    expect(opened).toMatchObject({ type: '', name: '', size: small.length });
    expect(isSame(await opened.bytes(), small)).toBe(true);
    // The stored object is ciphertext of exactly the announced length.
    expect(fake.only.object?.indexOf(Buffer.from(small.subarray(0, 16)))).toBe(-1);
  });

  test.each([0, 1, 2 ** 16 - 1024, 2 ** 16 - 1023, 2 ** 20, 2 ** 20 + 1, 2 ** 21 - 1024, 2 ** 21 - 1023])(
    '%d bytes, of known and of unknown length',
    async (length) => {
      const { blobs } = fake.client();
      const bytes = pseudoRandomBytes(length, length);
      for (const content of [bytes, pieces(bytes)]) {
        const { url, size } = await blobs.put(content);
        expect(size).toBe(length);
        expect(isSame(await (await blobs.get(url)).bytes(), bytes)).toBe(true);
      }
    },
  );

  test.each([-1, 0, 1])('%d bytes beside the end of the second part', async (more) => {
    const { blobs } = fake.client();
    const bytes = pseudoRandomBytes(2 * part - 1024 + more);
    const { url } = await blobs.put(streamOf(bytes));
    expect(fake.asked('PUT')).toHaveLength(more > 0 ? 3 : 2);
    expect(isSame(await (await blobs.get(url)).bytes(), bytes)).toBe(true);
  });

  test('known sizes beyond a form go in parts, and are announced', async () => {
    const { blobs } = fake.client();
    const bytes = pseudoRandomBytes(limits.blobFormBytes);
    const { url } = await blobs.put(new Blob([bytes]));
    expect(fake.only.announced).toBe(fake.only.object?.length);
    expect(fake.asked('PUT')).toHaveLength(3);
    expect(isSame(await (await blobs.get(url)).bytes(), bytes)).toBe(true);
  });

  test('type and name are those of a File, or what is said; they travel encrypted', async () => {
    const { blobs } = fake.client();
    const picture = new File([small], 'büro.png', { type: 'image/png' });
    const first = await blobs.get((await blobs.put(picture)).url);
    expect(first).toMatchObject({ type: 'image/png', name: 'büro.png', size: small.length });
    expect((await first.blob()).type).toBe('image/png');
    const second = await blobs.get((await blobs.put(picture, { type: 'text/plain', name: 'notes.txt' })).url);
    expect(second).toMatchObject({ type: 'text/plain', name: 'notes.txt' });
    for (const { path, body } of fake.requests)
      expect(`${path}${body.toString('latin1')}`).not.toMatch(/notes|image\/png/);
  });

  test('content is taken once, as a stream, bytes, text or a Blob', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(new TextEncoder().encode('Grüße'));
    const opened = await blobs.get(url);
    expect(await opened.text()).toBe('Grüße');
    expect(await rejectionOf(opened.bytes())).toMatchObject({ code: 'invalid_argument' });
    const streamed = await blobs.get(url);
    const got: Uint8Array[] = [];
    for await (const piece of streamed.stream) got.push(piece);
    expect(Buffer.concat(got).toString()).toBe('Grüße');
    expect(streamed.stream).toBe(streamed.stream);
  });
});

describe('what a blob is to be', () => {
  test('is sent as seconds and counts', async () => {
    const { blobs } = fake.client();
    const bodyOf = async (options: PutBlobOptions) => {
      await blobs.put(small, options);
      return JSON.parse(String(fake.asked('createBlob').at(-1)?.body));
    };
    expect(await bodyOf({ expiresIn: 60, maxOpens: 3 })).toMatchObject({ expiresIn: 60, maxOpens: 3 });
    expect(await bodyOf({ expiresIn: '10m', burn: true })).toMatchObject({ expiresIn: 600, burn: true });
    expect(await bodyOf({ expiresIn: '24h' })).toMatchObject({ expiresIn: 86_400 });
    expect(await bodyOf({ expiresIn: '7d' })).toMatchObject({ expiresIn: 604_800 });
    expect(await blobs.put(small, { expiresIn: '90s' })).toHaveProperty('expiresAt', '2099-01-01T00:01:30.000Z');
  });

  test.each<[string, unknown, object]>([
    ['a string, which could be a path', 'photo.png', {}],
    ['nothing', undefined, {}],
    ['a number', 5, {}],
    ['an array of bytes', [1, 2], {}],
    ['an expiry without a unit', small, { expiresIn: '10' }],
    ['an expiry of another unit', small, { expiresIn: '1y' }],
    ['an expiry beyond a year', small, { expiresIn: '366d' }],
    ['half a second', small, { expiresIn: 0.5 }],
    ['no opening', small, { maxOpens: 0 }],
    ['a name without a UTF-8', small, { name: '\ud800' }],
    ['a name of 1001 bytes', small, { name: 'n'.repeat(1001) }],
    ['a type that is no text', small, { type: 5 }],
    ['a state of another kind', small, { resume: { version: 2 } }],
  ])('%s is refused, and nothing is sent', async (_, content, options) => {
    const error = await rejectionOf(fake.client().blobs.put(content as Uint8Array, options));
    expect(error).toMatchObject({ code: 'invalid_argument', name: 'InvalidRequestError' });
    expect(String(error)).toContain('Nothing was sent');
    expect(fake.requests).toEqual([]);
  });

  test('a stream of texts is refused before any of it leaves', async () => {
    const texts = (async function* () {
      yield 'text';
    })();
    const error = await rejectionOf(fake.client().blobs.put(texts as unknown as AsyncIterable<Uint8Array>));
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(fake.asked('PUT')).toEqual([]);
  });

  test('what the content itself throws comes out as it is, and the content is told that no more is wanted', async () => {
    const own = new Error('disk on fire');
    let isClosed = false;
    const failing = (async function* () {
      try {
        yield pseudoRandomBytes(part * 2);
        throw own;
      } finally {
        isClosed = true;
      }
    })();
    expect(await rejectionOf(fake.client().blobs.put(failing))).toBe(own);
    expect(isClosed).toBe(true);
  });
});

describe('progress', () => {
  const isRising = (told: BlobProgress[]) => told.every(({ bytes }, at) => bytes >= (told[at - 1]?.bytes ?? 0));

  test('never falls and ends with all of it, up and down, of known and of unknown length', async () => {
    const { blobs } = fake.client();
    const bytes = pseudoRandomBytes(2 * part + 5);
    for (const content of [bytes, pieces(bytes), small]) {
      const up: BlobProgress[] = [];
      const { url } = await blobs.put(content, { onProgress: (progress) => up.push(progress) });
      const size = [...fake.blobs.values()].at(-1)?.object?.length;
      expect(isRising(up)).toBe(true);
      expect(up.at(-1)).toEqual({ bytes: size, total: size });
      const down: BlobProgress[] = [];
      await (await blobs.get(url, { onProgress: (progress) => down.push(progress) })).bytes();
      expect(isRising(down)).toBe(true);
      expect(down.at(-1)).toEqual({ bytes: size, total: size });
      expect(new Set(down.map(({ total }) => total))).toEqual(new Set([size]));
    }
  });
});

describe('memory', () => {
  test('256 MiB of a stream never have more than three parts between content and store', async () => {
    fake.forgetful = true;
    const length = 2 ** 28;
    const piece = pseudoRandomBytes(2 ** 18);
    let [pulled, ahead] = [0, 0];
    const arrived = () => [...fake.only.parts.values()].reduce((sum, { size }) => sum + size, 0);
    const content = (async function* () {
      for (; pulled < length; pulled += piece.length) {
        ahead = Math.max(ahead, pulled - arrived());
        yield piece;
      }
    })();
    const { size } = await fake.client().blobs.put(content);
    expect(size).toBe(length);
    expect(arrived()).toBeGreaterThan(length);
    // One further chunk is read ahead, because the last chunk is sealed differently.
    expect(ahead).toBeLessThan(3 * part + 3 * 2 ** 20);
    // Parts that wait for a URL share one request.
    expect(fake.asked('grantParts').length).toBeLessThanOrEqual(fake.asked('PUT').length);
  });

  test('a download is not read ahead of who takes it', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(pseudoRandomBytes(4 * 2 ** 20));
    const told: number[] = [];
    const opened = await blobs.get(url, { onProgress: ({ bytes }) => told.push(bytes) });
    const reader = opened.stream.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(told.at(-1)).toBeLessThan(3 * 2 ** 20);
    await reader.cancel();
  });
});

describe('opening', () => {
  test('counts openings, looks without counting, and tells each refusal by its code', async () => {
    const { blobs } = fake.client({ maxRetries: 0 });
    const { id, url } = await blobs.put(small, { maxOpens: 2 });
    expect(await blobs.look(url)).toMatchObject({ openingsLeft: 2, burn: false });
    expect(await blobs.look(url.replace(/#.*/, ''))).toMatchObject({ openingsLeft: 2 });
    await (await blobs.get(url)).bytes();
    expect(await blobs.look(url)).toMatchObject({ openingsLeft: 1 });
    expect(isSame(await blobs.range(url, 5, 10), small.subarray(5, 10))).toBe(true);
    expect(await rejectionOf(blobs.get(url))).toMatchObject({ code: 'blob_spent', name: 'NotFoundError' });
    expect(await blobs.info(id)).toMatchObject({ id, state: 'spent', openings: 2 });
    expect(await blobs.delete(id)).toBe(true);
    expect(await rejectionOf(blobs.look(url))).toMatchObject({ code: 'blob_deleted', name: 'NotFoundError' });
  });

  test('lists blobs over pages', async () => {
    const { blobs } = fake.client();
    const ids = [(await blobs.put(small)).id, (await blobs.put(small)).id];
    const found = await blobs.list({ pageSize: 10 }).toArray();
    expect(found.map(({ id }) => id)).toEqual(ids.reverse());
    for (const blob of found) expect(blob).not.toHaveProperty('url');
  });

  test('a new link opens with the old key, and the old one finds nothing', async () => {
    const { blobs } = fake.client();
    const { id, url } = await blobs.put(small);
    const { url: bare } = await blobs.relink(id);
    expect(bare).not.toContain('#');
    const { url: whole } = await blobs.relink(id, url);
    expect(whole).toMatch(/^[^#]+#[\w-]{43}$/);
    expect(isSame(await (await blobs.get(whole)).bytes(), small)).toBe(true);
    expect(await rejectionOf(blobs.get(url))).toMatchObject({ code: 'blob_not_found' });
    const { url: other } = await blobs.put(small);
    const before = fake.requests.length;
    expect(await rejectionOf(blobs.relink(id, other))).toMatchObject({ code: 'invalid_link' });
    expect(fake.requests).toHaveLength(before);
  });

  test('by a recipient without an API key asks the origin of the link, and no other', async () => {
    const { url } = await fake.client().blobs.put(small);
    const opened = await openBlob(url);
    expect(isSame(await opened.bytes(), small)).toBe(true);
    const asked = fake.asked('openLink').at(-1);
    expect(asked?.headers).not.toHaveProperty('authorization');
    const elsewhere = url.replace(fake.url, 'https://elsewhere.test');
    // The client sends the request to its own vault, whatever the address in the link.
    expect(isSame(await (await fake.client().blobs.get(elsewhere)).bytes(), small)).toBe(true);
    const insecure = url.replace(fake.url, 'http://elsewhere.test');
    expect(await rejectionOf(openBlob(insecure))).toMatchObject({ code: 'insecure_url' });
  });

  test.each([
    ['no link', 'https://x.test/'],
    ['no key', `https://x.test/b/${'0'.repeat(58)}`],
    ['a short key', `https://x.test/b/${'0'.repeat(58)}#abc`],
    ['a password', `https://u:p@x.test/b/${'0'.repeat(58)}#${'A'.repeat(43)}`],
    ['no URL', 'x'],
  ])('an address with %s is refused, and nothing is sent', async (_, url) => {
    for (const open of [
      () => fake.client().blobs.get(url),
      () => openBlob(url),
      () => fake.client().blobs.range(url, 0, 1),
    ])
      expect(await rejectionOf(open())).toMatchObject({ code: 'invalid_link', name: 'InvalidRequestError' });
    expect(fake.requests).toEqual([]);
  });

  test('of a range fetches the header and the chunks that hold it, no more', async () => {
    const { blobs } = fake.client();
    const bytes = pseudoRandomBytes(5 * 2 ** 20);
    const { url } = await blobs.put(bytes);
    const from = 3 * 2 ** 20 - 1024 - 100;
    expect(isSame(await blobs.range(url, from, from + 2 ** 16), bytes.subarray(from, from + 2 ** 16))).toBe(true);
    expect(fake.asked('GET').map(({ headers }) => headers.range)).toEqual([
      'bytes=0-63',
      `bytes=${64 + 2 * (2 ** 20 + 16)}-${64 + 4 * (2 ** 20 + 16) - 1}`,
    ]);
    expect(isSame(await blobs.range(url, bytes.length - 3, bytes.length + 100), bytes.subarray(-3))).toBe(true);
    expect(await rejectionOf(blobs.range(url, 5, 4))).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('a blob to be read once', () => {
  test('is destroyed by itself after its last byte was taken, not before, and not when it was not read to its end', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(pseudoRandomBytes(3 * 2 ** 20), { burn: true });
    const opened = await blobs.get(url);
    const reader = opened.stream.getReader();
    await reader.read();
    expect([opened.burned, fake.asked('burnLink').length]).toEqual([false, 0]);
    while (!(await reader.read()).done) expect(opened.burned).toBe(false);
    expect(opened.burned).toBe(true);
    expect(fake.only.info.state).toBe('burned');

    const { id, url: second } = await blobs.put(pseudoRandomBytes(3 * 2 ** 20), { burn: true });
    await (await blobs.get(second)).stream.cancel();
    expect(fake.blobs.get(id)?.info.state).toBe('spent');
  });

  test('is kept when told so, and destroyed by burn', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(small, { burn: true });
    const opened = await blobs.get(url, { burn: false });
    await opened.bytes();
    expect(fake.asked('burnLink')).toEqual([]);
    await opened.burn();
    expect(opened.burned).toBe(true);
    expect(fake.only.info.state).toBe('burned');
  });

  test('is given even when it can not be destroyed; that it was not is told', async () => {
    const { blobs } = fake.client({ maxRetries: 0 });
    const { url } = await blobs.put(small, { burn: true });
    fake.interfere = ({ path }) => (path.endsWith('/burning') ? 'reset' : undefined);
    const opened = await blobs.get(url);
    expect(isSame(await opened.bytes(), small)).toBe(true);
    expect(opened.burned).toBe(false);
    expect(await rejectionOf(opened.burn())).toMatchObject({ code: 'connection_failed' });
  });

  test('an ordinary blob is never destroyed by reading', async () => {
    const { blobs } = fake.client();
    const { url } = await blobs.put(small);
    await (await blobs.get(url)).bytes();
    expect(fake.asked('burnLink')).toEqual([]);
  });
});
