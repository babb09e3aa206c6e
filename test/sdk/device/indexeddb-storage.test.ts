/** The storage of browsers, in Chromium: through a reload, beside a second tab, and what is stored. */
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserOrNone } from '../../link-page/chromium.ts';
import { baseURL, userKey } from '../fake-fetch.ts';
import { FakeDeviceService } from './engine-fixtures.ts';

const browser = await browserOrNone();

/** The functions of the script. */
interface InBrowser {
  create(apiKey: string): Promise<string>;
  open(apiKey: string, vault: string): Promise<string>;
  put(id: string, text: string): Promise<string>;
  get(id: string): Promise<unknown>;
  close(): Promise<void>;
  stored(): Promise<{ extractable: boolean[]; exported: string[]; items: number[][] }>;
  describe(): Promise<string>;
  twoHolders(): Promise<unknown>;
}

const script = `
let vault;
const vaultsOf = (apiKey) => new sdk.DeviceVaults({ apiKey, baseURL: location.origin, storage: sdk.indexedDbStorage() });
globalThis.create = async (apiKey) => {
  vault = await vaultsOf(apiKey).create({ label: 'Browser' });
  return vault.scope.vault;
};
globalThis.open = async (apiKey, id) => {
  try {
    vault = await vaultsOf(apiKey).open(id);
    return 'open';
  } catch (error) {
    return error.code;
  }
};
globalThis.put = async (id, text) => (await vault.records('memory').put({ text }, { id })).state;
globalThis.get = async (id) => (await vault.records('memory').get(id))?.data;
globalThis.close = () => vault.close();
globalThis.describe = () => vault.describeKeys();
const all = (store) => new Promise((resolve) => {
  indexedDB.open('anima-device-vaults').onsuccess = ({ target }) => {
    target.result.transaction(store).objectStore(store).getAll().onsuccess = ({ target: { result } }) => resolve(result);
  };
});
globalThis.stored = async () => {
  const [keys] = await all('keys');
  const cryptoKeys = Object.values(keys).filter((value) => value instanceof CryptoKey);
  const outcomes = cryptoKeys.map((key) =>
    crypto.subtle.exportKey(key.type === 'private' ? 'pkcs8' : 'raw', key).then(() => 'exported', ({ name }) => name));
  const items = (await all('data')).map((bytes) => [...bytes]);
  return { extractable: cryptoKeys.map(({ extractable }) => extractable), exported: await Promise.all(outcomes), items };
};
globalThis.twoHolders = async () => {
  // As if Web Locks failed: everybody gets the lock.
  Object.defineProperty(navigator, 'locks', { value: { request: async (name, options, use) => await use({}) } });
  const store = sdk.indexedDbStorage('two-holders').data;
  const scope = { org: 'o', user: 'u', vault: 'v' };
  const write = (data, key, text) => data
    .write({ puts: new Map([[key, new TextEncoder().encode(text)]]), deletes: new Set() })
    .then(() => 'stored', ({ code }) => code);
  const contents = async (data) => {
    const names = await data.list('');
    return Object.fromEntries(await Promise.all(names.map(async (name) =>
      [name, new TextDecoder().decode(await data.get(name))])));
  };
  const [first, second] = [await store.open(scope), await store.open(scope)];
  const inTurn = [];
  for (const [data, key] of [[first, 'a'], [second, 'b'], [first, 'c'], [second, 'd']])
    inTurn.push(await write(data, key, key));
  const afterTurns = await contents(await store.open(scope));
  const [third, fourth] = [await store.open(scope), await store.open(scope)];
  const atOnce = await Promise.all([write(third, 'e', 'e'), write(fourth, 'f', 'f'), write(third, 'g', 'g')]);
  const afterAll = await contents(await store.open(scope));
  await store.delete(scope);
  const old = await store.open(scope);
  const deleted = [await write(third, 'h', 'h'), await write(old, 'h', 'h')];
  await store.delete(scope);
  const fresh = await store.open(scope);
  // Both have written one batch.
  deleted.push(await write(fresh, 'i', 'i'), await write(old, 'j', 'j'));
  return { inTurn, afterTurns, atOnce, afterAll, deleted, rest: await contents(fresh) };
};`;

