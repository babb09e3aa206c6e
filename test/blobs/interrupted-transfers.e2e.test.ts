/** Broken connections to and from S3: uploads and downloads continue where they stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import type { InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { Anima, type BlobContent, type BlobUploadState, openBlob } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { equalBytes } from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 2 });
afterEach(() => stack.vault.setHooks());

const partSize = limits.blobPartChunks * 2 ** 20;
const rounds = 10;

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700_000) yield bytes.subarray(at, at + 700_000);
}

/** A generator of pseudo-random integers below a limit, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
    return state % below;
  };
}

/**
 * A client in a new program that has only the state. It does not retry, and its uploads always break before they are
 * complete.
 */
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

/** Uploads until the connection breaks. Returns the newest state, as read from a file. */
async function broken(content: BlobContent, saved: string | undefined): Promise<string> {
  let newest = saved;
  const resume: BlobUploadState | undefined = saved === undefined ? undefined : JSON.parse(saved);
  const put = interrupted().blobs.put(content, { resume, onState: (state) => (newest = JSON.stringify(state)) });
  await expect(put).rejects.toMatchObject({ code: 'connection_failed' });
  return newest ?? expect.fail('no state was told');
}

describe('an upload that breaks ten times at random', () => {
  const fault = (random: (below: number) => number, size: number): InjectedFault =>
    [{ cutAfter: 1 + random(size - 1) }, 'drop-before' as const, 'drop-after' as const][random(3)] ?? 'drop-before';

  const large = pseudoRandomBytes(3 * partSize + 12_345);
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
        // Requests in progress at the time of the break may still arrive.
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
      expect(equalBytes(await (await openBlob(put.url)).bytes(), large)).toBe(true);
    },
  );

  test('by form goes on from its state: identical bytes under the same id', async () => {
    const content = pseudoRandomBytes(200_000);
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
    expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
  });
});

test('a download that breaks goes on where it stopped, and is one opening', async () => {
  const content = pseudoRandomBytes(3 * 2 ** 20);
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
  expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
  expect(ranges).toHaveLength(4);
  expect(await stack.client.blobs.info(id)).toMatchObject({ openings: 1 });
});
