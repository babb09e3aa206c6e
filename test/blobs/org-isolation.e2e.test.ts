/** A function with a bug requests objects of another org from S3. The policy of its session denies it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBlob, type PutBlobResult } from '../../sdk/src/index.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { assemblyWith } from '../shared/assembly-with-handler.ts';
import { expectProblem, type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import {
  beginUpload,
  bucketView,
  completeUpload,
  equalBytes,
  expectS3Error,
  formOf,
  postForm,
  sha256,
} from './blob-requests.ts';

const content = pseudoRandomBytes(100);
let assembly: ReturnType<typeof assemblyWith>;
let stack: LocalStack;
let victim: Awaited<ReturnType<LocalStack['newOrg']>>;
let caller: typeof victim;
let victims: PutBlobResult;

beforeAll(async () => {
  assembly = assemblyWith('blobs', new URL('./faulty-blobs-handler.ts', import.meta.url));
  stack = await startLocalStack({ assembly: assembly.folder, functionConcurrency: 1 });
  [victim, caller] = [await stack.newOrg(), await stack.newOrg()];
  // The function uses the object of the first request for all later requests.
  victims = await stack.clientOf(victim.agentKey).blobs.put(content);
});
afterAll(async () => {
  await stack.vault.close();
  assembly.remove();
});

test('where it is enforced, the session of one org neither changes, sees, deletes nor uploads an object of another', async () => {
  const authorizer: PolicyAuthorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
  const key = caller.agentKey;
  const objects = bucketView(stack.vault);
  const byForm = await beginUpload(stack, content, {}, key);
  expect((await postForm(formOf(byForm), byForm.bytes)).status).toBe(204);
  await expectProblem(await completeUpload(stack, byForm, byForm.completion, key), 'blob_not_uploaded');
  expect((await stack.http('DELETE', `/v1/blobs/${byForm.id}`, { key })).status).toBe(500);

  const inParts = await beginUpload(stack, content, { size: undefined }, key);
  const part = { number: 1, size: 5, checksum: sha256(Buffer.from('hello')) };
  const path = `/v1/blobs/${inParts.id}/parts`;
  const [granted] = (await (await stack.http('POST', path, { key, body: { parts: [part] } })).json()).parts;
  expect(granted.url).toContain(`/${victim.org}/${victims.id}.enc?`);
  await expectS3Error(
    await fetch(granted.url, { method: 'PUT', headers: granted.headers, body: 'hello' }),
    403,
    'AccessDenied',
  );
  expect((await stack.http('GET', path, { key })).status).toBe(500);
  expect((await stack.http('DELETE', `/v1/blobs/${inParts.id}`, { key })).status).toBe(500);

  const denied = authorizer.denials.map((denial) => {
    expect(denial).toMatch(new RegExp(`anima-blobs-session-\\S+ s3:\\S+ arn:aws:s3:::\\S+/${victim.org}/\\S+$`));
    return /s3:\w+/.exec(denial)?.[0];
  });
  expect(new Set(denied)).toEqual(
    new Set([
      's3:GetObject',
      's3:DeleteObject',
      's3:PutObject',
      's3:ListMultipartUploadParts',
      's3:AbortMultipartUpload',
    ]),
  );
  expect(await objects.lifetime(victim.org, victims.id)).toBe('kept');
  expect(equalBytes(await (await openBlob(victims.url)).bytes(), content)).toBe(true);
});

test('where it is not, the bug deletes what belongs to another: it was the policy that stopped it', async () => {
  stack.vault.setHooks();
  const { id } = await beginUpload(stack, content, {}, caller.agentKey);
  expect(await stack.clientOf(caller.agentKey).blobs.delete(id)).toBe(true);
  expect(await bucketView(stack.vault).keys(victim.org)).toEqual([]);
});
