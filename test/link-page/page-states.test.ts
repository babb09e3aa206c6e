import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { troubles } from '../../viewer/src/page/page-texts.ts';
import { browserOrNone, progressed, settled, type Visit, visit } from './chromium.ts';
import { type CreatedLink, type FakePageServer, startFakePageServer } from './page-server.ts';
import { joined, png, utf8, wav } from './sample-files.ts';

const browser = await browserOrNone();
/** Folder for screenshots of every state. Without the variable, no screenshots are taken. */
const pictures = process.env.ANIMA_TEST_SCREENSHOTS;

const looks = {
  light: { scheme: 'light', width: 1000, height: 700 },
  dark: { scheme: 'dark', width: 1000, height: 700 },
  phone: { scheme: 'light', width: 320, height: 640 },
  'phone-dark': { scheme: 'dark', width: 390, height: 760 },
  // A viewport of 1280 pixels, zoomed to 200 %.
  zoomed: { scheme: 'light', width: 640, height: 360 },
} as const;

describe.skipIf(browser === undefined)('the states of the page', () => {
  let place: FakePageServer;
  beforeAll(async () => {
    place = await startFakePageServer();
  });
  afterAll(async () => {
    await (browser as Browser).close();
    await place.close();
  });

  const file = () => place.make(joined(png(64, 48), new Uint8Array(200_000)), { name: 'picture.png' });
  const once = () => place.make(png(64, 48), { name: 'picture.png', burn: true });
  const refusing = async (code: string) => {
    const made = await file();
    place.stored(made).refuse.look = code;
    return made;
  };
  const stored = async (change: (made: CreatedLink) => void) => {
    const made = await file();
    change(made);
    return made;
  };
  const go = async ({ page }: Visit, { url }: { url: string }) => void (await page.goto(url));
  const bare = ({ url }: CreatedLink) => ({ url: url.replace(/#.*/, '') });

  /** For each state: its heading, and how to reach it. */
  const ways: Record<string, { heading: string; before?: string; come: (seen: Visit) => Promise<void> }> = {
    notALink: { heading: troubles.notALink.title, come: (seen) => go(seen, { url: `${place.origin}/` }) },
    noKey: { heading: troubles.noKey.title, come: async (seen) => go(seen, bare(await file())) },
    reloaded: {
      heading: troubles.reloaded.title,
      come: async (seen) => {
        await go(seen, await file());
        await seen.page.waitForSelector('img');
        await seen.page.reload();
      },
    },
    incomplete: {
      heading: troubles.incomplete.title,
      come: async (seen) => go(seen, { url: (await file()).url.slice(0, -1) }),
    },
    refused: {
      heading: troubles.refused.title,
      come: async (seen) => go(seen, { url: `${bare(await file()).url}#${(await file()).key}` }),
    },
    damaged: {
      heading: troubles.damaged.title,
      come: async (seen) => go(seen, await stored((made) => place.stored(made).bytes.fill(0, 100, 101))),
    },
    expired: { heading: troubles.expired.title, come: async (seen) => go(seen, await refusing('blob_expired')) },
    spent: { heading: troubles.spent.title, come: async (seen) => go(seen, await refusing('blob_spent')) },
    deleted: { heading: troubles.deleted.title, come: async (seen) => go(seen, await refusing('blob_deleted')) },
    gone: { heading: troubles.gone.title, come: async (seen) => go(seen, await refusing('blob_not_found')) },
    notReady: { heading: troubles.notReady.title, come: async (seen) => go(seen, await refusing('blob_not_uploaded')) },
    locked: { heading: troubles.locked.title, come: async (seen) => go(seen, await refusing('org_locked')) },
    shredded: { heading: troubles.shredded.title, come: async (seen) => go(seen, await refusing('org_shredded')) },
    unavailable: { heading: troubles.unavailable.title, come: async (seen) => go(seen, await refusing('unavailable')) },
    offline: {
      heading: troubles.offline.title,
      come: async (seen) => {
        await seen.page.route('**/v1/links/**', (route) => route.abort());
        await go(seen, await file());
      },
    },
    lapsed: {
      heading: troubles.lapsed.title,
      come: async (seen) => {
        const made = await file();
        const object = place.stored(made);
        object.stopsAfter = 120_000;
        await go(seen, made);
        await progressed(seen.page, 0.5);
        object.status = 403;
        object.drop?.();
        await seen.page.waitForSelector('[role=alert]');
      },
    },
    notSaved: {
      heading: troubles.notSaved.title,
      before: `globalThis.showSaveFilePicker = async () => { return { createWritable: async () => ({
        write: async () => { throw new DOMException('full', 'QuotaExceededError'); }, abort: async () => {} }) }; };`,
      come: async (seen) => {
        await large(seen);
        await seen.page.click('text=Choose where to save');
        await seen.page.waitForSelector('[role=alert]');
      },
    },
    oldBrowser: {
      heading: troubles.oldBrowser.title,
      before: `Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined });`,
      come: async (seen) => go(seen, await file()),
    },
    failed: {
      heading: troubles.failed.title,
      before: 'Blob.prototype.slice = () => { throw new RangeError("no memory"); };',
      come: async (seen) => go(seen, await file()),
    },
    progress: {
      heading: 'Opening …',
      come: async (seen) => {
        await go(seen, await stored((made) => Object.assign(place.stored(made), { stopsAfter: 120_000 })));
        await progressed(seen.page, 0.5);
      },
    },
    askOnce: { heading: 'This file can be read only once', come: async (seen) => go(seen, await once()) },
    askLimited: {
      heading: 'Ready to open',
      come: async (seen) => go(seen, await place.make(png(64, 48), { maxOpens: 3 })),
    },
    large: {
      heading: 'video.bin',
      before: 'globalThis.showSaveFilePicker = async () => { throw new Error("cancelled"); };',
      come: (seen) => large(seen),
    },
    picture: {
      heading: 'picture.png',
      come: async (seen) => go(seen, await place.make(png(640, 480), { name: 'picture.png' })),
    },
    text: {
      heading: 'letter to a friend.txt',
      come: async (seen) =>
        go(
          seen,
          await place.make(utf8('A line of words that goes on for a while.\n'.repeat(40)), {
            type: 'text/plain',
            name: 'letter to a friend.txt',
          }),
        ),
    },
    sound: { heading: 'tone.wav', come: async (seen) => go(seen, await place.make(wav(), { name: 'tone.wav' })) },
    download: {
      heading: 'report.pdf',
      come: async (seen) => go(seen, await place.make(utf8('%PDF-1.7'), { name: 'report.pdf' })),
    },
    burned: {
      heading: 'picture.png',
      come: async (seen) => {
        await go(seen, await once());
        await seen.page.click('button:has-text("Open it now")');
        await seen.page.waitForFunction(() =>
          /deleted from the server/.test(document.querySelector('.note')?.textContent ?? ''),
        );
      },
    },
    notBurned: {
      heading: 'picture.png',
      come: async (seen) => {
        const made = await once();
        place.stored(made).refuse.burning = 'unavailable';
        await go(seen, made);
        await seen.page.click('button:has-text("Open it now")');
        await seen.page.waitForSelector('button:has-text("Delete it now")');
      },
    },
  };

  async function large(seen: Visit): Promise<void> {
    const made = await place.make(utf8('large'), { name: 'video.bin' });
    await seen.page.route('**/v1/links/**', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), size: 3_200_000_000 } });
    });
    await go(seen, made);
    await seen.page.waitForSelector('text=Choose where to save');
  }

  test('are told for every trouble there is', () => {
    for (const trouble of Object.keys(troubles)) expect(Object.keys(ways)).toContain(trouble);
  });

  test.for(Object.keys(ways))('%s: is reached, has the focus, a name, an icon, and fits a phone', async (name) => {
    const way = ways[name];
    if (way === undefined) throw new Error('no such state');
    const seen = await visit(browser as Browser, { ...looks.phone, ...(way.before && { before: way.before }) });
    await way.come(seen);
    if (name !== 'progress') await settled(seen.page);
    const found = await seen.page.evaluate(() => ({
      heading: document.querySelector('h1')?.textContent,
      headings: document.querySelectorAll('h1').length,
      focused: document.activeElement?.tagName,
      icon: document.querySelectorAll('section > svg[aria-hidden=true]').length,
      hash: location.hash,
      lang: document.documentElement.lang,
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      alerts: document.querySelectorAll('[role=alert]').length,
      small: [...document.querySelectorAll('button, a')].filter((one) => {
        const { width, height } = one.getBoundingClientRect();
        return width < 44 || height < 44;
      }).length,
      named: [...document.querySelectorAll('button, a, progress, img, audio, video, pre')].every(
        (one) => (one.getAttribute('aria-label') ?? one.getAttribute('alt') ?? one.textContent ?? '').trim() !== '',
      ),
    }));
    const isTrouble = Object.keys(troubles).includes(name);
    expect(found).toEqual({
      ...{ heading: way.heading, headings: 1, focused: 'H1', icon: 1, hash: '', lang: 'en' },
      ...{ overflow: 0, alerts: isTrouble ? 1 : 0, small: 0, named: true },
    });
    expect(await seen.page.title()).toMatch(/^.{5,60} – Encrypted file$/);
    expect(seen.violations).toEqual([]);
    expect(seen.incidents).toEqual([]);
    if (pictures !== undefined) await photograph(seen, pictures, name);
    await seen.close();
  });

  async function photograph({ page }: Visit, folder: string, name: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    for (const [look, { scheme, width, height }] of Object.entries(looks)) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true, animations: 'disabled' });
    }
  }

  test('go on from a lost connection and a silent server by the button, and by the keyboard alone', async () => {
    const seen = await visit(browser as Browser);
    const made = await file();
    place.stored(made).refuse.look = 'unavailable';
    await go(seen, made);
    expect(await settled(seen.page)).toBe(troubles.unavailable.title);
    place.stored(made).refuse.look = undefined;
    await seen.page.keyboard.press('Tab');
    expect(await seen.page.evaluate(() => document.activeElement?.textContent)).toBe('Try again');
    expect(await seen.page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe(
      'solid',
    );
    await seen.page.keyboard.press('Enter');
    await seen.page.waitForSelector('img');
    await seen.close();
  });

  test('a link is opened by itself only when that uses nothing up', async () => {
    const seen = await visit(browser as Browser);
    const made = await once();
    await go(seen, made);
    expect(await settled(seen.page)).toBe('This file can be read only once');
    expect(place.stored(made).openings).toBe(0);
    await seen.page.click('button:has-text("Open it now")');
    await seen.page.waitForSelector('img');
    await expect.poll(() => place.stored(made).burned).toBe(true);
    expect(place.stored(made).openings).toBe(1);
    await seen.close();
  });

  test('an opening whose answers get lost is sent again under its name, by itself and by people, and counts once', async () => {
    const seen = await visit(browser as Browser);
    const made = await place.make(png(8, 8), { maxOpens: 1 });
    place.stored(made).lost = 4;
    await go(seen, made);
    const before = place.log().length;
    await seen.page.click('button:has-text("Open it now")');
    await seen.page.click('button:has-text("Try again")');
    await seen.page.waitForSelector('img');
    const sent = place.log().slice(before);
    expect(sent.filter(({ path }) => path.endsWith('/opening')).length).toBe(5);
    expect(place.stored(made).openings).toBe(1);
    await seen.close();
  });

  test('a file that is read once and only saved is burned once it was saved, not before', async () => {
    const seen = await visit(browser as Browser);
    const made = await place.make(utf8('%PDF-'), { name: 'a.pdf', burn: true });
    await go(seen, made);
    await seen.page.click('button:has-text("Open it now")');
    await seen.page.waitForSelector('text=as soon as you save it');
    expect(place.stored(made).burned).toBe(false);
    await Promise.all([seen.page.waitForEvent('download'), seen.page.click('text=Save the file')]);
    await seen.page.waitForSelector('text=It was deleted from the server.');
    expect(place.stored(made).burned).toBe(true);
    await seen.close();
  });

  test('a link that is pasted once more into the same tab is opened', async () => {
    const seen = await visit(browser as Browser);
    const made = await file();
    await go(seen, bare(made));
    expect(await settled(seen.page)).toBe(troubles.noKey.title);
    await seen.page.evaluate((key) => {
      location.hash = key;
    }, made.key);
    await seen.page.waitForSelector('img');
    expect(await seen.page.evaluate(() => location.hash)).toBe('');
    await seen.close();
  });

  test('a browser that runs no script is told what it lacks', async () => {
    const context = await (browser as Browser).newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto((await file()).url);
    expect(await page.textContent('main')).toContain('requires JavaScript');
    await context.close();
  });
});
