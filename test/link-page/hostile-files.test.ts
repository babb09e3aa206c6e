import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sanitizeFileName } from '../../core/blobs/file-name.ts';
import { browserOrNone, settled, type Visit, visit } from './chromium.ts';
import { hostile } from './hostile-files.ts';
import { type FakePageServer, startFakePageServer } from './page-server.ts';

const browser = await browserOrNone();

describe.skipIf(browser === undefined)('a hostile file in a browser', () => {
  let place: FakePageServer;
  let seen: Visit;

  beforeAll(async () => {
    place = await startFakePageServer();
    seen = await visit(browser as Browser);
  });
  afterAll(async () => {
    await (browser as Browser).close();
    await place.close();
  });

  test('there are more than 50 of them', () => {
    expect(hostile.length).toBeGreaterThan(50);
    expect(new Set(hostile.map(({ what }) => what)).size).toBe(hostile.length);
  });

  test.for(hostile)('$what: nothing of it runs, and nothing is asked for', async ({ content, type, name, shown }) => {
    const { page } = seen;
    const [asked, logged] = [seen.requests.length, place.log().length];
    await page.goto((await place.make(content, { type: type ?? '', name: name ?? '' })).url);
    expect(await settled(page)).toBe(sanitizeFileName(name ?? ''));
    // After two frames, any code that runs automatically has run.
    const after = await page.evaluate(async () => {
      for (let frames = 0; frames < 2; frames++) await new Promise((resolve) => requestAnimationFrame(resolve));
      const tags = ['script', 'iframe', 'object', 'embed', 'link', 'meta', 'base', 'form', 'use'];
      return {
        pwned: document.documentElement.dataset.pwned,
        shown: ['img', 'pre', 'audio', 'video'].filter((tag) => document.querySelector(tag) !== null),
        foreign: tags.filter((tag) => document.querySelector(`main ${tag}`) !== null),
        handlers: [...document.querySelectorAll('*')].flatMap((found) =>
          found.getAttributeNames().filter((attribute) => /^on|^style$|^srcdoc$/.test(attribute)),
        ),
        save: document.querySelector('a')?.download,
        address: location.origin,
      };
    });
    expect(after).toEqual({
      pwned: undefined,
      shown: shown === 'file' ? [] : [shown],
      foreign: [],
      handlers: [],
      save: sanitizeFileName(name ?? ''),
      address: place.origin,
    });
    const requests = seen.requests.slice(asked).filter((request) => !request.startsWith('blob:'));
    expect(requests.map((request) => new URL(request).origin)).toEqual([
      ...[place.origin, place.origin, place.origin],
      place.storage,
    ]);
    expect(place.log().length - logged).toBe(4);
    expect(seen.incidents).toEqual([]);
    expect(seen.violations).toEqual([]);
  });

  test('opened in a tab of its own, a picture with HTML behind is a picture, and HTML is no page', async () => {
    const polyglot = hostile.find(({ what }) => what === 'PNG with HTML behind')?.content;
    const plain = hostile.find(({ what }) => what === 'HTML')?.content;
    if (polyglot === undefined || plain === undefined) throw new Error('the set has changed');
    const own = await visit(browser as Browser);
    await own.page.goto((await place.make(polyglot)).url);
    await settled(own.page);
    const [tab] = await Promise.all([
      own.page.waitForEvent('popup'),
      own.page.evaluate(() => void open(document.querySelector('img')?.src)),
    ]);
    await tab.waitForLoadState();
    expect(await tab.evaluate(() => [document.contentType, document.documentElement.dataset.pwned])).toEqual([
      'image/png',
      undefined,
    ]);
    await own.page.goto((await place.make(plain, { name: 'a.html' })).url);
    await settled(own.page);
    const context = own.page.context();
    const tabs = context.pages().length;
    await own.page.evaluate(() => void open(document.querySelector('a')?.href));
    // The browser downloads the file and opens at most an empty tab, but no document with that URL.
    await expect.poll(() => own.incidents.filter((incident) => incident.startsWith('window')).length).toBe(2);
    await own.page.waitForTimeout(200);
    for (const other of context.pages().slice(tabs)) {
      expect(await other.evaluate(() => [location.href, document.body.childElementCount])).toEqual(['about:blank', 0]);
    }
    expect(own.incidents.filter((incident) => !incident.startsWith('window'))).toEqual([]);
    await own.close();
  });
});
