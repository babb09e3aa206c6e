/** Connections that break on the way to S3, and replies that are lost: an upload goes on, a retry ends in the documented state. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../contract/limits.ts';
import type { EngineCall, Fault } from '../../local/hooks.ts';
import { Anima, type BlobContent, type BlobUploadState, openBlob } from '../../sdk/src/index.ts';
import { expectProblem, useStack } from '../e2e/stack.ts';
import { noise } from '../sdk/blob-fake.ts';
import { type Held, held, isSame, proof } from './support.ts';

const stack = useStack({ functionConcurrency: 2 });
let objects: Held;
beforeAll(() => {
  objects = held(stack.vault);
});
afterEach(() => stack.vault.setHooks());

const partSize = limits.blobPartChunks * 2 ** 20;
const rounds = 10;

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700_000) yield bytes.subarray(at, at + 700_000);
}

/** Whole numbers below a limit, the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
    return state % below;
  };
}

/** Another program, with nothing but the state; it tries nothing twice, and never gets as far as to complete the upload. */
const interrupted = () =>
  new Anima({
    apiKey: stack.vault.agentKey,
    baseURL: stack.vault.url,
    maxRetries: 0,
    fetch: async (input, init) => {
      if (String(input).endsWith('/completion')) throw new TypeError('fetch failed');
      return await fetch(input, init);
    },
  });

/** Uploads until it breaks; the newest state as it would be read from a file. */
async function broken(content: BlobContent, saved: string | undefined): Promise<string> {
  let newest = saved;
  const resume: BlobUploadState | undefined = saved === undefined ? undefined : JSON.parse(saved);
  const put = interrupted().blobs.put(content, { resume, onState: (state) => (newest = JSON.stringify(state)) });
  await expect(put).rejects.toMatchObject({ code: 'connection_failed' });
  return newest ?? expect.fail('no state was told');
}

describe('an upload that breaks ten times at random', () => {
  const fault = (random: (below: number) => number, size: number): Fault =>
    [{ cutAfter: 1 + random(size - 1) }, 'drop-before' as const, 'drop-after' as const][random(3)] ?? 'drop-before';

  const large = noise(3 * partSize + 12_345);
  test.each([
    ['a Blob', () => new Blob([large])],
    ['a stream of unknown length', () => pieces(large)],
  ])(
    'in parts, of %s, goes on from its state: identical bytes, and what has arrived is not sent again',
    async (_, make) => {
      const random = numbers(11);
      const arrived = new Set<unknown>();
      let sent: unknown[] = [];
      let breaksAt = 0;
      stack.vault.setHooks({
        before: ({ action, input }) => {
          if (action !== 'UploadPart') return undefined;
          sent.push(Reflect.get(Object(input), 'PartNumber'));
          return sent.length > breaksAt ? fault(random, partSize) : undefined;
        },
      });
      let saved: string | undefined;
      for (let round = 0; round < rounds; round++) {
        [sent, breaksAt] = [[], random(2)];
        saved = await broken(make(), saved);
        expect(sent.filter((number) => arrived.has(number))).toEqual([]);
        // What was under way when it broke may still arrive.
        await sleep(50);
        const { id }: BlobUploadState = JSON.parse(saved);
        const { parts } = await (
          await stack.http('GET', `/v1/blobs/${id}/parts`, { key: stack.vault.agentKey })
        ).json();
        for (const { number } of parts) arrived.add(String(number));
      }
      expect(arrived.size).toBeGreaterThan(1);
      [sent, breaksAt] = [[], Number.POSITIVE_INFINITY];
      const resume: BlobUploadState = JSON.parse(saved ?? '');
      const put = await stack.clientOf(stack.vault.agentKey).blobs.put(make(), { resume });
      expect(put.id).toBe(resume.id);
      expect(sent.filter((number) => arrived.has(number))).toEqual([]);
      expect(isSame(await (await openBlob(put.url)).bytes(), large)).toBe(true);
    },
  );

  test('by form goes on from its state: identical bytes under the same id', async () => {
    const content = noise(200_000);
    const random = numbers(3);
    stack.vault.setHooks({
      before: ({ action }) => (action === 'PostObject' ? fault(random, content.length) : undefined),
    });
    let saved: string | undefined;
    for (let round = 0; round < rounds; round++) saved = await broken(content, saved);
    stack.vault.setHooks();
    const resume: BlobUploadState = JSON.parse(saved ?? '');
    const { id, url } = await stack.client.blobs.put(content, { resume });
    expect(id).toBe(resume.id);
    expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
  });
});

test('a download that breaks goes on where it stopped, and is one opening', async () => {
  const content = noise(3 * 2 ** 20);
  const { id, url } = await stack.client.blobs.put(content, { maxOpens: 1 });
  const cuts = [2 ** 20, 5, 70_000];
  const ranges: number[] = [];
  stack.vault.setHooks({
    before: ({ action }) => {
      if (action !== 'GetObject') return;
      ranges.push(1);
      const cutAfter = cuts.shift();
      return cutAfter === undefined ? undefined : { cutAfter };
    },
  });
  expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
  expect(ranges).toHaveLength(4);
  expect(await stack.client.blobs.info(id)).toMatchObject({ openings: 1 });
});

