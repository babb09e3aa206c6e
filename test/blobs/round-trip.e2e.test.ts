/** The main use of blobs, with the SDK and the deployed template: upload, open by link, list, revoke, expire. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseLinkUrl } from '../../core/blobs/share-link.ts';
import { type BlobContent, openBlob } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { type BucketView, beginUpload, bucketView, equalBytes, formOf, postForm, sealedSize } from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 2 });
let objects: BucketView;
beforeAll(() => {
  objects = bucketView(stack.vault);
});
const blobs = () => stack.client.blobs;
const small = pseudoRandomBytes(1000);
const mebi = 2 ** 20;

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300_001) yield bytes.subarray(at, at + 300_001);
}

describe('content comes back byte for byte, with its type and name, by the client and by whoever has the link alone', () => {
  const large = pseudoRandomBytes(17 * mebi);
  const cases: [string, Uint8Array<ArrayBuffer>, () => BlobContent, 'form' | 'parts'][] = [
    ['nothing', pseudoRandomBytes(0), () => pseudoRandomBytes(0), 'form'],
    ['bytes', small, () => small, 'form'],
    ['an ArrayBuffer', small, () => small.slice().buffer, 'form'],
    [
      'a File of several chunks',
      pseudoRandomBytes(2 * mebi + 1),
      () => new File([pseudoRandomBytes(2 * mebi + 1)], 'f.bin'),
      'form',
    ],
    ['a Blob too large for a form', large, () => new Blob([large]), 'parts'],
    ['a stream of unknown length', small, () => new Blob([small]).stream(), 'parts'],
    [
      'an async iterable of several parts',
      pseudoRandomBytes(9 * mebi),
      () => pieces(pseudoRandomBytes(9 * mebi)),
      'parts',
    ],
    ['an empty stream', pseudoRandomBytes(0), () => pieces(pseudoRandomBytes(0)), 'parts'],
  ];

  test.each(cases)('%s', async (_, bytes, make, how) => {
    stack.vault.calls.reset();
    const told: { bytes: number; total: number | undefined }[] = [];
    const type = 'image/png';
    const name = 'Ünïcode "<b>".png';
    const put = await blobs().put(make(), { type, name, onProgress: (progress) => told.push(progress) });
    expect(put).toMatchObject({
      size: bytes.length,
      url: expect.stringContaining(`${stack.vault.pageUrl}/b/${put.link}#`),
    });
    const arrivals = { form: 'PostObject', parts: 'CompleteMultipartUpload' } as const;
    expect(stack.vault.calls.count({ service: 's3', action: arrivals[how] })).toBe(1);
    const { size = 0 } = await blobs().info(put.id);
    expect(size).toBeGreaterThanOrEqual(bytes.length + 1104);
    expect(told.at(-1)).toEqual({ bytes: size, total: size });
    for (const open of [() => blobs().get(put.url), () => openBlob(put.url)]) {
      const opened = await open();
      expect([opened.type, opened.name, opened.size]).toEqual([type, name, bytes.length]);
      expect(equalBytes(await opened.bytes(), bytes)).toBe(true);
    }
    const [from, to] = [Math.floor(bytes.length / 3), Math.floor(bytes.length / 2)];
    expect(equalBytes(await blobs().range(put.url, from, to), bytes.subarray(from, to))).toBe(true);
  });
});

describe('a list', () => {
  test('tells ids, sizes and times, newest first, and neither keys nor links; it is for admins', async () => {
    const { adminKey, agentKey } = await stack.newOrg();
    const { blobs: own } = stack.clientOf(agentKey);
    const put: Awaited<ReturnType<typeof own.put>>[] = [];
    for (const options of [{ expiresIn: '1h', maxOpens: 3 }, { burn: true }, {}] as const)
      put.push(await own.put(small, { ...options, name: 'a-name', type: 'a/type' }));
    await own.get(put[0]?.url ?? '');
    const listed = await stack.clientOf(adminKey).blobs.list({ pageSize: 2 }).toArray();
    const times = { createdAt: expect.any(String), completedAt: expect.any(String) };
    const same = { state: 'ready', size: sealedSize(small.length), openings: 0, burn: false, ...times };
    expect(listed).toEqual([
      { ...same, id: put[2]?.id },
      { ...same, id: put[1]?.id, burn: true, maxOpens: 1 },
      { ...same, id: put[0]?.id, openings: 1, maxOpens: 3, expiresAt: put[0]?.expiresAt },
    ]);
    for (const { id, url } of put) {
      const { locator } = parseLinkUrl(url) ?? expect.fail('no link');
      const text = JSON.stringify([listed, await own.info(id)]);
      for (const secret of [locator, url.replace(/.*#/, ''), 'a-name', 'a/type']) expect(text).not.toContain(secret);
    }
    await expect(own.list().toArray()).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a link that is replaced', () => {
  test('finds nothing from then on; the new one opens what the old one did', async () => {
    const { id, url } = await blobs().put(small);
    const fresh = await blobs().relink(id, url);
    expect(fresh.url.replace(/.*#/, '')).toBe(url.replace(/.*#/, ''));
    for (const open of [
      () => blobs().get(url),
      () => openBlob(url),
      () => blobs().look(url),
      () => blobs().range(url, 0, 1),
    ])
      await expect(open()).rejects.toMatchObject({ code: 'blob_not_found' });
    expect(equalBytes(await (await openBlob(fresh.url)).bytes(), small)).toBe(true);
    expect(await blobs().info(id)).toMatchObject({ openings: 1 });
    const bare = await blobs().relink(id);
    expect(bare.url).not.toContain('#');
    await expect(openBlob(fresh.url)).rejects.toMatchObject({ code: 'blob_not_found' });
  });
});

describe('an end', () => {
  test('by expiresIn: nobody opens it from that moment on', async () => {
    const { id, url, expiresAt } = await blobs().put(small, { expiresIn: 2 });
    expect(await blobs().look(url)).toMatchObject({ expiresAt });
    expect(await (await openBlob(url)).bytes()).toHaveLength(small.length);
    await sleep(Date.parse(expiresAt ?? '') - Date.now() + 1);
    for (const open of [() => openBlob(url), () => blobs().look(url), () => blobs().range(url, 0, 1)])
      await expect(open()).rejects.toMatchObject({ code: 'blob_expired' });
    await expect(blobs().relink(id, url)).rejects.toMatchObject({ code: 'blob_expired' });
    expect(await blobs().info(id)).toMatchObject({ state: 'expired', openings: 1 });
  });

  test('by maxOpens: so many openings, however often it was looked at', async () => {
    const { id, url } = await blobs().put(small, { maxOpens: 2 });
    for (const left of [2, 1]) {
      for (let n = 0; n < 3; n++) expect(await blobs().look(url)).toMatchObject({ openingsLeft: left });
      expect(equalBytes(await (await openBlob(url)).bytes(), small)).toBe(true);
    }
    for (const open of [() => openBlob(url), () => blobs().look(url), () => blobs().range(url, 0, 1)])
      await expect(open()).rejects.toMatchObject({ code: 'blob_spent' });
    expect(await blobs().info(id)).toMatchObject({ state: 'spent', openings: 2 });
  });

  test('by burning: once read it is gone, from S3 too, and looking burns nothing', async () => {
    const { id, url } = await blobs().put(small, { burn: true });
    for (let n = 0; n < 3; n++) expect(await blobs().look(url)).toMatchObject({ burn: true, openingsLeft: 1 });
    const opened = await openBlob(url);
    expect(opened.burned).toBe(false);
    expect(equalBytes(await opened.bytes(), small)).toBe(true);
    expect(opened.burned).toBe(true);
    expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${id}.enc`);
    await expect(openBlob(url)).rejects.toMatchObject({ code: 'blob_spent' });
    expect(await blobs().info(id)).toMatchObject({ state: 'burned' });
    await opened.burn();
  });

  test('by burning later: the reader decides when, within his one opening', async () => {
    const { id, url } = await blobs().put(small, { burn: true });
    const opened = await openBlob(url, { burn: false });
    await opened.bytes();
    expect(await objects.keys(stack.vault.org)).toContain(`${stack.vault.org}/${id}.enc`);
    await expect(openBlob(url)).rejects.toMatchObject({ code: 'blob_spent' });
    await opened.burn();
    expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${id}.enc`);
  });

  test.each([
    ['complete, by form', () => blobs().put(small)],
    ['complete, in parts', () => blobs().put(pieces(small))],
    [
      'uploaded but not completed',
      async () => {
        const begun = await beginUpload(stack, small);
        expect((await postForm(formOf(begun), begun.bytes)).status).toBe(204);
        return { id: begun.id, url: begun.linkWithKey };
      },
    ],
  ])('by deletion of what is %s: the object is gone before the answer, and the link says so', async (_, make) => {
    const { id, url } = await make();
    expect(await blobs().delete(id)).toBe(true);
    expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${id}.enc`);
    for (const open of [() => openBlob(url), () => blobs().look(url)])
      await expect(open()).rejects.toMatchObject({ code: 'blob_deleted' });
    expect(await blobs().info(id)).toMatchObject({ state: 'deleted' });
    expect(await blobs().delete(id)).toBe(false);
  });

  test('by deletion of an upload in parts: what had arrived is gone, and nothing more can arrive', async () => {
    const { org, agentKey: key } = await stack.newOrg();
    const { id } = await beginUpload(stack, small, { size: undefined }, key);
    const part = { number: 1, size: 3, checksum: Buffer.alloc(32).toString('base64') };
    const grant = () => stack.http('POST', `/v1/blobs/${id}/parts`, { key, body: { parts: [part] } });
    const [granted] = (await (await grant()).json()).parts;
    expect(await objects.uploads(org)).toHaveLength(1);
    expect(await stack.clientOf(key).blobs.delete(id)).toBe(true);
    expect(await objects.uploads(org)).toEqual([]);
    await expectProblem(await grant(), 'blob_deleted');
    const late = await fetch(granted.url, { method: 'PUT', headers: granted.headers, body: 'abc' });
    expect(late.status).toBe(404);
  });
});

describe('what S3 removes by itself', () => {
  test('is what was never completed after three days, and what has ended; what is kept stays', async () => {
    const { org, agentKey } = await stack.newOrg();
    const { blobs: own } = stack.clientOf(agentKey);
    const kept = await own.put(small);
    const spent = await own.put(small, { maxOpens: 1 });
    await own.get(spent.url);
    const week = await own.put(small, { expiresIn: '7d' });
    const begun = await beginUpload(stack, small, {}, agentKey);
    await postForm(formOf(begun), begun.bytes);
    await beginUpload(stack, small, { size: undefined }, agentKey);
    const lifetimes = [kept, spent, week].map(({ id }) => objects.lifetime(org, id));
    expect(await Promise.all(lifetimes)).toEqual(['kept', '2', '8']);
    expect(await objects.lifetime(org, begun.id, 'form')).toBe('unfinished');
    const keys = (...of: { id: string }[]) =>
      of.map(({ id }) => `${org}/${id}.${id === begun.id ? 'form' : 'enc'}`).sort();
    const keysAfter = async (days: number) => {
      stack.vault.applyBucketLifecycles(new Date(Date.now() + days * 86_400_000));
      return (await objects.keys(org)).sort();
    };
    expect(await keysAfter(1)).toEqual(keys(kept, spent, week, begun));
    expect(await objects.uploads(org)).toHaveLength(1);
    expect(await keysAfter(3)).toEqual(keys(kept, week, begun));
    expect(await keysAfter(4)).toEqual(keys(kept, week));
    expect(await objects.uploads(org)).toEqual([]);
    expect(await keysAfter(7)).toEqual(keys(kept, week));
    expect(await keysAfter(9)).toEqual(keys(kept));
    expect(await keysAfter(4000)).toEqual(keys(kept));
  });
});
