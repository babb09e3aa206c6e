/**
 * Misused links: without the key, beyond their limit, or for an operation that they do not allow. Each request gets the
 * documented error and changes nothing.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { formatLinkId, parseLinkUrl } from '../../core/blobs/share-link.ts';
import { openBlob, type PutBlobOptions, type PutBlobResult } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import {
  type BucketView,
  beginUpload,
  bucketView,
  completeUpload,
  equalBytes,
  formOf,
  linkProof,
  postForm,
} from './blob-requests.ts';

const stack = useLocalStack();
let objects: BucketView;
beforeAll(() => {
  objects = bucketView(stack.vault);
});

const content = pseudoRandomBytes(300);
const put = (options: PutBlobOptions = {}) => stack.client.blobs.put(content, options);
const opening = (link: string, body: unknown) => stack.http('POST', `/v1/links/${link}/opening`, { body });
const burning = (link: string, body: unknown) => stack.http('POST', `/v1/links/${link}/burning`, { body });

/** Everything that a request with a link could change. */
const stateOf = async ({ id }: { readonly id: string }) =>
  JSON.stringify([
    await stack.getItem(stack.table('BlobRecordsTable'), { org: stack.vault.org, id }),
    await objects.lifetime(stack.vault.org, id),
  ]);

describe('concurrent openings', () => {
  test.each([
    [1, {}],
    [3, { maxOpens: 3 }],
  ])('of 50 on the last %i that a link has, exactly so many win, and each of them opens', async (wins, options) => {
    const { id, url, link } = await put({ maxOpens: 1, ...options });
    const body = { proof: await linkProof(url, 'open') };
    const answers = await Promise.all(Array.from({ length: 50 }, () => opening(link, body)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(wins);
    for (const answer of answers.filter(({ status }) => status !== 200)) await expectProblem(answer, 'blob_spent');
    for (const answer of won) {
      const { url: address, size } = await answer.json();
      expect((await (await fetch(address)).arrayBuffer()).byteLength).toBe(size);
    }
    expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'spent', openings: wins });
    expect(await objects.lifetime(stack.vault.org, id)).toBe('2');
  });

  test('by 50 recipients of what is to be read once: exactly one has read it, and it is burned', async () => {
    const { id, url } = await put({ burn: true });
    const read = await Promise.allSettled(
      Array.from({ length: 50 }, async () => await (await openBlob(url, { maxRetries: 0 })).bytes()),
    );
    const won = read.filter((one) => one.status === 'fulfilled');
    expect(won.map(({ value }) => equalBytes(value, content))).toEqual([true]);
    const codes = read.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['blob_spent']));
    expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'burned', openings: 1 });
  });
});

describe('an opening', () => {
  test('sent again by its name counts once; by another name it is another', async () => {
    const { id, url, link } = await put({ maxOpens: 2 });
    const body = { proof: await linkProof(url, 'open'), opening: 'an-opening-0123456789' };
    for (let n = 0; n < 3; n++) expect((await opening(link, body)).status).toBe(200);
    expect(await stack.client.blobs.info(id)).toMatchObject({ openings: 1 });
    expect((await opening(link, { ...body, opening: 'an-opening-9876543210' })).status).toBe(200);
    expect((await opening(link, { ...body, opening: 'an-opening-9876543210' })).status).toBe(200);
    await expectProblem(await opening(link, body), 'blob_spent');
    expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'spent', openings: 2 });
  });
});

