/**
 * Blobs of a shredded org, with the synthesized policies enforced on every call: links are refused immediately, and no
 * data remains.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ShredResponse } from '../../contract/shredding/wire.ts';
import { shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { verifyJws } from '../../core/signing/jws.ts';
import { openBlob, type PutBlobResult } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { shredNow } from '../shredding/shred-org.ts';
import {
  type BegunUpload,
  type BucketView,
  beginUpload,
  bucketView,
  completeUpload,
  equalBytes,
  expectS3Error,
  formOf,
  linkProof,
  postForm,
} from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1, timeScale: 1 / 86_400 });
const content = pseudoRandomBytes(1000);

async function* stream(): AsyncGenerator<Uint8Array> {
  yield content;
}

type Org = Awaited<ReturnType<typeof stack.newOrg>>;

/** Creates a blob in every state that is possible when an org is shredded. */
async function filled({ agentKey: key }: Org) {
  const { blobs } = stack.clientOf(key);
  const ready = await blobs.put(content);
  const inParts = await blobs.put(stream(), { expiresIn: '1d' });
  const unread = await blobs.put(content, { burn: true });
  const spent = await blobs.put(content, { maxOpens: 1 });
  await (await openBlob(spent.url)).bytes();
  const posted = await beginUpload(stack, content, {}, key);
  expect((await postForm(formOf(posted), posted.bytes)).status).toBe(204);
  const begun = await beginUpload(stack, content, {}, key);
  const unfinished = await beginUpload(stack, content, { size: undefined }, key);
  const part = { number: 1, size: 4, checksum: 'iNQmb9TmM40TuEX88omaN0FYjuTdGuvdoORT9N8Dqp4=' };
  const granted = await stack.http('POST', `/v1/blobs/${unfinished.id}/parts`, { key, body: { parts: [part] } });
  const [address] = (await granted.json()).parts;
  return { ready, inParts, unread, spent, posted, begun, unfinished, address };
}

