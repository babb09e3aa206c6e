import { afterEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../../contract/shared/limits.ts';
import { splitIntoRequests } from '../../../sdk/src/http/batch-runner.ts';
import { NotFoundError } from '../../../sdk/src/index.ts';
import { clientOf, fakeFetch, info, json, problem, rejectionOf, type SentRequest } from '../fake-fetch.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n/${i}`);
const asked = (seen: SentRequest): string[] => (seen.body as { names: string[] }).names;
const sent = (seen: SentRequest) => (seen.body as { items: { name: string; value: string; writeId: string }[] }).items;

const found = (name: string) => ({ name, ok: true, value: { ...info(name), value: `value of ${name}` } });
const failed = (name: string, code: string) => ({ name, ok: false, error: { code, title: 'x', detail: 'y' } });
const results = (items: object[]) => json({ results: items });
const findAll = (seen: SentRequest) => results(asked(seen).map(found));
const storeAll = (seen: SentRequest) => results(sent(seen).map(({ name }) => ({ name, ok: true, value: info(name) })));

describe('getMany', () => {
  test('250 names are three requests of at most 98, with a result for each name in the order asked', async () => {
    const { fetch, seen } = fakeFetch(findAll);
    const result = await clientOf(fetch).vault.getMany(names(250));
    expect(seen.map((request) => asked(request).length)).toEqual([98, 98, 54]);
    expect([...result].map(({ name }) => name)).toEqual(names(250));
    expect(result.size).toBe(250);
    expect(result.get('n/249').value).toBe('value of n/249');
  });

  test('a name given twice is asked for once; no names are no request', async () => {
    const { fetch, seen } = fakeFetch(findAll);
    const { vault } = clientOf(fetch);
    expect((await vault.getMany(new Set(['a', 'b']))).size).toBe(2);
    expect([...(await vault.getMany(['a', 'b', 'a']))].map(({ name }) => name)).toEqual(['a', 'b']);
    expect((await vault.getMany([])).size).toBe(0);
    expect(seen.map(asked)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('a missing value is a failed item: told apart, thrown by get and orThrow, never left out', async () => {
    const { fetch } = fakeFetch(results([found('a'), failed('b', 'value_not_found')]));
    const result = await clientOf(fetch).vault.getMany(['a', 'b']);
    const [first, second] = result;
    expect(first).toMatchObject({ ok: true, name: 'a', value: 'value of a', version: 1 });
    expect(second).toMatchObject({ ok: false, name: 'b', error: { code: 'value_not_found', detail: 'y' } });
    expect(result.failed.map(({ name }) => name)).toEqual(['b']);
    expect(() => result.get('b')).toThrow(NotFoundError);
    expect(() => result.orThrow()).toThrow(NotFoundError);
    expect(() => result.get('c')).toThrow('was not part of the batch');
  });

  test('items the reply had no room for are asked for again at once, however often that takes', async () => {
    const { fetch, seen } = fakeFetch((request) =>
      results(asked(request).map((name, i) => (i < 2 ? found(name) : failed(name, 'reply_full')))),
    );
    const result = await clientOf(fetch, { maxRetries: 0 }).vault.getMany(names(9));
    expect(result.orThrow()).toHaveLength(9);
    expect(seen.map((request) => asked(request).length)).toEqual([9, 7, 5, 3, 1]);
  });

  test('retryable items are asked for again after a wait, and keep their error when retries are used up', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { fetch, seen } = fakeFetch((request) =>
      results(asked(request).map((name) => (name === 'a' ? found(name) : failed(name, 'unavailable')))),
    );
    const result = await clientOf(fetch, { maxRetries: 2 }).vault.getMany(['a', 'b']);
    expect(seen.map(asked)).toEqual([['a', 'b'], ['b'], ['b']]);
    expect(result.failed).toMatchObject([{ name: 'b', error: { code: 'unavailable', retryable: true } }]);
  });

  test('a reply full without any item does not go on for ever', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { fetch, seen } = fakeFetch((request) => results(asked(request).map((name) => failed(name, 'reply_full'))));
    const result = await clientOf(fetch).vault.getMany(['a']);
    expect(result.failed).toHaveLength(1);
    expect(seen).toHaveLength(4);
  });

  test('an item that the reply left out is an error of that item', async () => {
    const { fetch } = fakeFetch(results([found('a')]));
    const result = await clientOf(fetch).vault.getMany(['a', 'b']);
    expect(result.failed).toMatchObject([{ name: 'b', error: { code: 'unexpected_response' } }]);
  });

  test('a value under another name is not taken', async () => {
    const { fetch } = fakeFetch(results([{ ...found('b'), name: 'a' }]));
    expect(await rejectionOf(clientOf(fetch).vault.getMany(['a']))).toMatchObject({ code: 'unexpected_response' });
  });
});

describe('setMany', () => {
  test('takes entries with options or an object of values, and gives each entry a write id of its own', async () => {
    const { fetch, seen } = fakeFetch(storeAll);
    const { vault } = clientOf(fetch);
    const stored = await vault.setMany([
      { name: 'a', value: '1', metadata: { k: 'v' } },
      { name: 'b', value: '2' },
    ]);
    expect(stored.orThrow()).toEqual([info('a'), info('b')]);
    await vault.setMany({ C: '3', __proto__x: '4' });
    const items = seen.flatMap(sent);
    expect(items.map(({ name, value }) => [name, value])).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['C', '3'],
      ['__proto__x', '4'],
    ]);
    expect(new Set(items.map(({ writeId }) => writeId)).size).toBe(4);
  });

  test('requests are cut by bytes as Lambda counts them, where quotes are escaped twice', () => {
    const items = names(98).map((name) => ({ name, value: '"'.repeat(65_536) }));
    const chunks = [...splitIntoRequests(items)];
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.flat()).toEqual(items);
    for (const chunk of chunks) {
      const event = JSON.stringify({ body: JSON.stringify({ items: chunk }) });
      expect(Buffer.byteLength(event)).toBeLessThan(limits.requestBytes + 2_000);
    }
  });

  test('one entry of the worst characters fits a request', () => {
    expect([...splitIntoRequests([{ name: 'a', value: '\u0001'.repeat(65_536) }])]).toHaveLength(1);
  });

  test('an entry tried again carries the write id it had', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const busy = (request: SentRequest) => results(sent(request).map(({ name }) => failed(name, 'write_contention')));
    const { fetch, seen } = fakeFetch(busy, problem('unavailable'), storeAll);
    const result = await clientOf(fetch).vault.setMany({ a: '1' });
    expect(result.failed).toEqual([]);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.flatMap(sent).map(({ writeId }) => writeId)).size).toBe(1);
  });

  test('a conflict of one entry tells the version that is there', async () => {
    const error = { code: 'version_conflict', title: 'x', currentVersion: 7 };
    const { fetch } = fakeFetch(results([{ name: 'a', ok: false, error }]));
    const result = await clientOf(fetch).vault.setMany([{ name: 'a', value: '1', ifVersion: 1 }]);
    expect(result.failed[0]?.error).toMatchObject({ name: 'ConflictError', currentVersion: 7 });
  });

  test('when a later request fails for good, what was stored is told and the rest carries the error', async () => {
    const { fetch, seen } = fakeFetch(storeAll, problem('api_key_revoked'));
    const result = await clientOf(fetch).vault.setMany(names(300).map((name) => ({ name, value: 'v' })));
    expect(seen).toHaveLength(2);
    expect(result.size).toBe(300);
    expect(result.failed).toHaveLength(202);
    expect(result.failed[0]).toMatchObject({ name: 'n/98', error: { code: 'api_key_revoked' } });
  });

  test('when the first request fails for good, the call rejects with its error', async () => {
    const { fetch } = fakeFetch(problem('forbidden'));
    expect(await rejectionOf(clientOf(fetch).vault.setMany({ a: '1' }))).toMatchObject({ name: 'PermissionError' });
  });

  test('a cancelled batch rejects, even when a part of it is stored', async () => {
    const controller = new AbortController();
    const { fetch } = fakeFetch(
      (request) => {
        setTimeout(() => controller.abort(), 5);
        return storeAll(request);
      },
      () => new Promise<Response>(() => {}),
    );
    const many = names(120).map((name) => ({ name, value: 'v' }));
    const error = await rejectionOf(clientOf(fetch).vault.setMany(many, { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'aborted' });
  });
});
