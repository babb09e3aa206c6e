import { describe, expect, test } from 'vitest';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
let names = 0;
const newPath = () => `/v1/vault/values/preconditions/${++names}`;

const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
  stack.http(method, path, { key: stack.vault.agentKey, headers, body });

async function put(path: string, value: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await send('PUT', path, headers, { value });
  expect(answer.status).toBe(200);
  return answer.headers.get('etag') ?? expect.fail('no entity tag');
}

const get = async (path: string) => {
  const answer = await send('GET', path, {});
  return { ...(await answer.json()), tag: answer.headers.get('etag') };
};

describe('a value', () => {
  test('is created only if it is absent, with If-None-Match: *', async () => {
    const path = newPath();
    await put(path, 'first', { 'if-none-match': '*' });
    const answer = await send('PUT', path, { 'if-none-match': '*' }, { value: 'second' });
    expect(await expectProblem(answer, 'precondition_failed')).toMatchObject({ currentVersion: 1 });
    expect(await get(path)).toMatchObject({ value: 'first', version: 1 });
  });

  test('is replaced only if it is unchanged, with If-Match and the entity tag of a get or set', async () => {
    const path = newPath();
    const first = await put(path, 'first');
    expect(first).toMatch(/^"[^"]+"$/);
    expect((await get(path)).tag).toBe(first);
    const second = await put(path, 'second', { 'if-match': first });
    expect(second).not.toBe(first);
    for (const header of [first, `W/${second}`, '"x"', `${first}, "a,b"`]) {
      const answer = await send('PUT', path, { 'if-match': header }, { value: 'lost' });
      expect(await expectProblem(answer, 'precondition_failed')).toMatchObject({ currentVersion: 2 });
    }
    await put(path, 'third', { 'if-match': `"x" , ${second}` });
    await put(path, 'fourth', { 'if-match': '*' });
    expect(await get(path)).toMatchObject({ value: 'fourth', version: 4 });
  });

  test('of an earlier life has another entity tag, although its version is the same', async () => {
    const path = newPath();
    const before = await put(path, 'same');
    await send('DELETE', path, {});
    await expectProblem(await send('PUT', path, { 'if-match': '*' }, { value: 'x' }), 'precondition_failed');
    expect(await put(path, 'same', { 'if-none-match': '*' })).not.toBe(before);
    await expectProblem(await send('PUT', path, { 'if-match': before }, { value: 'x' }), 'precondition_failed');
    expect(await get(path)).toMatchObject({ value: 'same', version: 1 });
  });

  test('is not replaced if it has one of the entity tags in If-None-Match, compared weakly', async () => {
    const path = newPath();
    const tag = await put(path, 'first');
    for (const header of [tag, `W/${tag}`, `"x", ${tag}`])
      await expectProblem(await send('PUT', path, { 'if-none-match': header }, { value: 'x' }), 'precondition_failed');
    await put(path, 'second', { 'if-none-match': '"x"' });
  });

  test('has one creator among ten concurrent writers with If-None-Match: *', async () => {
    const path = newPath();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => send('PUT', path, { 'if-none-match': '*' }, { value: `${n}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
    expect(await get(path)).toMatchObject({ version: 1 });
  });

  test('is stored once by a repeated write with the same write ID, which gets the same entity tag', async () => {
    const path = newPath();
    const body = { value: 'x', writeId: 'write-id-0000001' };
    const tags: (string | null)[] = [];
    for (let n = 0; n < 2; n++) {
      const answer = await send('PUT', path, { 'if-none-match': '*' }, body);
      expect(answer.status).toBe(200);
      tags.push(answer.headers.get('etag'));
    }
    expect(tags[0]).toBe(tags[1]);
  });

  test('has the entity tag of the version that was read', async () => {
    const path = newPath();
    const first = await put(path, 'first');
    await put(path, 'second');
    expect((await send('GET', `${path}?version=1`, {})).headers.get('etag')).toBe(first);
  });
});

test.each(['abc', '"a', 'W/*', '', '"a" "b"', '*, "a"'])(
  'the precondition %j is refused as malformed',
  async (text) => {
    const path = newPath();
    for (const header of ['if-match', 'if-none-match'])
      await expectProblem(await send('PUT', path, { [header]: text }, { value: 'x' }), 'invalid_request');
    await expectProblem(await send('GET', path, {}), 'value_not_found');
  },
);

test('a precondition and ifVersion in one request are refused, because they could contradict each other', async () => {
  const answer = await send('PUT', newPath(), { 'if-none-match': '*' }, { value: 'x', ifVersion: 0 });
  await expectProblem(answer, 'invalid_request');
});

describe('a precondition on a route that cannot evaluate it', () => {
  test('is refused for a deletion, a batch and a new key, and nothing changes', async () => {
    const path = newPath();
    const tag = await put(path, 'kept');
    for (const header of ['if-match', 'if-none-match']) {
      for (const text of ['*', tag]) {
        const headers = { [header]: text };
        await expectProblem(await send('DELETE', path, headers), 'precondition_failed');
        const items = [{ name: path.slice('/v1/vault/values/'.length), value: 'x' }];
        await expectProblem(await send('POST', '/v1/vault/batch-set', headers, { items }), 'precondition_failed');
      }
    }
    expect(await get(path)).toMatchObject({ value: 'kept', version: 1 });
  });

  test('is ignored for reads, and without a valid key the answer is about the key', async () => {
    const path = newPath();
    const tag = await put(path, 'x');
    expect((await send('GET', path, { 'if-none-match': tag })).status).toBe(200);
    const answer = await stack.http('DELETE', path, { headers: { 'if-match': '*' } });
    await expectProblem(answer, 'missing_api_key');
  });
});
