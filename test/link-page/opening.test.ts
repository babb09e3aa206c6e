import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { browserOrNone, drawn, progressed, settled, type Visit, visit } from './chromium.ts';
import { type FakePageServer, startFakePageServer } from './page-server.ts';
import { gif, joined, pixelsOf, png, tinyAvif, utf8, wav } from './sample-files.ts';

const browser = await browserOrNone();

describe.skipIf(browser === undefined)('a link in a browser', () => {
  let place: FakePageServer;
  let seen: Visit;
  let page: Page;

  beforeAll(async () => {
    place = await startFakePageServer();
  });
  afterAll(async () => {
    await (browser as Browser).close();
    await place.close();
  });
  beforeEach(async () => {
    seen = await visit(browser as Browser);
    page = seen.page;
  });
  afterEach(async () => {
    expect(seen.violations).toEqual([]);
    expect(seen.incidents).toEqual([]);
    await seen.close();
  });

  /** The RGBA values of an encoded file, decoded in a page without a content security policy. */
  const decoded = async (file: Uint8Array, type: string): Promise<number[]> => {
    const other = await (browser as Browser).newPage();
    await other.setContent(`<img src="data:${type};base64,${Buffer.from(file).toString('base64')}">`);
    await other.evaluate(() => document.querySelector('img')?.decode());
    const pixels = await drawn(other);
    await other.close();
    return pixels;
  };
  /** These pixels as a file, encoded by this browser. */
  const encoded = async (type: string): Promise<Uint8Array<ArrayBuffer>> => {
    const other = await (browser as Browser).newPage();
    const url = await other.evaluate(
      ([wanted, pixels]) => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [64, 48];
        canvas.getContext('2d')?.putImageData(new ImageData(Uint8ClampedArray.from(pixels), 64, 48), 0, 0);
        return canvas.toDataURL(wanted);
      },
      [type, [...pixelsOf(64, 48)]] as const,
    );
    await other.close();
    expect(url).toContain(`data:${type};base64,`);
    return new Uint8Array(Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'));
  };

  test('shows the very pixels of a PNG, whatever its type and name say', async () => {
    const { url } = await place.make(png(64, 48), { type: 'text/html', name: '../../x.html' });
    await page.goto(url);
    expect(await settled(page)).toBe('x.html');
    expect(await drawn(page)).toEqual([...pixelsOf(64, 48)]);
    expect(await page.textContent('dl')).toContain('PNG image, 64 × 48');
    expect(await page.title()).toBe('File opened – Encrypted file');
  });

  test.for([
    ['image/jpeg', () => encoded('image/jpeg')],
    ['image/webp', () => encoded('image/webp')],
    ['image/gif', async () => gif(31, 17, [200, 30, 90])],
    ['image/avif', async () => tinyAvif],
  ] as const)('draws %s as the original is drawn', async ([type, make]) => {
    const file = await make();
    await page.goto((await place.make(file, { name: 'picture' })).url);
    await settled(page);
    const pixels = await drawn(page);
    expect(pixels.length).toBeGreaterThan(8);
    expect(pixels).toEqual(await decoded(file, type));
  });

  test('keeps the key to itself: no server sees it, no referrer, an address bar without it, nothing stored', async () => {
    const before = place.log().length;
    const { url, key, link } = await place.make(png(8, 8), { name: 'a.png' });
    await page.goto(url);
    await settled(page);
    expect(await page.evaluate(() => [location.hash, location.href, document.referrer])).toEqual([
      '',
      `${place.origin}/b/${link}`,
      '',
    ]);
    const requests = place.log().slice(before);
    expect(requests.map(({ server, method, path }) => `${server} ${method} ${path.split('?')[0]}`)).toEqual([
      `page GET /b/${link}`,
      `page GET /v1/links/${link}`,
      `page POST /v1/links/${link}/opening`,
      `storage GET /${link}.enc`,
    ]);
    for (const { path, headers, body } of requests) {
      const all = JSON.stringify([path, headers, body]);
      for (const secret of [key, decodeURIComponent(key), Buffer.from(key, 'base64url').toString('base64'), '#']) {
        expect(all).not.toContain(secret);
      }
      expect(headers.referer).toBeUndefined();
      expect(headers.cookie).toBeUndefined();
    }
    expect(seen.requests.filter((request) => !request.startsWith('blob:')).length).toBe(requests.length);
    const left = await page.evaluate(async () => [
      document.cookie,
      localStorage.length + sessionStorage.length,
      (await indexedDB.databases()).length,
      (await navigator.serviceWorker?.getRegistrations())?.length ?? 0,
    ]);
    expect(left).toEqual(['', 0, 0, 0]);
  });

  test('has the key out of the address bar before the first request of the script', async () => {
    const { url } = await place.make(png(8, 8));
    await page.addInitScript(() => {
      const real = globalThis.fetch;
      globalThis.fetch = (...parameters) => {
        document.documentElement.dataset.seen ??= location.hash === '' ? 'cleared' : 'key';
        return real(...parameters);
      };
    });
    await page.goto(url);
    await settled(page);
    expect(await page.getAttribute('html', 'data-seen')).toBe('cleared');
  });

  test('shows text as text, with its markup as it stands', async () => {
    const text = '<script>document.title = "run"</script>\nÄ & <b>b</b> 漢';
    await page.goto((await place.make(utf8(text), { type: 'Text/Plain; charset=utf-8', name: 'n.txt' })).url);
    await settled(page);
    expect(await page.textContent('pre')).toBe(text);
    expect(await page.locator('pre *').count()).toBe(0);
  });

  test('plays sound with controls, and not by itself', async () => {
    await page.goto((await place.make(wav(), { name: 'tone.wav' })).url);
    await settled(page);
    const player = await page.$eval('audio', ({ controls, paused, duration }) => ({ controls, paused, duration }));
    expect(player).toEqual({ controls: true, paused: true, duration: 0.5 });
  });

  test('plays moving pictures with controls, and not by themselves', async () => {
    const other = await (browser as Browser).newPage();
    const recorded = await other.evaluate(async () => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d')?.fillRect(0, 0, 30, 30);
      const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm' });
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const ended = new Promise((resolve) => {
        recorder.onstop = resolve;
      });
      recorder.start();
      const drawing = setInterval(() => canvas.getContext('2d')?.fillRect(0, 0, Math.random() * 99, 9), 20);
      setTimeout(() => recorder.stop(), 300);
      await ended;
      clearInterval(drawing);
      return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    });
    await other.close();
    await page.goto((await place.make(Uint8Array.from(recorded), { name: 'film' })).url);
    await settled(page);
    const player = await page.$eval('video', ({ controls, paused, videoWidth }) => ({ controls, paused, videoWidth }));
    expect(player).toEqual({ controls: true, paused: true, videoWidth: 300 });
  });

  test('offers anything else as a download with a name made safe, byte for byte', async () => {
    const content = joined(
      utf8('%PDF-1.7 '),
      Uint8Array.from({ length: 300_000 }, (_, at) => at % 251),
    );
    await page.goto((await place.make(content, { type: 'application/pdf', name: '..\\a/b\u202Efdp.exe.' })).url);
    expect(await settled(page)).toBe('b[U+202E]fdp.exe');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save the file')]);
    expect(download.suggestedFilename()).toBe('b[U+202E]fdp.exe');
    const pieces: Buffer[] = [];
    for await (const piece of await download.createReadStream()) pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
  });

  test('takes a broken download up where it stopped, and counts one opening', async () => {
    const made = await place.make(joined(png(64, 48), new Uint8Array(400_000)), { maxOpens: 2 });
    const stored = place.stored(made);
    stored.stopsAfter = 150_000;
    const before = place.log().length;
    await page.goto(made.url);
    await page.click('button:has-text("Open it now")');
    await progressed(page, 0.3);
    stored.stopsAfter = undefined;
    stored.drop?.();
    await page.waitForSelector('img');
    const ranges = place
      .log()
      .slice(before)
      .filter(({ server, method }) => server === 'storage' && method === 'GET')
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(place.stored(made).openings).toBe(1);
    expect(await page.textContent('dl')).toContain('once more');
  });

  test('writes a large file to disk piece by piece, and leaves nothing of one that is damaged', async () => {
    const disk = `globalThis.disk = { written: 0, closed: false, aborted: false, names: [] };
      globalThis.showSaveFilePicker = async ({ suggestedName }) => {
        disk.names.push(suggestedName);
        if (disk.names.length === 1) throw new DOMException('cancelled', 'AbortError');
        return { createWritable: async () => ({
          write: async (bytes) => { disk.written += bytes.length; },
          close: async () => { disk.closed = true; },
          abort: async () => { disk.aborted = true; } }) };
      };`;
    const content = new Uint8Array(3 * 2 ** 20);
    for (const damaged of [false, true]) {
      const large = await visit(browser as Browser, { before: disk });
      const made = await place.make(content, { name: 'big.bin' });
      const { bytes } = place.stored(made);
      if (damaged) bytes.set([1], bytes.length - 1);
      // A real file of that size would take too long, so only the stated size is large.
      await large.page.route('**/v1/links/**', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), size: 300_000_000 } });
      });
      await large.page.goto(made.url);
      await large.page.click('text=Choose where to save');
      await large.page.click('text=Choose where to save');
      await large.page.waitForFunction(() => /saved|damaged/.test(document.title));
      const after: unknown = await large.page.evaluate('disk');
      // Only the last chunk is damaged. The description and all other chunks are authentic.
      const written = damaged ? 3 * 2 ** 20 - 1024 : content.length;
      expect(after).toEqual({ written, closed: !damaged, aborted: damaged, names: ['big.bin', 'big.bin'] });
      expect(large.violations).toEqual([]);
      await large.close();
    }
  });
});
