import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../contract/shared/limits.ts';
import { type Anima, type BlobContent, type BlobUploadState, openBlob } from '../../../sdk/src/index.ts';
import { rejectionOf } from '../fake-fetch.ts';
import { FakeBlobService, pseudoRandomBytes, type RecordedRequest } from './fake-blob-service.ts';

const part = limits.blobPartChunks * 2 ** 20;

let fake: FakeBlobService;
/** A client without retries, so that each break ends a call. */
let once: Anima;
beforeEach(async () => {
  fake = await FakeBlobService.start();
  once = fake.client({ maxRetries: 0 });
});
afterEach(() => fake.stop());

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 500_000) yield bytes.subarray(at, at + 500_000);
}
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const isStore = ({ path }: RecordedRequest): boolean => path.startsWith('/s3/');
/** The number of requests for the URL of a part. */
const granted = (number: number): number =>
  fake.asked('grantParts').filter(({ body }) => String(body).includes(`"number":${number},`)).length;
const toStore = (): number => fake.requests.filter(isStore).length;

/** Requests in progress at the time of the break may still arrive. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Uploads until the transfer breaks. Returns the newest state, as read from a file. */
async function broken(
  content: BlobContent,
  breaks: (request: RecordedRequest) => boolean,
  how: 'reset' | 'lost' = 'reset',
) {
  let saved = '';
  fake.interfere = (request) => (breaks(request) ? how : undefined);
  await rejectionOf(once.blobs.put(content, { onState: (state) => (saved = JSON.stringify(state)) }));
  await settled();
  fake.interfere = () => undefined;
  return JSON.parse(saved) as BlobUploadState;
}

describe('an upload that broke off', () => {
  const bytes = pseudoRandomBytes(4 * part + 12_345);

  test.each([
    ['a Blob', () => new Blob([bytes])],
    ['a stream of unknown length', () => pieces(bytes)],
  ])(
    'ten times at random, goes on where it stopped: identical bytes of %s, nothing sent twice that had arrived',
    async (_, make) => {
      let saved: string | undefined;
      let random = 7;
      const next = (below: number) => {
        random = (Math.imul(random, 48_271) >>> 0) % 2_147_483_647;
        return random % below;
      };
      for (let round = 0; round < 10; round++) {
        let left = next(9);
        const how = next(2) === 0 ? 'reset' : 'lost';
        fake.interfere = ({ path }) => (path.endsWith('/completion') || left-- <= 0 ? how : undefined);
        const resume: BlobUploadState | undefined = saved === undefined ? undefined : JSON.parse(saved);
        const error = await rejectionOf(
          once.blobs.put(make(), { resume, onState: (state) => (saved = JSON.stringify(state)) }),
        );
        expect(error).toMatchObject({ code: 'connection_failed' });
        expect(String(error)).toContain('state from onState');
        await settled();
      }
      fake.interfere = () => undefined;
      const resume: BlobUploadState = JSON.parse(saved ?? '');
      const told: number[] = [];
      const { id, url } = await once.blobs.put(make(), { resume, onProgress: ({ bytes }) => told.push(bytes) });
      expect(id).toBe(resume.id);
      expect(fake.regranted).toBe(0);
      expect(told.at(-1)).toBe(fake.blobs.get(id)?.object?.length);
      expect(isSame(await (await openBlob(url)).bytes(), bytes)).toBe(true);
    },
  );

  test('goes on by form too, wherever it broke', async () => {
    const small = pseudoRandomBytes(70_000);
    for (const [end, how] of [
      ['/s3', 'reset'],
      ['/s3', 'lost'],
      ['/completion', 'reset'],
      ['/completion', 'lost'],
    ] as const) {
      const state = await broken(
        small,
        ({ path }) => (end === '/s3' ? path.startsWith('/s3/') : path.endsWith(end)),
        how,
      );
      const { url } = await once.blobs.put(small, { resume: state });
      expect(isSame(await (await openBlob(url)).bytes(), small)).toBe(true);
    }
    // One upload was already complete, and in two others all bytes had arrived. Only the first needed its form again.
    expect(fake.asked('POST')).toHaveLength(4 + 1);
  });

  test('goes on when only the answer of the completion was lost', async () => {
    const state = await broken(pieces(bytes), ({ path }) => path.endsWith('/completion'), 'lost');
    const before = toStore();
    const { url } = await once.blobs.put(pieces(bytes), { resume: state });
    expect(toStore()).toBe(before);
    expect(isSame(await (await openBlob(url)).bytes(), bytes)).toBe(true);
  });

  test('a state is told, and waited for, before what it is of can leave', async () => {
    const before: number[][] = [];
    await once.blobs.put(pieces(bytes.subarray(0, part + 5)), {
      onState: async ({ parts }) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        before.push([parts.length, granted(parts.length)]);
      },
    });
    expect(before).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect([granted(1), granted(2)]).toEqual([1, 1]);
  });

  test('a state that can not be kept ends the upload before the part leaves', async () => {
    const full = new Error('disk full');
    const put = once.blobs.put(pseudoRandomBytes(10), { onState: () => Promise.reject(full) });
    expect(await rejectionOf(put)).toBe(full);
    expect(toStore()).toBe(0);
  });
});

