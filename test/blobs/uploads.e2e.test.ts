/**
 * Invalid form uploads and completions: S3 or the vault rejects each with the documented error, and nothing is stored.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FormUpload } from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { BlobSealer } from '../../core/blobs/blob-stream.ts';
import { collectGroups } from '../../core/blobs/byte-source.ts';
import { parseLinkUrl } from '../../core/blobs/share-link.ts';
import { openBlob } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import {
  advanceClock,
  type BegunUpload,
  type BucketView,
  beginUpload,
  bucketView,
  completeUpload,
  equalBytes,
  expectS3Error,
  expectSucceedsBy,
  formOf,
  oneByteLonger,
  postForm,
  sha256,
  withFlippedBit,
} from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let objects: BucketView;
beforeAll(() => {
  objects = bucketView(stack.vault);
});
afterEach(() => vi.useRealTimers());

const content = pseudoRandomBytes(5000);
const mebi = 2 ** 20;
const key = () => stack.vault.agentKey;

/** Asserts that nothing was stored for an upload: it cannot be completed, and its link does not work. */
async function expectNothing(begun: BegunUpload): Promise<void> {
  const { id, org, completion } = begun;
  expect(await objects.keys(org)).not.toContain(`${org}/${id}.enc`);
  await expectProblem(await completeUpload(stack, begun, completion), 'blob_not_uploaded');
  await expectProblem(await stack.http('GET', `/v1/links/${begun.link}`), 'blob_not_uploaded');
  expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'uploading' });
}