describe('the reply lost', () => {
  const content = noise(100);
  const attempts = 3;

  /** Tries again at once, and not when the vault says. */
  const eager = (apiKey = stack.vault.agentKey) =>
    new Anima({
      apiKey,
      baseURL: stack.vault.url,
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        const headers = new Headers(answer.headers);
        headers.delete('retry-after');
        return new Response(answer.body, { status: answer.status, headers });
      },
    });

  /** Loses the replies of the next calls of an action, audit records aside. */
  function losing(action: string, times: number): void {
    let left = times;
    stack.vault.setHooks({
      before: (call: EngineCall) => {
        if (call.action !== action || left === 0 || JSON.stringify(call.input).includes('AuditTable')) return;
        left--;
        return 'drop-after';
      },
    });
  }
  const lost = (times: number) => [`${times} times`, times] as const;
  /** Once, so that the function's own retry meets what it has done; as often as it tries, so that the client's retry does. */
  const either = [lost(1), lost(attempts)];

  describe.each(either)('%s', (_, times) => {
    test.each(['PutItem', 'CreateMultipartUpload'])(
      'of %s as an upload begins: one blob is complete, any other never will be',
      async (action) => {
        const { agentKey, adminKey } = await stack.newOrg();
        losing(action, times);
        const { id, url } = await eager(agentKey).blobs.put(pieces(content));
        stack.vault.setHooks();
        const all = await stack.clientOf(adminKey).blobs.list().toArray();
        expect(all.filter(({ state }) => state === 'ready').map((blob) => blob.id)).toEqual([id]);
        expect(all.filter(({ state }) => state !== 'ready').every(({ state }) => state === 'uploading')).toBe(true);
        expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
      },
    );

    test.each(['UploadPart', 'CompleteMultipartUpload', 'PutObjectTagging', 'UpdateItem'])(
      'of %s as an upload in parts ends: it is complete',
      async (action) => {
        losing(action, times);
        const { id, url } = await eager().blobs.put(pieces(content), { expiresIn: '1h' });
        stack.vault.setHooks();
        expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'ready' });
        expect(await objects.lifetime(stack.vault.org, id)).toBe('2');
        expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
      },
    );

    test.each(['PostObject', 'PutObjectTagging', 'UpdateItem'])(
      'of %s as an upload by form ends: it is complete',
      async (action) => {
        losing(action, times);
        const { id, url } = await eager().blobs.put(content);
        stack.vault.setHooks();
        expect(await objects.lifetime(stack.vault.org, id)).toBe('kept');
        expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
      },
    );

    test('of a new link: the link that was told is the one that works', async () => {
      const { id, url } = await stack.client.blobs.put(content);
      losing('UpdateItem', times);
      const fresh = await eager().blobs.relink(id, url);
      stack.vault.setHooks();
      expect(isSame(await (await openBlob(fresh.url)).bytes(), content)).toBe(true);
      await expect(openBlob(url)).rejects.toMatchObject({ code: 'blob_not_found' });
    });

    test.each(['UpdateItem', 'DeleteObject'])('of %s as a blob is deleted: it is gone', async (action) => {
      const { id, url } = await stack.client.blobs.put(content);
      losing(action, times);
      // Sent again by the client, it may find that its first try has deleted it.
      expect(await eager().blobs.delete(id)).toBe(times < attempts);
      stack.vault.setHooks();
      expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'deleted' });
      expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${id}.enc`);
      await expect(openBlob(url)).rejects.toMatchObject({ code: 'blob_deleted' });
    });

    test('of the end of an unfinished upload: it is gone', async () => {
      const { org, agentKey: key } = await stack.newOrg();
      const { id } = await (await stack.http('POST', '/v1/blobs', { key, body: {} })).json();
      losing('AbortMultipartUpload', times);
      expect(await eager(key).blobs.delete(id)).toBe(true);
      expect(await objects.uploads(org)).toEqual([]);
    });

    test('of an opening: it counts once for whoever sends it again under its name', async () => {
      const { id, url, link } = await stack.client.blobs.put(content, { maxOpens: 1 });
      const body = { proof: await proof(url, 'open'), opening: 'an-opening-0123456789' };
      const opening = () => stack.http('POST', `/v1/links/${link}/opening`, { body });
      losing('UpdateItem', times);
      let answer = await opening();
      if (times === attempts) {
        await expectProblem(answer, 'unavailable');
        answer = await opening();
      }
      expect(answer.status).toBe(200);
      stack.vault.setHooks();
      expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'spent', openings: 1 });
      expect(await objects.lifetime(stack.vault.org, id)).toBe('2');
    });

    test('of the tag after the last opening: the opening is told', async () => {
      const { id, url } = await stack.client.blobs.put(content, { maxOpens: 1 });
      losing('PutObjectTagging', times);
      expect(isSame(await (await openBlob(url)).bytes(), content)).toBe(true);
      expect(await objects.lifetime(stack.vault.org, id)).toBe('2');
    });

    test.each(['UpdateItem', 'DeleteObject'])('of %s as a blob is burned: it is burned, and gone', async (action) => {
      const { id, url } = await stack.client.blobs.put(content, { burn: true });
      const opened = await eager().blobs.get(url, { burn: false });
      await opened.bytes();
      losing(action, times);
      await opened.burn();
      expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'burned' });
      expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${id}.enc`);
    });
  });
});
