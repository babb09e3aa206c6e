/** Every kind of file in Chromium, and in Firefox if this machine has it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firefoxOrNone } from '../shared/firefox.ts';
import { browserOrNone } from './chromium.ts';
import { type FakePageServer, startFakePageServer } from './page-server.ts';
import { bmp, gif, ico, latin, png, utf8, wav } from './sample-files.ts';

/** Folder for screenshots of every kind. Without the variable, no screenshots are taken. */
const pictures = process.env.ANIMA_TEST_SCREENSHOTS;

type Bytes = Uint8Array<ArrayBuffer>;
/** The methods that the pages of both browser drivers have. */
interface BrowserPage {
  goto(url: string): Promise<unknown>;
  evaluate<T, A>(script: (argument: A) => T | Promise<T>, argument: A): Promise<T>;
  click(selector: string): Promise<unknown>;
  screenshot(options: { path: string; fullPage: boolean }): Promise<unknown>;
  resize(width: number, height: number, isDark: boolean): Promise<void>;
  close(): Promise<void>;
}
interface Driver {
  open(): Promise<BrowserPage>;
  close(): Promise<void>;
}

const media = (name: string): Bytes => new Uint8Array(readFileSync(join(import.meta.dirname, 'media', name)));
const markdown = `# A title

Some *emphasis*, **strong** and \`code\`, with [a link](https://example.com/x?a=1&amp;b=2) and [none](javascript:alert(1)).

<script>document.documentElement.dataset.pwned = 1</script><img src="https://evil.test/i" onerror="alert(1)">

![tracking](https://evil.test/p.png)

- [x] done
- [ ] open
  1. nested

> quoted

| a | b |
|---|--:|
| 1 | 2 |

\`\`\`js
const x = 1 < 2;
\`\`\`
`;

/** Three seconds each. Firefox stopped early in the second one and did not start the third one. */
const fragmented = ['fragments.mp4', 'fragments-behind-samples.mp4', 'fragments-without-offsets.mp4'];

interface Shown {
  readonly name: string;
  readonly content: () => Bytes;
  readonly type?: string;
  /** The element that shows the file; a download without it. */
  readonly as?: 'img' | 'pre' | 'audio' | 'video';
  readonly kind?: string | RegExp;
}

