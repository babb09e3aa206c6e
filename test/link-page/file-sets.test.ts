/** Links with several files, and preview images. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeFileIndex } from '../../core/blobs/file-set.ts';
import { concatBytes } from '../../core/encoding/bytes.ts';
import { troubles } from '../../viewer/src/page/page-texts.ts';
import { browserOrNone, drawn, settled, type Visit, visit } from './chromium.ts';
import { type FakePageServer, type FileOptions, startFakePageServer } from './page-server.ts';
import { latin, pixelsOf, png, utf8, wav } from './sample-files.ts';

const browser = await browserOrNone();
const pictures = process.env.ANIMA_TEST_SCREENSHOTS;

interface SetPart {
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly type?: string;
  readonly previewOf?: number;
}

describe.skipIf(browser === undefined)('a link with several files', () => {
  let place: FakePageServer;
  let seen: Visit;
  beforeAll(async () => {
    place = await startFakePageServer();
  });
  afterAll(async () => {
    await (browser as Browser).close();
    await place.close();
  });
  beforeEach(async () => {
    seen = await visit(browser as Browser);
  });
  afterEach(async () => {
    expect(seen.violations).toEqual([]);
    expect(seen.incidents).toEqual([]);
    await seen.close();
  });

  const make = async (parts: readonly SetPart[], options: FileOptions = {}, cut = 0) => {
    const entries = parts.map(({ name, content, type = '', previewOf }) => ({
      name,
      type,
      size: content.length,
      previewOf,
    }));
    const index = encodeFileIndex(entries);
    const content = concatBytes(index, ...parts.map((part) => part.content));
    return await place.make(content.subarray(0, content.length - cut), { indexLength: index.length, ...options });
  };
  const photograph = async (name: string) => {
    if (pictures === undefined) return;
    for (const [look, width, scheme] of [
      ['desktop', 1000, 'light'],
      ['phone', 360, 'dark'],
    ] as const) {
      await seen.page.emulateMedia({ colorScheme: scheme });
      await seen.page.setViewportSize({ width, height: 700 });
      await seen.page.screenshot({ path: `${pictures}/${name}-${look}.png`, fullPage: true });
    }
  };
  const album: readonly SetPart[] = [
    { name: 'one.png', content: png(64, 48) },
    { name: 'notes.md', content: utf8('# Hello\n'), type: 'text/markdown' },
    { name: '../می\u200cخواهم.wav', content: wav() },
    { name: 'report.pdf', content: utf8('%PDF-1.7') },
    { name: 'empty', content: new Uint8Array(0) },
  ];

  test('lists them, shows one at a time, and saves each and all, byte for byte', async () => {
    const { page } = seen;
    await page.goto((await make(album, { name: 'Holiday' })).url);
    expect(await settled(page)).toBe('Holiday');
    await page.waitForSelector('img');
    expect(await drawn(page)).toEqual([...pixelsOf(64, 48)]);
    expect(await page.locator('.entry bdi').allTextContents()).toEqual([
      ...['one.png', 'notes.md', 'می\u200cخواهم.wav', 'report.pdf', 'empty'],
    ]);
    await photograph('set');
    await page.click('text=Next →');
    await page.waitForSelector('pre');
    expect([await page.textContent('pre'), await page.locator('img').count()]).toEqual(['# Hello\n', 0]);
    await page.click('.entry >> nth=2');
    await page.waitForSelector('audio');
    await page.click('text=Next →');
    await page.waitForSelector('text=PDF documents can contain scripts');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save a copy')]);
    expect(download.suggestedFilename()).toBe('report.pdf');
    const saved: string[] = [];
    page.on('download', (one) => void saved.push(one.suggestedFilename()));
    await page.click('text=Save all files');
    await expect.poll(() => saved.length).toBe(album.length);
    expect(saved[0]).toBe('one.png');
    expect(await page.textContent('dl')).toContain('5, ');
  });

  test('of one file and its preview is that file; the preview is shown while the file loads', async () => {
    const { page } = seen;
    const film = new Uint8Array(600_000);
    film.set(latin('%PDF-'));
    const made = await make(
      [
        { name: 'cover.png', content: png(32, 16), previewOf: 1 },
        { name: 'film.bin', content: film },
      ],
      {},
    );
    const stored = place.stored(made);
    stored.stopsAfter = 300_000;
    await page.goto(made.url);
    await page.waitForSelector('img');
    expect(await page.textContent('h1')).toBe('Opening …');
    expect(await drawn(page)).toEqual([...pixelsOf(32, 16)]);
    await photograph('set-preview');
    stored.stopsAfter = undefined;
    stored.drop?.();
    await page.waitForFunction(() => document.title.startsWith('File ready'));
    expect(await page.textContent('h1')).toBe('film.bin');
    expect(await page.locator('img').count()).toBe(0);
  });

  test('that is read once is destroyed after it was opened', async () => {
    const { page } = seen;
    const made = await make(album, { burn: true });
    await page.goto(made.url);
    await page.click('button:has-text("Open it now")');
    await expect.poll(() => place.stored(made).burned).toBe(true);
    expect(await page.textContent('h1')).toBe('5 files');
  });

  test('of which nothing can be shown is destroyed only after all files were saved', async () => {
    const { page } = seen;
    const made = await make([album[3], { name: 'b.zip', content: latin('PK\x03\x04\0') }] as SetPart[], { burn: true });
    await page.goto(made.url);
    await page.click('button:has-text("Open it now")');
    await page.waitForSelector('text=as soon as you save it');
    expect(place.stored(made).burned).toBe(false);
    await page.click('text=Save all files');
    await expect.poll(() => place.stored(made).burned).toBe(true);
  });

  test('whose index does not fit its content is damaged', async () => {
    await seen.page.goto((await make(album, {}, 1)).url);
    expect(await settled(seen.page)).toBe(troubles.damaged.title);
  });
});