describe('without the key', () => {
  const wrong: [string, (url: string) => Promise<unknown>, ErrorCode][] = [
    ['no proof', async () => ({}), 'invalid_request'],
    ['no body', async () => undefined, 'invalid_request'],
    ['an empty proof', async () => ({ proof: '' }), 'invalid_request'],
    ['a proof of 31 bytes', async () => ({ proof: Buffer.alloc(31).toString('base64') }), 'invalid_request'],
    ['a proof that is not a text', async () => ({ proof: 7 }), 'invalid_request'],
    ['a proof of zeros', async () => ({ proof: Buffer.alloc(32).toString('base64') }), 'proof_refused'],
    [
      'the proof of another link',
      async () => ({ proof: await linkProof((await put({ burn: true })).url, 'open') }),
      'proof_refused',
    ],
    [
      'the verifier in place of the proof',
      async (url) => {
        const { org, id } = parseLinkUrl(url) ?? expect.fail();
        return { proof: (await stack.getItem(stack.table('BlobRecordsTable'), { org, id })).openVerifier?.S };
      },
      'proof_refused',
    ],
    ['a field more', async (url) => ({ proof: await linkProof(url, 'open'), key: 'x' }), 'invalid_request'],
  ];
  test.each(wrong)('%s: neither opened nor burned, and nothing used up', async (_, bodyFor, code) => {
    const made = await put({ burn: true });
    const before = await stateOf(made);
    const body = await bodyFor(made.url);
    await expectProblem(await opening(made.link, body), code);
    await expectProblem(await burning(made.link, body), code);
    expect(await stateOf(made)).toBe(before);
    expect(equalBytes(await (await openBlob(made.url)).bytes(), content)).toBe(true);
  });

  test('each proof is good for its own verb alone', async () => {
    const made = await put({ burn: true });
    const before = await stateOf(made);
    await expectProblem(await burning(made.link, { proof: await linkProof(made.url, 'open') }), 'proof_refused');
    await expectProblem(await opening(made.link, { proof: await linkProof(made.url, 'burn') }), 'proof_refused');
    expect(await stateOf(made)).toBe(before);
  });

  test('nothing is told of the state of what has ended', async () => {
    const made = await put({ maxOpens: 1 });
    await (await openBlob(made.url)).bytes();
    await expectProblem(await opening(made.link, { proof: Buffer.alloc(32).toString('base64') }), 'proof_refused');
  });
});

describe('a link that is not the current one', () => {
  const change = (url: string, to: Partial<{ org: string; id: string; locator: string }>): string => {
    const { org, id, locator } = parseLinkUrl(url) ?? expect.fail('no link');
    return formatLinkId({ org, id, locator, ...to });
  };
  const cases: [string, (url: string) => string | Promise<string>][] = [
    ['another locator', (url) => change(url, { locator: '0'.repeat(16) })],
    ['another id', (url) => change(url, { id: `00${'0'.repeat(24)}` })],
    ['an org that is none', (url) => change(url, { org: '0'.repeat(16) })],
    ['another org', async (url) => change(url, { org: (await stack.newOrg()).org })],
    [
      'the locator of another blob',
      async (url) => change(url, { locator: parseLinkUrl((await put()).url)?.locator ?? '' }),
    ],
    ['one character less', (url) => change(url, {}).slice(1)],
    ['the id alone', (url) => parseLinkUrl(url)?.id ?? ''],
    ['capitals', (url) => change(url, {}).toUpperCase()],
  ];
  test.each(cases)('%s finds nothing, even with the proof', async (_, linkFor) => {
    const made = await put({ burn: true });
    const before = await stateOf(made);
    const link = await linkFor(made.url);
    await expectProblem(await stack.http('GET', `/v1/links/${link}`), 'blob_not_found');
    await expectProblem(await opening(link, { proof: await linkProof(made.url, 'open') }), 'blob_not_found');
    await expectProblem(await burning(link, { proof: await linkProof(made.url, 'burn') }), 'blob_not_found');
    expect(await stateOf(made)).toBe(before);
  });
});

