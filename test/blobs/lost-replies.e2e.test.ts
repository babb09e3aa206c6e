/**
 * Replies of AWS services are lost after each write. A retry by the function or the client reaches the documented
 * state.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { Anima, openBlob } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { type BucketView, bucketView, equalBytes, linkProof } from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 2 });
let objects: BucketView;
beforeAll(() => {
  objects = bucketView(stack.vault);
});
afterEach(() => stack.vault.setHooks());

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe('the reply lost', () => {
  const content = pseudoRandomBytes(100);
  /** A function's three attempts, and the one that is sent again because its connection had been used before. */
  const everyAttempt = 4;
  /** The client's transfers have three retries, and a fourth lost reply would end them. */
  const transfers = new Map(['UploadPart', 'PostObject'].map((action) => [action, 3]));

  /** A client that retries immediately, ignoring the delay that the vault requests. */
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

  /** Loses the replies of the next calls of an action, except writes of audit records. */
  function losing(action: string, times: number): void {
    let left = Math.min(times, transfers.get(action) ?? times);
    stack.vault.setHooks({
      before: (call: EngineCall) => {
        if (call.action !== action || left === 0 || JSON.stringify(call.input).includes('AuditTable')) return;
        left--;
        return 'drop-after';
      },
    });
  }
  const lost = (times: number) => [`${times} times`, times] as const;
  /**
   * With one lost reply, the function's own retry finds the completed write. If all its attempts are lost, the client's
   * retry does.
   */
  const either = [lost(1), lost(everyAttempt)];

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
        expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
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
        expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
      },
    );

    test.each(['PostObject', 'CopyObject', 'DeleteObject', 'UpdateItem'])(
      'of %s as an upload by form ends: it is complete',
      async (action) => {
        losing(action, times);
        const { id, url } = await eager().blobs.put(content);
        stack.vault.setHooks();
        expect(await objects.lifetime(stack.vault.org, id)).toBe('kept');
        expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
      },
    );

    test('of a new link: the link that was told is the one that works', async () => {
      const { id, url } = await stack.client.blobs.put(content);
      losing('UpdateItem', times);
      const fresh = await eager().blobs.relink(id, url);
      stack.vault.setHooks();
      expect(equalBytes(await (await openBlob(fresh.url)).bytes(), content)).toBe(true);
      await expect(openBlob(url)).rejects.toMatchObject({ code: 'blob_not_found' });
    });

    test.each(['UpdateItem', 'DeleteObject'])('of %s as a blob is deleted: it is gone', async (action) => {
      const { id, url } = await stack.client.blobs.put(content);
      losing(action, times);
      // When the client retries, its first attempt may already have deleted the blob.
      expect(await eager().blobs.delete(id)).toBe(times < everyAttempt);
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
      const body = { proof: await linkProof(url, 'open'), opening: 'an-opening-0123456789' };
      const opening = () => stack.http('POST', `/v1/links/${link}/opening`, { body });
      losing('UpdateItem', times);
      let answer = await opening();
      if (times === everyAttempt) {
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
      expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
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