describe('an org that is shredded', () => {
  let org: Org;
  let other: Org;
  let left: Awaited<ReturnType<typeof filled>>;
  let others: PutBlobResult;
  let othersUpload: BegunUpload;
  let download: string;
  let authorizer: PolicyAuthorizer;
  let objects: BucketView;
  let answer: ShredResponse;

  const recordsOf = async (of: string) =>
    (await stack.allItems(stack.table('BlobRecordsTable'))).filter((item) => item.org?.S === of);

  beforeAll(async () => {
    authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    objects = bucketView(stack.vault);
    [org, other] = [await stack.newOrg(), await stack.newOrg()];
    left = await filled(org);
    others = await stack.clientOf(other.agentKey).blobs.put(content);
    othersUpload = await beginUpload(stack, content, { size: undefined }, other.agentKey);
    const opening = { body: { proof: await linkProof(left.ready.url, 'open') } };
    const opened = await stack.http('POST', `/v1/links/${left.ready.link}/opening`, opening);
    download = (await opened.json()).url;
    expect((await fetch(download)).status).toBe(200);
    expect(await objects.keys(org.org)).toHaveLength(5);
    expect(await objects.uploads(org.org)).toHaveLength(1);
    answer = await shredNow(stack, org);
  });

  test('has no object and no unfinished upload left once that is answered, and its receipt says so', async () => {
    expect(await objects.keys(org.org)).toEqual([]);
    expect(await objects.uploads(org.org)).toEqual([]);
    const { keys } = await (await stack.http('GET', '/.well-known/jwks.json')).json();
    expect(answer).toMatchObject({ state: 'shredded' });
    expect(verifyJws(answer.receipts.at(-1) ?? '', keys, shredReceiptJwsType)).toMatchObject({
      org: org.org,
      blobs: { objects: 0, complete: true },
    });
  });

  test('refuses every link at once: neither looked at, nor opened, nor burned', async () => {
    for (const { url, link } of [left.ready, left.inParts, left.unread, left.spent]) {
      await expectProblem(await stack.http('GET', `/v1/links/${link}`), 'org_shredded');
      for (const [path, verb] of [
        ['opening', 'open'],
        ['burning', 'burn'],
      ] as const) {
        const body = { proof: await linkProof(url, verb) };
        await expectProblem(await stack.http('POST', `/v1/links/${link}/${path}`, { body }), 'org_shredded');
      }
      await expect(openBlob(url)).rejects.toMatchObject({ code: 'org_shredded' });
    }
  });

  test('has no download at addresses that were handed out before, and what is still sent there comes to nothing', async () => {
    // 403 instead of 404, because the signer has no list permission and S3 therefore does not report missing objects.
    await expectS3Error(await fetch(download), 403, 'AccessDenied');
    const { url, headers } = left.address;
    expect((await fetch(url, { method: 'PUT', headers, body: 'abcd' })).status).toBe(404);
    const { adminKey: key } = org;
    for (const begun of [left.posted, left.begun])
      await expectProblem(await completeUpload(stack, begun, begun.completion, key), 'org_shredded');
    await expectProblem(await stack.http('POST', '/v1/blobs', { key, body: { size: 2000 } }), 'org_shredded');
    for (const path of ['/v1/blobs', `/v1/blobs/${left.ready.id}`])
      await expectProblem(await stack.http('GET', path, { key }), 'org_shredded');
    await expectProblem(await stack.http('DELETE', `/v1/blobs/${left.ready.id}`, { key }), 'org_shredded');
  });

  test('has no record left in the end, and a last receipt that says so', async () => {
    await expect.poll(() => recordsOf(org.org), { timeout: 20_000 }).toEqual([]);
    const receipt = async () => {
      const shred = await stack.http('GET', '/v1/org/shred', { key: org.adminKey });
      const { receipts }: ShredResponse = await shred.json();
      const { keys } = await (await stack.http('GET', '/.well-known/jwks.json')).json();
      return verifyJws(receipts.at(-1) ?? '', keys, shredReceiptJwsType);
    };
    const settled = { final: true, blobs: { objects: 0, uploads: 0, complete: true } };
    await expect.poll(receipt, { timeout: 20_000 }).toMatchObject(settled);
    expect(await objects.keys(org.org)).toEqual([]);
    expect(await objects.uploads(org.org)).toEqual([]);
  });

  test('leaves another org as it was, and nothing of this was denied by the policies', async () => {
    expect(equalBytes(await (await openBlob(others.url)).bytes(), content)).toBe(true);
    expect(await objects.uploads(other.org)).toHaveLength(1);
    expect(await recordsOf(other.org)).toHaveLength(2);
    expect(await stack.clientOf(other.agentKey).blobs.info(othersUpload.id)).toMatchObject({ state: 'uploading' });
    // This denial is expected: a former download URL must not reveal whether its object exists.
    expect(authorizer.denials).toEqual([expect.stringMatching(/^anima-links-session-\S+ s3:ListBucket /)]);
    for (const action of ['DeleteObject', 'ListBucket', 'AbortMultipartUpload'])
      expect(authorizer.allowed.get(`s3:${action}`), action).toBeGreaterThan(0);
  });
});

test('an org that waits for its shredding opens no link until that is cancelled, and keeps all', async () => {
  const org = await stack.newOrg();
  const { blobs } = stack.clientOf(org.agentKey);
  const { url } = await blobs.put(content);
  await shredNow(stack, org, 20);
  for (const open of [() => openBlob(url), () => blobs.look(url)])
    await expect(open()).rejects.toMatchObject({ code: 'org_locked' });
  expect((await stack.http('DELETE', '/v1/org/shred', { key: org.adminKey })).status).toBe(200);
  expect(equalBytes(await (await openBlob(url)).bytes(), content)).toBe(true);
});