describe('a form that is not as its ticket says', () => {
  let begun: BegunUpload;
  let other: BegunUpload;
  beforeEach(async () => {
    begun = await beginUpload(stack, content);
    other = await beginUpload(stack, content);
  });
  const fields = (change: (fields: Record<string, string>) => Record<string, string>): FormUpload => {
    const ticket = formOf(begun);
    return { ...ticket, fields: { ...ticket.fields, ...change(ticket.fields) } };
  };
  const wider = ({ Policy = '' }: Record<string, string>) => {
    const policy = JSON.parse(Buffer.from(Policy, 'base64').toString());
    const conditions = policy.conditions.map((one: unknown) =>
      Array.isArray(one) && one[0] === 'content-length-range' ? [one[0], 0, 10 * mebi] : one,
    );
    expect(JSON.stringify(conditions)).not.toBe(JSON.stringify(policy.conditions));
    return { Policy: Buffer.from(JSON.stringify({ ...policy, conditions })).toString('base64') };
  };
  const otherTicket = () => formOf(other).fields;
  const cases: [string, () => Promise<Response>, number, string][] = [
    ['a longer file', () => postForm(formOf(begun), oneByteLonger(begun.bytes)), 400, 'EntityTooLarge'],
    [
      'a file of ten times the size',
      () => postForm(formOf(begun), pseudoRandomBytes(10 * begun.bytes.length)),
      400,
      'EntityTooLarge',
    ],
    ['a shorter file', () => postForm(formOf(begun), begun.bytes.slice(1)), 400, 'EntityTooSmall'],
    [
      'the checksum of another file',
      () => postForm(formOf(begun), withFlippedBit(begun.bytes), sha256(begun.bytes)),
      400,
      'BadDigest',
    ],
    ['no checksum', () => postForm(formOf(begun), begun.bytes, null), 403, 'AccessDenied'],
    [
      'the key of another blob',
      () =>
        postForm(
          fields(() => ({ key: otherTicket().key ?? '' })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'the key of another org',
      () =>
        postForm(
          fields(({ key = '' }) => ({ key: `0${key.slice(1)}` })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'another lifetime',
      () =>
        postForm(
          fields(({ tagging = '' }) => ({ tagging: tagging.replace('unfinished', 'kept') })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'another content type',
      () =>
        postForm(
          fields(() => ({ 'Content-Type': 'text/html' })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'a field more',
      () =>
        postForm(
          fields(() => ({ 'x-amz-meta-a': 'b' })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'a condition that was widened',
      () => postForm(fields(wider), oneByteLonger(begun.bytes)),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'the signature of another ticket',
      () =>
        postForm(
          fields(() => ({ 'X-Amz-Signature': otherTicket()['X-Amz-Signature'] ?? '' })),
          begun.bytes,
        ),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'the ticket of another blob, policy and all, but its key',
      () =>
        postForm(
          fields(() => ({ ...otherTicket(), key: formOf(begun).fields.key ?? '' })),
          begun.bytes,
        ),
      403,
      'AccessDenied',
    ],
    [
      'no session',
      () =>
        postForm(
          fields(() => ({ 'X-Amz-Security-Token': '' })),
          begun.bytes,
        ),
      400,
      'InvalidToken',
    ],
  ];

  test.each(cases)(
    '%s: S3 refuses it, nothing is stored, and the ticket is good still',
    async (_, send, status, code) => {
      await expectS3Error(await send(), status, code);
      await expectNothing(begun);
      await expectNothing(other);
      await expectSucceedsBy(stack, content, begun, () => postForm(formOf(begun), begun.bytes));
    },
  );

  test('a ticket that is past its 30 minutes', async () => {
    advanceClock(29);
    expect((await postForm(formOf(other), other.bytes)).status).toBe(204);
    advanceClock(31 - 29);
    await expectS3Error(await postForm(formOf(begun), begun.bytes), 403, 'AccessDenied');
    vi.useRealTimers();
    await expectNothing(begun);
  });

  test('what is posted once more after the completion changes nothing, and S3 removes it', async () => {
    await expectSucceedsBy(stack, content, begun, () => postForm(formOf(begun), begun.bytes));
    expect(await objects.lifetime(begun.org, begun.id)).toBe('kept');
    expect((await postForm(formOf(begun), withFlippedBit(begun.bytes))).status).toBe(204);
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
    expect(await objects.lifetime(begun.org, begun.id)).toBe('kept');
    expect(await objects.lifetime(begun.org, begun.id, 'form')).toBe('unfinished');
  });
});

describe('a blob over the largest size', () => {
  test('is refused before there is a ticket', async () => {
    const before = await stack.allItems(stack.table('BlobRecordsTable'));
    for (const size of [limits.blobBytes + 1, Number.MAX_SAFE_INTEGER])
      await expectProblem(await stack.http('POST', '/v1/blobs', { key: key(), body: { size } }), 'blob_too_large');
    expect(await stack.allItems(stack.table('BlobRecordsTable'))).toHaveLength(before.length);
  });
});

describe('a completion', () => {
  test('before anything has arrived, or all, is refused; parts must be there without a gap', async () => {
    const begun = await beginUpload(stack, content);
    await expectProblem(await completeUpload(stack, begun, begun.completion), 'blob_not_uploaded');
    const inParts = await beginUpload(stack, pseudoRandomBytes(9 * mebi), { size: undefined });
    const { bytes } = inParts;
    const cut = 64 + limits.blobPartChunks * (mebi + 16);
    const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
    const hashes = pieces.map((piece) => Buffer.from(sha256(piece), 'base64'));
    const { verifiers } = inParts.completion;
    const done = (parts: Buffer[]) =>
      completeUpload(stack, inParts, { checksum: `${sha256(...parts)}-${parts.length}`, verifiers });
    await expectProblem(await done(hashes), 'blob_not_uploaded');
    const send = async (at: number) => {
      const part = { number: at + 1, size: pieces[at]?.length, checksum: hashes[at]?.toString('base64') };
      const path = `/v1/blobs/${inParts.id}/parts`;
      const [granted] = (await (await stack.http('POST', path, { key: key(), body: { parts: [part] } })).json()).parts;
      const sent = await fetch(granted.url, { method: 'PUT', headers: granted.headers, body: pieces[at] ?? null });
      expect(sent.status).toBe(200);
    };
    await send(1);
    await expectProblem(await done(hashes), 'blob_not_uploaded');
    await expectProblem(await done(hashes.slice(1)), 'blob_not_uploaded');
    await send(0);
    await expectProblem(await done(hashes.slice(0, 1)), 'upload_mismatch');
    await expectProblem(await done(hashes.toReversed()), 'upload_mismatch');
    expect(await objects.keys(inParts.org)).not.toContain(`${inParts.org}/${inParts.id}.enc`);
    expect((await done(hashes)).status).toBe(200);
    expect(equalBytes(await (await openBlob(inParts.linkWithKey)).bytes(), pseudoRandomBytes(9 * mebi))).toBe(true);
  });

  test('with another checksum or size than arrived is refused, and leaves the upload as it was', async () => {
    const begun = await beginUpload(stack, content);
    await postForm(formOf(begun), begun.bytes);
    const { verifiers } = begun.completion;
    await expectProblem(
      await completeUpload(stack, begun, { checksum: sha256(content), verifiers }),
      'upload_mismatch',
    );
    expect(await stack.client.blobs.info(begun.id)).toMatchObject({ state: 'uploading' });
    expect(await objects.lifetime(begun.org, begun.id, 'form')).toBe('unfinished');
    expect((await completeUpload(stack, begun, begun.completion)).status).toBe(200);
  });

  test('sent again gives the same answer; with other contents it is refused and changes nothing', async () => {
    const begun = await beginUpload(stack, content);
    await postForm(formOf(begun), begun.bytes);
    const { checksum, verifiers } = begun.completion;
    const first = await (await completeUpload(stack, begun, begun.completion)).json();
    expect(await (await completeUpload(stack, begun, begun.completion)).json()).toEqual(first);
    const odd = sha256(content);
    for (const body of [
      { checksum: odd, verifiers },
      { checksum, verifiers: { ...verifiers, open: odd } },
      { checksum, verifiers: { ...verifiers, burn: odd } },
    ])
      await expectProblem(await completeUpload(stack, begun, body), 'blob_completed');
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
    const parts = { parts: [{ number: 1, size: 5, checksum: odd }] };
    await expectProblem(
      await stack.http('POST', `/v1/blobs/${begun.id}/parts`, { key: key(), body: parts }),
      'blob_completed',
    );
  });

  test('after a deletion is refused, also when the form is posted then: nothing opens, and S3 removes it', async () => {
    const begun = await beginUpload(stack, content);
    await postForm(formOf(begun), begun.bytes);
    expect(await stack.client.blobs.delete(begun.id)).toBe(true);
    await expectProblem(await completeUpload(stack, begun, begun.completion), 'blob_deleted');
    expect((await postForm(formOf(begun), begun.bytes)).status).toBe(204);
    await expectProblem(await completeUpload(stack, begun, begun.completion), 'blob_deleted');
    await expect(openBlob(begun.linkWithKey)).rejects.toMatchObject({ code: 'blob_deleted' });
    expect(await objects.lifetime(begun.org, begun.id, 'form')).toBe('unfinished');
    expect(await stack.client.blobs.delete(begun.id)).toBe(false);
    for (const key of await objects.keys(begun.org)) expect(key).not.toContain(begun.id);
  });

  test('by form is of one file: another one that is posted with the same ticket later reaches no reader', async () => {
    const begun = await beginUpload(stack, content, { maxOpens: 3 });
    await postForm(formOf(begun), begun.bytes);
    expect((await completeUpload(stack, begun, begun.completion)).status).toBe(200);
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
    // A second valid blob for the same link and of the same size, made by the uploader, who has the key.
    const link = parseLinkUrl(begun.linkWithKey) ?? expect.fail('no link');
    const sealer = await BlobSealer.create(link.key, link, { type: '', name: '', size: content.length });
    const other = await collectGroups(sealer.seal([pseudoRandomBytes(content.length).reverse()]));
    expect(other.length).toBe(begun.bytes.length);
    expect((await postForm(formOf(begun), other)).status).toBe(204);
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
    expect(await objects.lifetime(begun.org, begun.id)).toBe('kept');
    const { verifiers } = begun.completion;
    await expectProblem(await completeUpload(stack, begun, { checksum: sha256(other), verifiers }), 'blob_completed');
    expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
  });

  test('whose time somebody extended in the record is refused', async () => {
    const begun = await beginUpload(stack, content);
    await postForm(formOf(begun), begun.bytes);
    const table = stack.table('BlobRecordsTable');
    const record = await stack.getItem(table, { org: begun.org, id: begun.id });
    await stack.putItem(table, { ...record, uploadUntil: { S: new Date(Date.now() + 1e10).toISOString() } });
    await expectProblem(await completeUpload(stack, begun, begun.completion), 'decryption_failed');
    await expect(openBlob(begun.linkWithKey)).rejects.toMatchObject({ code: 'decryption_failed' });
  });
});