describe('burning', () => {
  test('a blob that was made without burn is refused, with the proof too', async () => {
    const made = await put({ maxOpens: 1 });
    const before = await stateOf(made);
    await expectProblem(await burning(made.link, { proof: await linkProof(made.url, 'burn') }), 'invalid_request');
    expect(await stateOf(made)).toBe(before);
  });

  test('sent again gives the same answer; what was deleted by the org is told as deleted', async () => {
    const made = await put({ burn: true });
    const body = { proof: await linkProof(made.url, 'burn') };
    for (let n = 0; n < 2; n++) expect(await (await burning(made.link, body)).json()).toEqual({ burned: true });
    expect(await stack.client.blobs.delete(made.id)).toBe(false);
    const deleted = await put({ burn: true });
    await stack.client.blobs.delete(deleted.id);
    await expectProblem(await burning(deleted.link, { proof: await linkProof(deleted.url, 'burn') }), 'blob_deleted');
  });

  test('what has expired is possible still', async () => {
    const made = await put({ burn: true, expiresIn: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await expectProblem(await opening(made.link, { proof: await linkProof(made.url, 'open') }), 'blob_expired');
    expect((await burning(made.link, { proof: await linkProof(made.url, 'burn') })).status).toBe(200);
    expect(await objects.keys(stack.vault.org)).not.toContain(`${stack.vault.org}/${made.id}.enc`);
  });

  test('before the upload is complete is refused, and so is opening', async () => {
    const begun = await beginUpload(stack, content, { burn: true });
    await postForm(formOf(begun), begun.bytes);
    for (const verb of ['open', 'burn'] as const) {
      const send = verb === 'open' ? opening : burning;
      await expectProblem(
        await send(begun.link, { proof: await linkProof(begun.linkWithKey, verb) }),
        'blob_not_uploaded',
      );
    }
    expect((await completeUpload(stack, begun, begun.completion)).status).toBe(200);
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
  });
});

describe('the id of a blob, with the key of another org', () => {
  let made: PutBlobResult;
  let uploading: string;
  let stranger: string;
  beforeAll(async () => {
    made = await put({ burn: true });
    uploading = (await beginUpload(stack, content, { size: undefined })).id;
    stranger = (await stack.newOrg()).adminKey;
  });
  const bytes32 = Buffer.alloc(32).toString('base64');
  const requests: [string, (id: string) => [string, string, unknown?], ErrorCode | 'none'][] = [
    ['getBlob', (id) => ['GET', `/v1/blobs/${id}`], 'blob_not_found'],
    ['listParts', (id) => ['GET', `/v1/blobs/${id}/parts`], 'blob_not_found'],
    [
      'grantParts',
      (id) => ['POST', `/v1/blobs/${id}/parts`, { parts: [{ number: 1, size: 5, checksum: bytes32 }] }],
      'blob_not_found',
    ],
    [
      'completeBlob',
      (id) => [
        'POST',
        `/v1/blobs/${id}/completion`,
        { checksum: bytes32, verifiers: { open: bytes32, burn: bytes32 } },
      ],
      'blob_not_found',
    ],
    ['relinkBlob', (id) => ['POST', `/v1/blobs/${id}/link`, {}], 'blob_not_found'],
    ['deleteBlob', (id) => ['DELETE', `/v1/blobs/${id}`], 'none'],
  ];
  test.each(requests)('%s finds nothing, complete or not, and changes nothing', async (_, request, code) => {
    for (const id of [made.id, uploading]) {
      const before = await stack.getItem(stack.table('BlobRecordsTable'), { org: stack.vault.org, id });
      const [method, path, body] = request(id);
      const answer = await stack.http(method, path, { key: stranger, body });
      if (code === 'none') expect(await answer.json()).toEqual({ deleted: false });
      else await expectProblem(answer, code);
      expect(await stack.getItem(stack.table('BlobRecordsTable'), { org: stack.vault.org, id })).toEqual(before);
    }
    expect(await objects.keys(stack.vault.org)).toContain(`${stack.vault.org}/${made.id}.enc`);
    expect(await objects.uploads(stack.vault.org)).toHaveLength(1);
    expect(await stack.clientOf(stranger).blobs.list().toArray()).toEqual([]);
  });
});