const kinds: readonly Shown[] = [
  { name: 'picture.png', content: () => png(640, 480), as: 'img', kind: 'PNG image, 640 × 480' },
  { name: 'tall.png', content: () => png(13, 640), as: 'img', kind: 'PNG image, 13 × 640' },
  { name: 'wide.png', content: () => png(2400, 40), as: 'img', kind: 'PNG image, 2400 × 40' },
  { name: 'large.png', content: () => png(3000, 2000), as: 'img', kind: 'PNG image, 3000 × 2000' },
  { name: 'tiny.gif', content: () => gif(8, 8, [200, 30, 90]), as: 'img', kind: 'GIF image, 8 × 8' },
  { name: 'turned.jpg', content: () => media('turned.jpg'), as: 'img', kind: 'JPEG image, 20 × 60' },
  { name: 'still.avif', content: () => media('still.avif'), as: 'img', kind: 'AVIF image, 64 × 48' },
  { name: 'sequence.avif', content: () => media('sequence.avif'), as: 'img', kind: 'AVIF image, 32 × 24' },
  { name: 'bitmap.bmp', content: () => bmp(96, 64), as: 'img', kind: 'BMP image, 96 × 64' },
  { name: 'icon.ico', content: () => ico(png(16, 16)), as: 'img', kind: 'ICO image, 16 × 16' },
  { name: 'video.mp4', content: () => media('video.mp4'), as: 'video', kind: 'MP4 video, 64 × 36, 0:01' },
  { name: 'video.mov', content: () => media('video.mov'), as: 'video', kind: 'QuickTime video, 64 × 36, 0:01' },
  { name: 'video.mkv', content: () => media('video.mkv'), as: 'video', kind: 'Matroska video, 64 × 36, 0:01' },
  { name: 'rotated.mp4', content: () => media('rotated.mp4'), as: 'video', kind: 'MP4 video, 36 × 64, 0:01' },
  { name: 'sound.aac', content: () => media('sound.aac'), as: 'audio', kind: /^AAC audio, 0:01$/ },
  { name: 'sound.mp4', content: () => media('sound-only.mp4'), as: 'audio', kind: 'MP4 audio, 0:01' },
  { name: 'sound.mkv', content: () => media('sound-only.mkv'), as: 'audio', kind: 'Matroska audio, 0:01' },
  { name: 'tone.wav', content: wav, as: 'audio', kind: 'WAV audio, 0:01' },
  { name: 'notes.md', content: () => utf8(markdown), as: 'pre', kind: 'Markdown text' },
  { name: 'data.json', content: () => utf8('{"a": [1, 2]}'), type: 'application/json', as: 'pre', kind: 'Text' },
  { name: 'table.csv', content: () => utf8('a,b\n1,2\n'), type: 'text/csv', as: 'pre', kind: 'Text' },
  { name: 'script.py', content: () => utf8('print("ä")\n'), type: 'application/octet-stream', as: 'pre', kind: 'Text' },
  { name: 'server.log', content: () => utf8('\x1b[31merror\x1b[0m: no\n'), as: 'pre', kind: 'Text' },
  { name: 'Makefile', content: () => utf8('all:\n\techo\n'), as: 'pre', kind: 'Text' },
  {
    name: 'utf16.txt',
    content: () => new Uint8Array(Buffer.from('\ufeffGrüße 漢字', 'utf16le')),
    as: 'pre',
    kind: 'Text',
  },
  { name: 'latin.txt', content: () => latin('Gr\xfc\xdfe aus K\xf6ln\n'), as: 'pre', kind: 'Text' },
  {
    name: 'shift-jis.txt',
    content: () => new Uint8Array(Buffer.from('k/qWe4zqgsyDZYNMg1iDZ4LFgreBQg==', 'base64')),
    as: 'pre',
    kind: 'Text',
  },
  { name: 'report.pdf', content: () => utf8('%PDF-1.7'), type: 'application/pdf' },
  { name: 'archive.zip', content: () => latin('PK\x03\x04\0\0\0\0'), type: 'application/zip' },
  { name: 'photo.tiff', content: () => latin('MM\0*\0\0\0\x08'), type: 'image/tiff' },
  { name: 'می\u200cخواهم 👩\u200d🚀.png', content: () => png(64, 48), as: 'img', kind: 'PNG image, 64 × 48' },
  { name: 'holiday\u202egnp.exe', content: () => latin('MZ\0\0'), type: 'image/png' },
];

const drivers: Record<string, () => Promise<Driver | undefined>> = {
  chromium: async () => {
    const browser = await browserOrNone();
    if (browser === undefined) return undefined;
    return {
      open: async () => {
        const page = await (await browser.newContext()).newPage();
        return Object.assign(page, {
          resize: async (width: number, height: number, isDark: boolean) => {
            await page.setViewportSize({ width, height });
            await page.emulateMedia({ colorScheme: isDark ? 'dark' : 'light' });
          },
        }) as unknown as BrowserPage;
      },
      close: () => browser.close(),
    };
  },
  firefox: async () => {
    const browser = await firefoxOrNone();
    if (browser === undefined) return undefined;
    return {
      open: async () => {
        const page = await browser.newPage();
        return Object.assign(page, {
          resize: async (width: number, height: number) => await page.setViewport({ width, height }),
        }) as unknown as BrowserPage;
      },
      close: () => browser.close(),
    };
  },
};

