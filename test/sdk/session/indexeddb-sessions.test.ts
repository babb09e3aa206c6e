/** A device of sessions in the IndexedDB of Chromium: over a reload, beside a second tab, and what is stored. */
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserOrNone } from '../../link-page/chromium.ts';

const browser = await browserOrNone();
const origin = 'https://sessions.test/';

const inspect = `
globalThis.stored = async () => {
  const all = (store) => new Promise((resolve) => {
    indexedDB.open('anima-device-vaults').onsuccess = ({ target }) => {
      target.result.transaction(store).objectStore(store).getAll().onsuccess = ({ target: { result } }) => resolve(result);
    };
  });
  const cryptoKeys = (await all('keys')).flatMap((keys) => [keys, ...Object.values(keys)]).filter((one) => one instanceof CryptoKey);
  const items = (await all('data')).map((bytes) => [...bytes]);
  return { extractable: cryptoKeys.map(({ extractable }) => extractable), items };
};`;

describe.skipIf(browser === undefined)('a device of sessions in IndexedDB', () => {
  let context: BrowserContext;
  let code: string;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: ['test/sdk/session/browser-entry.ts'],
      ...{ bundle: true, format: 'iife', platform: 'browser', write: false },
    });
    code = `${outputFiles[0]?.text}\n${inspect}`;
    context = await (browser as Browser).newContext();
    // No request leaves the machine.
    await context.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  });
  afterAll(async () => {
    await browser?.close();
  });

  const newPage = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(origin);
    await page.addScriptTag({ content: code });
    return page;
  };
  const inside = <T>(page: Page, expression: string): Promise<T> => page.evaluate(expression);

  test('keeps its keys and messages over a reload, is open in one tab at a time, and stores nothing in clear', async () => {
    const page = await newPage();
    const [device, conversation] = await inside<[string, string]>(page, 'sessionPage.begin()');
    expect(device).toMatch(/^[0-9a-f]{32}$/);
    await page.reload();
    await page.addScriptTag({ content: code });
    expect(await inside(page, 'sessionPage.open()')).toBe(device);
    expect(await inside(page, `sessionPage.history('${conversation}')`)).toEqual(['a plain secret']);
    expect(await inside(page, 'sessionPage.waiting()')).toBe('another plain secret');
    const other = await newPage();
    expect(await inside(other, 'sessionPage.open()')).toBe('in_use');
    // The browser releases the lock of a page that is gone.
    await page.close();
    await expect.poll(() => inside(other, 'sessionPage.open()')).toBe(device);
    const { extractable, items } = await inside<{ extractable: boolean[]; items: number[][] }>(other, 'stored()');
    expect(extractable.length).toBeGreaterThan(0);
    expect(extractable).not.toContain(true);
    expect(items.length).toBeGreaterThan(10);
    for (const item of items) expect(Buffer.from(item).includes('plain secret')).toBe(false);
    await inside(other, 'sessionPage.close()');
    await inside(other, 'sessionPage.forget()');
    expect(await inside(other, 'sessionPage.open()')).toBe('not_enrolled');
  });

  test('works in a worker, without the globals of a page', async () => {
    const work = `
(async () => {
  const [device, conversation] = await sessionPage.begin();
  const opened = await sessionPage.open();
  const history = await sessionPage.history(conversation);
  const waiting = await sessionPage.waiting();
  await sessionPage.close();
  await sessionPage.forget();
  return { isSame: device === opened, history, waiting, globals: [typeof document, typeof window, typeof process] };
})().then(postMessage, (error) => postMessage(String(error?.stack)));`;
    const page = await newPage();
    const source = JSON.stringify(`${code}\n${work}`);
    const answer = await inside(
      page,
      `new Promise((resolve, reject) => {
        const worker = new Worker(URL.createObjectURL(new Blob([${source}], { type: 'text/javascript' })));
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      })`,
    );
    expect(answer).toEqual({
      ...{ isSame: true, history: ['a plain secret'], waiting: 'another plain secret' },
      globals: ['undefined', 'undefined', 'undefined'],
    });
    await page.close();
  });
});
