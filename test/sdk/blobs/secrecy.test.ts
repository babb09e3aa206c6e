import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../../../contract/shared/limits.ts';
import { type BlobUploadState, openBlob } from '../../../sdk/src/index.ts';
import { apiKey } from '../fake-fetch.ts';
import { FakeBlobService, pseudoRandomBytes } from './fake-blob-service.ts';

let fake: FakeBlobService;
beforeEach(async () => {
  fake = await FakeBlobService.start();
});
afterEach(() => fake.stop());

const large = pseudoRandomBytes(limits.blobPartChunks * 2 ** 20 + 9);

/** A key in every encoding that could be transmitted. */
function spellings(url: string): string[] {
  const key = Buffer.from(url.replace(/.*#/, ''), 'base64url');
  return [key.toString('base64url'), key.toString('base64'), key.toString('hex'), key.toString('latin1')];
}

/** Every text that results from printing, logging or copying an object. */
function texts(thing: unknown): string {
  const deep = { depth: 20, showHidden: true, getters: true };
  const all = [inspect(thing, deep), String(thing), JSON.stringify(thing)];
  if (thing instanceof Error) all.push(String(thing.stack), inspect(thing.cause, deep));
  return all.join('\n');
}

test('no request to vault or store holds the key of a link, and none to the store or a link the API key', async () => {
  const { blobs } = fake.client();
  const urls: string[] = [];
  for (const content of [pseudoRandomBytes(10), large]) {
    const { id, url } = await blobs.put(content, { burn: true, name: 'n', type: 't/t' });
    await (await blobs.get(url)).bytes();
    urls.push(url);
    await blobs.relink(id, url);
  }
  let saved: BlobUploadState | undefined;
  fake.interfere = ({ method }) => (method === 'PUT' ? 'reset' : undefined);
  await fake
    .client({ maxRetries: 0 })
    .blobs.put(large, { onState: (state) => (saved = state) })
    .catch(() => undefined);
  fake.interfere = () => undefined;
  const { url } = await blobs.put(large, { resume: saved });
  await blobs.look(url);
  await blobs.range(url, 0, 100);
  await (await openBlob(url)).text();
  urls.push(url);

  expect(fake.requests.length).toBeGreaterThan(20);
  for (const { method, path, headers, body } of fake.requests) {
    const all = `${method} ${path}\n${JSON.stringify(headers)}\n${body.toString('latin1')}`;
    for (const secret of urls.flatMap(spellings)) expect(all.includes(secret)).toBe(false);
    expect(path).not.toContain('#');
    if (path.startsWith('/s3/') || path.startsWith('/v1/links/')) expect(all.includes(apiKey)).toBe(false);
    else expect(headers.authorization).toBe(`Bearer ${apiKey}`);
    expect(headers.referer).toBeUndefined();
  }
});

test('no error holds the key, the state, or an address that the vault signed; nor does an opened blob show its key', async () => {
  const { blobs } = fake.client({ maxRetries: 0, timeout: 2_000 });
  const { id, url } = await blobs.put(pseudoRandomBytes(3 * 2 ** 20), { burn: true });
  let state: BlobUploadState | undefined;
  const errors: unknown[] = [];
  const note = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => errors.push(error),
    );
  const put = (options = {}) => note(blobs.put(large, { ...options, onState: (made) => (state = made) }));

  for (const how of ['reset', { status: 500, body: url }, { status: 403, body: `<Code>${url}</Code>` }] as const) {
    for (const where of ['/s3/', '/parts', '/completion', '/opening', '/v1/blobs']) {
      fake.interfere = ({ path }) => (path.includes(where) ? how : undefined);
      await put();
      await put({ resume: state });
      await note(blobs.get(url, { burn: false }));
      await note(blobs.range(url, 0, 1));
      await note(blobs.relink(id, url));
    }
  }
  fake.interfere = () => undefined;
  const resume = { ...state, url: `${state?.url}x` };
  await note(blobs.put(large, { resume: resume as BlobUploadState }));
  await note(blobs.put(pseudoRandomBytes(large.length, 4), { resume: state }));
  await note(blobs.get(`${url}x`));
  await note(openBlob(url.replace('http://127.0.0.1', 'http://far.test')));
  await note(blobs.relink(`${id}`.replace(/.$/, 'x'), url));
  expect(errors.length).toBeGreaterThan(40);

  const secrets = [...spellings(url), ...spellings(state?.url ?? ''), state?.header ?? '', '?sig=', 's3/'];
  for (const error of errors) {
    expect(error).toHaveProperty('code');
    for (const secret of secrets) expect(texts(error).includes(secret)).toBe(false);
  }
  const { url: again } = await blobs.put(pseudoRandomBytes(100));
  const opened = await blobs.get(again);
  for (const thing of [opened, blobs, fake.client()])
    for (const secret of spellings(again)) expect(texts(thing).includes(secret)).toBe(false);
  expect(JSON.stringify(opened)).toBe('{"type":"","name":"","size":100}');
});