describe.each(['chromium', 'firefox'])('in %s', async (name) => {
  const driver = await drivers[name]?.();
  let place: FakePageServer;
  let page: BrowserPage;
  beforeAll(async () => {
    place = await startFakePageServer();
    if (driver !== undefined) page = await driver.open();
  });
  afterAll(async () => {
    await driver?.close();
    await place.close();
  });

  const open = async ({ content, type = '', name: fileName }: Pick<Shown, 'content' | 'type' | 'name'>) => {
    await page.goto((await place.make(content(), { name: fileName, type })).url);
    await expect.poll(() => page.evaluate(() => document.title, undefined)).toMatch(/^File (opened|ready)/);
  };
  /** What the page shows: the element, its kind and the number of elements that a document could have brought. */
  const shown = () =>
    page.evaluate(
      () => ({
        as: ['img', 'pre', 'audio', 'video'].filter((tag) => document.querySelector(`main ${tag}`) !== null),
        kind: document.querySelector('dt')?.textContent === 'Kind' ? document.querySelector('dd')?.textContent : '',
        text: document.querySelector('pre')?.textContent ?? '',
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        foreign: document.querySelectorAll('main script, main iframe, main object, main embed').length,
      }),
      undefined,
    );
  const photograph = async (what: string) => {
    if (pictures === undefined) return;
    mkdirSync(join(pictures, name), { recursive: true });
    for (const [look, width, height, isDark] of [
      ['desktop', 1000, 700, false],
      ['phone', 360, 640, true],
    ] as const) {
      await page.resize(width, height, isDark);
      await new Promise((resolve) => setTimeout(resolve, 150));
      await page.screenshot({ path: join(pictures, name, `${what}-${look}.png`), fullPage: true });
    }
    await page.resize(1000, 700, false);
  };

  test.skipIf(driver === undefined).for(kinds)('$name is shown as it is, or offered as a download', async (file) => {
    await open(file);
    const { text, kind, ...rest } = await shown();
    expect(rest).toEqual({ as: file.as === undefined ? [] : [file.as], overflow: 0, foreign: 0 });
    expect(kind).toMatch(file.kind instanceof RegExp ? file.kind : (file.kind ?? ''));
    if (file.as === 'pre') expect(text).not.toBe('');
    await photograph(file.name.replace(/[^a-z.-]/g, '_'));
  });

  test.skipIf(driver === undefined)('a fragmented video, and one of each container, plays to its end', async () => {
    for (const file of [...fragmented, 'video.mp4', 'video.mov', 'video.mkv']) {
      await open({ name: file, content: () => media(file) });
      // As a person does. The page has no permission to play without a click.
      await page.click('video');
      await page.evaluate(() => {
        const player = document.querySelector('video');
        if (player !== null) player.muted = true;
        void player?.play();
      }, undefined);
      await expect
        .poll(() => page.evaluate(() => document.querySelector('video')?.ended ?? false, undefined), {
          timeout: 60_000,
        })
        .toBe(true);
      const position = await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0, undefined);
      expect(position, file).toBeGreaterThan(fragmented.includes(file) ? 2.9 : 0.9);
    }
  });

  test.skipIf(driver === undefined)(
    'Markdown is formatted on request, without anything of it running or loading',
    async () => {
      await open({ name: 'notes.md', content: () => utf8(markdown) });
      expect((await shown()).text).toBe(markdown);
      await page.click('.tools button');
      const formatted = await page.evaluate(() => {
        const article = document.querySelector('article');
        const count = (tag: string) => article?.querySelectorAll(tag).length;
        return {
          counts: Object.fromEntries(
            ['h2', 'strong', 'em', 'code', 'li', 'ol', 'blockquote', 'table', 'td', 'pre', 'img', 'script'].map(
              (tag) => [tag, count(tag)],
            ),
          ),
          links: [...(article?.querySelectorAll('a') ?? [])].map(({ href, rel, target }) => [href, rel, target]),
          text: article?.textContent ?? '',
          pwned: document.documentElement.dataset.pwned,
        };
      }, undefined);
      expect(formatted).toMatchObject({
        counts: {
          h2: 1,
          strong: 1,
          em: 1,
          code: 1,
          li: 3,
          ol: 1,
          blockquote: 1,
          table: 1,
          td: 2,
          pre: 1,
          img: 0,
          script: 0,
        },
        links: [['https://example.com/x?a=1&b=2', 'noopener noreferrer', '_blank']],
        pwned: undefined,
      });
      expect(formatted.text).toContain('<script>');
      expect(formatted.text).toContain('[Picture: tracking]');
      expect(formatted.text).toMatch(/☑ .*done/s);
      await photograph('notes-formatted');
      await page.click('.tools button');
      expect((await shown()).text).toBe(markdown);
    },
  );

  test.skipIf(driver === undefined)(
    'the encoding of an old text can be chosen, and is not asked for UTF-8',
    async () => {
      await open({ name: 'old.txt', content: () => latin('\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0!') });
      expect((await shown()).text).toBe('Привет, мир!');
      const choice = await page.evaluate(() => {
        const select = document.querySelector('select');
        const chosen = select?.value;
        if (select !== null) select.value = 'windows-1252';
        select?.dispatchEvent(new Event('change'));
        return [chosen, document.querySelector('pre')?.textContent];
      }, undefined);
      expect(choice).toEqual(['windows-1251', 'Ïðèâåò, ìèð!']);
      await photograph('encoding-choice');
      await open({ name: 'new.txt', content: () => utf8('Привет') });
      expect(await page.evaluate(() => document.querySelectorAll('select').length, undefined)).toBe(0);
    },
  );

  test.skipIf(driver === undefined)(
    'a picture is fitted, shown in full size, and zoomed by buttons and keys',
    async () => {
      await open({ name: 'tall.png', content: () => png(13, 640) });
      const look = () =>
        page.evaluate(() => {
          const [image, frame] = [document.querySelector('img'), document.querySelector('.frame')];
          return {
            size: [image?.width, image?.height],
            scrolls: (frame?.scrollHeight ?? 0) > (frame?.clientHeight ?? 0),
            scale: document.querySelector('output')?.textContent,
            pressed: [...document.querySelectorAll('[aria-pressed=true]')].map((one) => one.textContent),
          };
        }, undefined);
      // A strip of 13 pixels would be unreadable at any smaller scale.
      const fitted = { size: [52, 2560], scrolls: true, scale: '400 %', pressed: ['Fit'] };
      await expect.poll(look, { timeout: 10_000 }).toEqual(fitted);
      const press = (label: string) =>
        page.evaluate(
          (text) => [...document.querySelectorAll('button')].find((one) => one.textContent === text)?.click(),
          label,
        );
      await press('Full size');
      expect(await look()).toMatchObject({ size: [13, 640], scale: '100 %', pressed: ['Full size'] });
      await press('+');
      expect(await look()).toMatchObject({ size: [20, 960], scale: '150 %', pressed: [] });
      await press('−');
      await press('Fit');
      expect(await look()).toMatchObject({ size: [52, 2560], pressed: ['Fit'] });
      const key = (pressed: string) =>
        page.evaluate((value) => {
          document
            .querySelector('.frame')
            ?.dispatchEvent(new KeyboardEvent('keydown', { key: value, cancelable: true }));
        }, pressed);
      await key('1');
      expect(await look()).toMatchObject({ size: [13, 640] });
      await key('+');
      await key('0');
      expect(await look()).toMatchObject({ size: [52, 2560] });
      await open({ name: 'large.png', content: () => png(3000, 2000) });
      const { size, scrolls } = await look();
      expect(scrolls).toBe(false);
      expect((size[0] ?? 0) / (size[1] ?? 1)).toBeCloseTo(1.5, 1);
    },
  );
});
