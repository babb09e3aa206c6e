/** The deployed page, and the SDK in a browser, with a local vault. */
import { resolve } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseLinkUrl } from '../../core/blobs/share-link.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { troubles } from '../../viewer/src/page/page-texts.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { browserOrNone, drawn, settled, visit } from './chromium.ts';
import { pixelsOf, png, utf8 } from './sample-files.ts';

const browser = await browserOrNone();
const stack = useLocalStack();

describe.skipIf(browser === undefined)('a link of the vault in a browser', () => {
  afterAll(async () => {
    await (browser as Browser).close();
  });

  test('shows the very pixels, by the deployed policy, and no server ever sees the key', async () => {
    const { url } = await stack.client.blobs.put(png(64, 48), { type: 'image/png', name: 'picture.png', maxOpens: 1 });
    const objects: unknown[] = [];
    stack.vault.setHooks({ before: (call: EngineCall) => void (call.service === 's3' && objects.push(call.input)) });
    const seen = await visit(browser as Browser);
    await seen.page.goto(url);
    await seen.page.click('button:has-text("Open it now")');
    await seen.page.waitForSelector('img');
    expect(await drawn(seen.page)).toEqual([...pixelsOf(64, 48)]);
    const { pathname } = new URL(url);
    const where = await seen.page.evaluate(() => [location.pathname + location.hash, document.referrer]);
    expect(where).toEqual([pathname, '']);
    expect(seen.violations).toEqual([]);
    expect(seen.incidents).toEqual([]);
    await seen.close();
    stack.vault.setHooks();

    const log = stack.vault.pageLog();
    expect(log.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toContain(`GET ${pathname}`);
    expect(log.every(({ referer }) => referer === undefined)).toBe(true);
    expect(objects.length).toBeGreaterThan(0);
    const key = Buffer.from(parseLinkUrl(url)?.key ?? expect.fail('no link'));
    const everything = JSON.stringify([log, objects]) + stack.vault.logs();
    for (const form of ['base64url', 'base64', 'hex'] as const) expect(everything).not.toContain(key.toString(form));
  });

  test('says so when it was opened before, was burned after reading, or never was there', async () => {
    const { url } = await stack.client.blobs.put(utf8('read me once'), {
      type: 'text/plain',
      name: 'a.txt',
      burn: true,
    });
    const seen = await visit(browser as Browser);
    await seen.page.goto(url);
    await seen.page.click('button:has-text("Open it now")');
    await seen.page.waitForSelector('text=It was deleted from the server.');
    expect(await seen.page.textContent('pre')).toBe('read me once');
    await seen.close();
    const again = await visit(browser as Browser);
    await again.page.goto(url);
    expect(await settled(again.page)).toBe(troubles.spent.title);
    await again.page.goto('about:blank');
    await again.page.goto(url.replace(/.{16}#/, '0000000000000000#'));
    expect(await settled(again.page)).toBe(troubles.gone.title);
    expect([again.violations, again.incidents]).toEqual([[], []]);
    await again.close();
  });
});

describe.skipIf(browser === undefined)('the SDK in a browser', () => {
  let other: Browser;
  let page: Page;
  beforeAll(async () => {
    other = (await browserOrNone()) as Browser;
    // Any page from this machine, because it is a secure context. Its content security policy is disabled. S3 has a
    // different origin.
    page = await (await other.newContext({ bypassCSP: true })).newPage();
    await page.goto(`${stack.vault.url}/.well-known/jwks.json`);
    const { outputFiles } = await build({
      entryPoints: [resolve('sdk/src/index.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'sdk',
      platform: 'browser',
    });
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
  });
  afterAll(async () => await other.close());

  test('keeps values, and shares files by form, in parts and without a size', async () => {
    const done = await page.evaluate(
      async ([apiKey, baseURL]) => {
        const { Anima } = Reflect.get(globalThis, 'sdk');
        const { vault, blobs } = new Anima({ apiKey, baseURL });
        await vault.set('from/a/browser', 'välue');
        const results: unknown[] = [await vault.get('from/a/browser')];
        const bytes = new Uint8Array(17_000_000);
        for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
        const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, at) => byte === b[at]);
        const small = bytes.subarray(0, 70_000);
        for (const [content, expected] of [
          [small, small],
          [new Blob([bytes], { type: 'video/mp4' }), bytes],
          [new Blob([small]).stream(), small],
        ] as const) {
          let last: unknown;
          const { url } = await blobs.put(content, { onProgress: (progress: unknown) => (last = progress) });
          const opened = await blobs.get(url);
          results.push([same(await opened.bytes(), expected), opened.type, last]);
          results.push(same(await blobs.range(url, 60_000, 70_000), small.subarray(60_000, 70_000)));
        }
        return results;
      },
      [stack.vault.agentKey, stack.vault.url] as const,
    );
    const whole = (type: string) => [true, type, { bytes: expect.any(Number), total: expect.any(Number) }];
    expect(done).toEqual(['välue', whole(''), true, whole('video/mp4'), true, whole(''), true]);
  });
});