describe.skipIf(browser === undefined)('device vaults in IndexedDB', () => {
  const service = new FakeDeviceService();
  let context: BrowserContext;
  let code: string;
  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: ['sdk/src/device/index.ts'],
      bundle: true,
      format: 'iife',
      globalName: 'sdk',
      platform: 'browser',
      write: false,
    });
    code = `${outputFiles[0]?.text}\n${script}`;
    context = await (browser as Browser).newContext();
    // No request leaves the machine.
    await context.route('**/*', async (route) => {
      const request = route.request();
      if (!new URL(request.url()).pathname.startsWith('/v1/'))
        return await route.fulfill({ contentType: 'text/html', body: '<!doctype html>' });
      const init = { method: request.method(), headers: request.headers(), body: request.postData() };
      const response = await service.fetch(request.url(), init);
      await route.fulfill({ status: response.status, contentType: 'application/json', body: await response.text() });
    });
  });
  afterAll(async () => {
    await (browser as Browser).close();
  });

  const newPage = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${baseURL}/`);
    // Firefox asks the person, who may never answer.
    await page.evaluate(() => Object.assign(navigator.storage, { persist: () => new Promise(() => undefined) }));
    await page.addScriptTag({ content: code });
    return page;
  };
  const inside = (page: Page, name: keyof InBrowser, ...all: string[]): Promise<unknown> =>
    page.evaluate(
      ([called, given]) =>
        (globalThis as never as Record<string, (...values: string[]) => unknown>)[called as string]?.(
          ...(given as string[]),
        ),
      [name, all] as const,
    );

  test('a vault is there after a reload, and open in one tab at a time', async () => {
    const page = await newPage();
    const vault = (await inside(page, 'create', userKey)) as string;
    expect(await inside(page, 'put', 'a', 'a plain secret')).toBe('synced');
    const other = await newPage();
    expect(await inside(other, 'open', userKey, vault)).toBe('vault_in_use');
    // The browser releases the lock of a page that is gone.
    await page.close();
    await expect.poll(() => inside(other, 'open', userKey, vault)).toBe('open');
    expect(await inside(other, 'get', 'a')).toEqual({ text: 'a plain secret' });
    await inside(other, 'close');
    expect(await inside(other, 'open', userKey, 'va02va02va02va02')).toBe('vault_unknown');
    expect(await inside(other, 'open', userKey, vault)).toBe('open');
    expect(await inside(other, 'put', 'a', 'b plain secret')).toBe('synced');
    expect(await inside(other, 'describe')).toMatch(/^in this browser, as keys that no script can copy\. The browser /);
    const { extractable, exported, items } = (await inside(other, 'stored')) as Awaited<
      ReturnType<InBrowser['stored']>
    >;
    expect(extractable).toEqual([false, false, false]);
    expect(exported).toEqual(['InvalidAccessError', 'InvalidAccessError', 'InvalidAccessError']);
    expect(items.length).toBeGreaterThan(5);
    for (const item of items) expect(Buffer.from(item).includes('plain secret')).toBe(false);
  });

  test('if the lock fails, one of two holders goes on, and the other one stores nothing', async () => {
    const page = await newPage();
    expect(await inside(page, 'twoHolders')).toEqual({
      inTurn: ['stored', 'vault_in_use', 'stored', 'vault_in_use'],
      afterTurns: { a: 'a', c: 'c' },
      atOnce: ['stored', 'vault_in_use', 'stored'],
      afterAll: { a: 'a', c: 'c', e: 'e', g: 'g' },
      // Also after the data was deleted and made anew.
      deleted: ['vault_in_use', 'stored', 'stored', 'vault_in_use'],
      rest: { i: 'i' },
    });
  });
});