describe('content that changed since', () => {
  const bytes = pseudoRandomBytes(3 * part);
  const flipped = (at: number): Uint8Array<ArrayBuffer> => {
    const copy = bytes.slice();
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const changes: [string, () => BlobContent][] = [
    ['its first byte', () => pieces(flipped(0))],
    ['a byte of the last part that was made', () => pieces(flipped(2 * part + 5))],
    ['a byte less', () => pieces(bytes.subarray(0, -1))],
    ['parts less', () => pieces(bytes.subarray(0, part))],
    ['a byte more', () => pieces(Buffer.concat([bytes, Buffer.alloc(1)]))],
  ];
  test.each(changes)('is refused with nothing sent: %s', async (_, make) => {
    const state = await broken(pieces(bytes), ({ path }) => path.endsWith('/completion'));
    expect(state.parts).toHaveLength(4);
    // The parts that were in memory never arrived, so the client still has parts to send.
    const missing = [1, 2, 3];
    for (const number of missing) fake.only.parts.delete(number);
    const before = toStore();
    const asked = fake.asked('grantParts').length;
    const error = await rejectionOf(once.blobs.put(make(), { resume: state }));
    expect(error).toMatchObject({ code: 'content_changed', name: 'ConflictError' });
    expect([toStore(), fake.asked('grantParts').length]).toEqual([before, asked]);
    expect(fake.asked('completeBlob')).toHaveLength(1);
  });

  test('is refused before anything is asked when its length tells', async () => {
    const known = new Blob([bytes]);
    const state = await broken(known, ({ method }) => method === 'PUT');
    const before = fake.requests.length;
    expect(await rejectionOf(once.blobs.put(known.slice(1), { resume: state }))).toMatchObject({
      code: 'content_changed',
    });
    expect(fake.requests).toHaveLength(before);
  });

  test('is refused by form too', async () => {
    const small = pseudoRandomBytes(70_000);
    const state = await broken(small, isStore, 'lost');
    const before = fake.requests.length;
    expect(await rejectionOf(once.blobs.put(pseudoRandomBytes(70_000, 2), { resume: state }))).toMatchObject({
      code: 'content_changed',
    });
    expect(fake.requests).toHaveLength(before);
  });

  test('is refused where an old state does not know it, but the store does', async () => {
    const states: string[] = [];
    fake.interfere = ({ path }) => (path.endsWith('/completion') ? 'reset' : undefined);
    await rejectionOf(once.blobs.put(pieces(bytes), { onState: (state) => states.push(JSON.stringify(state)) }));
    fake.interfere = () => undefined;
    const before = toStore();
    const old: BlobUploadState = JSON.parse(states[0] ?? '');
    expect(old.parts).toHaveLength(1);
    const error = await rejectionOf(once.blobs.put(pieces(flipped(part + 5_000)), { resume: old }));
    expect(error).toMatchObject({ code: 'content_changed' });
    expect(toStore()).toBe(before);
    const { url } = await once.blobs.put(pieces(bytes), { resume: old });
    expect(isSame(await (await openBlob(url)).bytes(), bytes)).toBe(true);
  });

  test('a state of another key, blob or header is refused, and nothing is sent', async () => {
    const [a, b] = [await broken(pseudoRandomBytes(9), isStore), await broken(pseudoRandomBytes(9), isStore)];
    const before = fake.requests.length;
    for (const resume of [
      { ...a, header: b.header },
      { ...a, url: b.url },
      { ...a, id: b.id },
      { ...a, header: 'AAAA' },
    ]) {
      const error = await rejectionOf(once.blobs.put(pseudoRandomBytes(9), { resume }));
      expect(error).toMatchObject({ code: 'invalid_argument' });
    }
    expect(fake.requests).toHaveLength(before);
  });
});

describe('a part that did not arrive', () => {
  const bytes = pseudoRandomBytes(part + 5);

  test.each([
    ['a lost connection', 'reset'],
    ['a lost answer', 'lost'],
    ['a busy store', { status: 503, body: '<Code>SlowDown</Code>' }],
    ['a slow connection', { status: 400, body: '<Code>RequestTimeout</Code>' }],
  ] as const)('is sent again with the same bytes to the same address: %s', async (_, what) => {
    let left = 2;
    fake.interfere = ({ path }) => (path.includes('/1?') && left-- > 0 ? what : undefined);
    const { url } = await fake.client().blobs.put(pieces(bytes));
    const sent = fake.asked('PUT').filter(({ path }) => path.includes('/1?'));
    expect(sent).toHaveLength(3);
    for (const { path, body } of sent)
      expect([path, isSame(body, sent[0]?.body ?? Buffer.alloc(0))]).toEqual([sent[0]?.path, true]);
    expect(fake.asked('grantParts').length).toBeLessThanOrEqual(2);
    expect(isSame(await (await openBlob(url)).bytes(), bytes)).toBe(true);
  });

  test('gets a new address when the old one is past its time', async () => {
    let left = 1;
    fake.interfere = ({ path }) => (path.includes('/1?') && left-- > 0 ? { status: 403 } : undefined);
    await fake.client().blobs.put(pieces(bytes));
    const numbers = fake
      .asked('grantParts')
      .flatMap(({ body }) => JSON.parse(String(body)).parts.map((one: { number: number }) => one.number));
    expect(numbers.sort()).toEqual([1, 1, 2]);
  });

  test('and never will, is told with the code of the store and no more', async () => {
    fake.interfere = ({ method }) =>
      method === 'PUT' ? { status: 404, body: '<Code>NoSuchUpload</Code><Key>secret</Key>' } : undefined;
    const error = await rejectionOf(once.blobs.put(pieces(bytes)));
    expect(error).toMatchObject({ code: 'storage_refused', status: 404, retryable: false });
    expect(String(error)).toContain('NoSuchUpload');
    expect(String(error)).not.toContain('secret');
  });
});

describe('a cancelled transfer', () => {
  test.each([
    [
      'while content is waited for',
      async function* () {
        yield pseudoRandomBytes(10);
        await new Promise(() => undefined);
      },
      undefined,
    ],
    ['while a part is sent', () => pieces(pseudoRandomBytes(part * 2)), 'PUT'],
    ['before it began', () => pieces(pseudoRandomBytes(1)), 'now'],
  ] as const)('%s, rejects at once', async (_, make, when) => {
    const controller = new AbortController();
    fake.interfere = ({ method }) => void (method === when && controller.abort());
    if (when === 'now') controller.abort();
    if (when === undefined) setTimeout(() => controller.abort(), 100);
    const error = await rejectionOf(once.blobs.put(make(), { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'aborted', name: 'AbortError' });
    expect(fake.asked('completeBlob')).toEqual([]);
  });

  test('of a download ends what is being read', async () => {
    const { url } = await once.blobs.put(pseudoRandomBytes(5 * 2 ** 20));
    const controller = new AbortController();
    const opened = await once.blobs.get(url, { signal: controller.signal });
    const reader = opened.stream.getReader();
    await reader.read();
    controller.abort();
    const rest = (async () => {
      while (!(await reader.read()).done);
    })();
    expect(await rejectionOf(rest)).toMatchObject({ code: 'aborted' });
  });
});
