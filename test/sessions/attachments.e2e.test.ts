/** Attachments over HTTP: presigned uploads that happen once, downloads, limits, and the end of them. */
import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { CreateAttachmentResponse, GetAttachmentResponse } from '../../contract/sessions/wire.ts';
import { accepted, ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { okJson, type Sender, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let served: ServedDirectory;
let phone: TestDevice;
let bobs: TestDevice;

beforeAll(async () => {
  served = await ServedDirectory.begin(stack);
  phone = served.first;
  bobs = served.simulator.admit(bob, 'owner');
  await served.push();
});

const table = () => stack.table('SessionCustodyMailboxesTable');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64');
const newName = () => randomBytes(16).toString('hex');
const announce = (device: Sender, name: string, bytes: number, hash: string, of = served) =>
  of.send(device, 'POST', '/attachments', { name, bytes, sha256: hash });
const upload = ({ url, headers }: CreateAttachmentResponse, body: Uint8Array<ArrayBuffer>, more = {}) =>
  fetch(url, { method: 'PUT', headers: { ...headers, ...more }, body });
const look = (device: Sender, name: string, of = served) => of.send(device, 'GET', `/attachments/${name}`);

async function uploaded(content = new Uint8Array(randomBytes(5_000)), of = served) {
  const name = newName();
  const answer = await okJson<CreateAttachmentResponse>(announce(of.first, name, content.length, sha256(content), of));
  expect((await upload(answer, content)).status).toBe(200);
  return { name, content, answer };
}

describe('an attachment', () => {
  test('is uploaded by one device and downloaded by another one of the org that knows its name', async () => {
    const { name, content, answer } = await uploaded();
    expect(new URL(answer.url).pathname.endsWith(`/${served.org}/session/${name}`)).toBe(true);
    const { url, expiresAt } = await okJson<GetAttachmentResponse>(look(bobs, name));
    const minutes = (Date.parse(expiresAt) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(29);
    expect(minutes).toBeLessThanOrEqual(30);
    const got = await fetch(url);
    expect(got.status).toBe(200);
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(content);
    expect(got.headers.get('content-type')).toBe('application/octet-stream');
  });

  test('is stored once: another upload of the name gets 412, whoever announced it', async () => {
    const { name, content, answer } = await uploaded();
    expect((await upload(answer, content)).status).toBe(412);
    const other = new Uint8Array(randomBytes(content.length));
    const again = await okJson<CreateAttachmentResponse>(announce(bobs, name, other.length, sha256(other)));
    expect((await upload(again, other)).status).toBe(412);
    const { url } = await okJson<GetAttachmentResponse>(look(bobs, name));
    expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(content);
  });

  test('is not stored with another length, another content, or without a header of the answer', async () => {
    const content = new Uint8Array(randomBytes(1_000));
    const name = newName();
    const answer = await okJson<CreateAttachmentResponse>(announce(phone, name, content.length, sha256(content)));
    const other = new Uint8Array(randomBytes(content.length));
    expect((await upload(answer, other)).status).toBe(400);
    expect((await upload(answer, content.subarray(1))).status).toBe(403);
    expect((await upload(answer, new Uint8Array([...content, 0]))).status).toBe(403);
    expect((await upload(answer, content, { 'if-none-match': 'x' })).status).toBe(403);
    expect((await upload(answer, content, { 'x-amz-tagging': 'lifetime=kept' })).status).toBe(403);
    expect((await upload({ ...answer, headers: {} }, content)).status).toBe(403);
    await expectProblem(await look(phone, name), 'attachment_not_found');
    expect((await upload(answer, content)).status).toBe(200);
  });

  test('is at no other place, and cannot be deleted or listed with its URLs', async () => {
    const { answer, name } = await uploaded();
    const { url } = await okJson<GetAttachmentResponse>(look(bobs, name));
    for (const one of [answer.url, url]) {
      expect((await fetch(one, { method: 'DELETE' })).status).toBe(403);
      expect((await fetch(one.replace(name, newName()))).status).toBe(403);
    }
  });

  test('is removed after 31 days, and not before', async () => {
    const { name } = await uploaded();
    const day = 86_400_000;
    stack.vault.applyBucketLifecycles(new Date(Date.now() + 30 * day));
    await okJson(look(bobs, name));
    stack.vault.applyBucketLifecycles(new Date(Date.now() + 33 * day));
    await expectProblem(await look(bobs, name), 'attachment_not_found');
  });
});

describe('the service refuses', () => {
  test('names that are unknown, of another form, or of another org', async () => {
    const other = await ServedDirectory.begin(stack);
    const { name } = await uploaded(undefined, other);
    await okJson(look(other.first, name, other));
    await expectProblem(await look(phone, name), 'attachment_not_found');
    for (const bad of [newName(), 'x', name.toUpperCase(), `${name}.enc`, 'a'.repeat(900)])
      await expectProblem(await look(phone, bad), 'attachment_not_found');
  });

  test.each([
    ['a name of another form', { name: '../x' }],
    ['a name in upper case', { name: 'A'.repeat(32) }],
    ['no bytes', { bytes: 0 }],
    ['too many bytes', { bytes: sessionLimits.attachmentBytes + 1 }],
    ['a hash of another length', { sha256: 'AAAA' }],
    ['another field', { type: 'text/plain' }],
  ])('%s', async (_, change) => {
    const body = { name: newName(), bytes: 10, sha256: sha256(new Uint8Array(10)), ...change };
    await expectProblem(await served.send(phone, 'POST', '/attachments', body), 'invalid_request');
  });

  test('more than 4 GiB in a day of one device, until the next day, and not of another device', async () => {
    const hash = sha256(new Uint8Array(1));
    await okJson(announce(phone, newName(), sessionLimits.attachmentBytes, hash));
    const [usage] = (await stack.allItems(table())).filter(({ id }) => id?.S?.startsWith(`u/${phone.id}/`));
    const used = String(sessionLimits.attachmentBytesPerDay - 9);
    await stack.putItem(table(), { ...usage, bytes: { N: used } });
    await expectProblem(await announce(phone, newName(), 10, hash), 'too_many_attachments');
    await okJson(announce(phone, newName(), 9, hash));
    await expectProblem(await announce(phone, newName(), 1, hash), 'too_many_attachments');
    await okJson(announce(bobs, newName(), 10, hash));
    await stack.deleteItem(table(), { org: served.org, id: usage?.id?.S ?? '' });
  });

  test('a device that was revoked', async () => {
    const device = served.simulator.add(phone, ann, 'owner');
    await served.push();
    accepted(served.simulator.setStatus('revoke', device.id));
    await served.push();
    const { name } = await uploaded();
    await expectProblem(await look(device, name), 'device_refused');
    await expectProblem(await announce(device, newName(), 1, sha256(new Uint8Array(1))), 'device_refused');
  });
});

test('shredding the org removes its attachments, and the receipt counts what is left', async () => {
  const other = await ServedDirectory.begin(stack);
  const { name } = await uploaded(undefined, other);
  const { url } = await okJson<GetAttachmentResponse>(look(other.first, name, other));
  const body = { confirm: other.org };
  const answer = await okJson<{ receipts: string[] }>(
    stack.http('POST', '/v1/org/shred', { key: other.adminKey, body }),
  );
  const payload = JSON.parse(Buffer.from(answer.receipts.at(-1)?.split('.')[1] ?? '', 'base64url').toString());
  expect(payload.blobs).toMatchObject({ objects: 0 });
  expect((await fetch(url)).status).not.toBe(200);
});
