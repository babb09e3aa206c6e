import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { troubles } from '../../viewer/src/page/page-texts.ts';
import { browserOrNone, settled, type Visit, visit } from './chromium.ts';
import { type FakePageServer, startFakePageServer } from './page-server.ts';
import { joined, png } from './sample-files.ts';

const browser = await browserOrNone();

type Bytes = Uint8Array<ArrayBuffer>;
const header = 64;
const sealed = 2 ** 16 + 16;
const chunk = (bytes: Bytes, index: number) => bytes.subarray(header + index * sealed, header + (index + 1) * sealed);
const flipped = (bit: number) => (bytes: Bytes) => {
  const other = bytes.slice();
  const at = Math.floor(bit / 8) % bytes.length;
  other[at] = (other[at] ?? 0) ^ (1 << (bit % 8));
  return other;
};

/**
 * Changes that storage could make to an object of five chunks. In most of them, the first chunk, which holds a whole
 * picture, stays authentic.
 */
const changes: Record<string, (bytes: Bytes) => Bytes> = {
  'cut off by a byte': (bytes) => bytes.slice(0, -1),
  'cut off after the first chunk': (bytes) => bytes.slice(0, header + sealed),
  'cut off before the last chunk': (bytes) => bytes.slice(0, header + 4 * sealed),
  'cut off within the second chunk': (bytes) => bytes.slice(0, header + sealed + 1000),
  'cut off within the header': (bytes) => bytes.slice(0, 40),
  'with nothing but a header': (bytes) => bytes.slice(0, header),
  empty: () => new Uint8Array(0),
  'with two chunks in each other’s place': (bytes) =>
    joined(bytes.subarray(0, header + sealed), chunk(bytes, 2), chunk(bytes, 1), bytes.subarray(header + 3 * sealed)),
  'without a chunk in the middle': (bytes) =>
    joined(bytes.subarray(0, header + 2 * sealed), bytes.subarray(header + 3 * sealed)),
  'with its first chunk twice': (bytes) => joined(bytes.subarray(0, header + sealed), bytes.subarray(header)),
  'longer by a byte': (bytes) => joined(bytes, new Uint8Array(1)),
  'longer by its last chunk': (bytes) => joined(bytes, bytes.subarray(header + 4 * sealed)),
  'longer by itself': (bytes) => joined(bytes, bytes),
  'of zeros': (bytes) => new Uint8Array(bytes.length),
  'with a bit changed in the magic': flipped(3),
  'with a bit changed in the chunk size': flipped(5 * 8 + 2),
  'with a bit changed in the salt': flipped(20 * 8),
  'with a bit changed in the commitment': flipped(50 * 8 + 7),
  'with a bit changed in the description': flipped((header + 10) * 8),
  'with a bit changed in the first tag': flipped((header + sealed - 1) * 8),
  'with a bit changed in the fourth chunk': flipped((header + 3.5 * sealed) * 8),
  'with its last bit changed': flipped(-1 + 8 * (header + 4 * sealed)),
};

describe.skipIf(browser === undefined)('an object in a browser, changed by who stores it', () => {
  let place: FakePageServer;
  let seen: Visit;
  const content = joined(png(64, 48), new Uint8Array(280_000));

  beforeAll(async () => {
    place = await startFakePageServer();
    seen = await visit(browser as Browser, {
      before: `globalThis.made = 0; const real = URL.createObjectURL;
        URL.createObjectURL = (...given) => { made += 1; return real.apply(URL, given); };`,
    });
  });
  afterAll(async () => {
    await (browser as Browser).close();
    await place.close();
  });

  const nothingOf = async (heading: string) => {
    expect(await settled(seen.page)).toBe(heading);
    const shown = await seen.page.evaluate(
      () => document.querySelectorAll('main :is(img, pre, audio, video, a)').length,
    );
    expect(shown).toBe(0);
    // The tab icon, and nothing else.
    expect(await seen.page.evaluate('made')).toBe(1);
    expect(seen.incidents).toEqual([]);
    expect(seen.violations).toEqual([]);
  };

  test('is shown when it is not changed', async () => {
    await seen.page.goto((await place.make(content, { name: 'a.png' })).url);
    expect(await settled(seen.page)).toBe('a.png');
    expect(await seen.page.evaluate('made')).toBe(3);
  });

  test.for(Object.keys(changes))('%s: nothing of it is shown, and it is called damaged', async (what) => {
    const made = await place.make(content, { name: 'a.png' });
    const object = place.stored(made);
    const changed = changes[what]?.(object.bytes) ?? object.bytes;
    expect(Buffer.compare(changed, object.bytes)).not.toBe(0);
    object.bytes = changed;
    await seen.page.goto(made.url);
    await nothingOf(troubles.damaged.title);
  });

  test('in the place of another one: damaged', async () => {
    const [made, other] = [await place.make(content), await place.make(content)];
    place.stored(made).bytes = place.stored(other).bytes;
    await seen.page.goto(made.url);
    await nothingOf(troubles.damaged.title);
  });

  test('with the key of another link: refused before anything is downloaded, and counted as no opening', async () => {
    const [made, other] = [await place.make(content), await place.make(content)];
    const before = place.log().length;
    await seen.page.goto(`${place.origin}/b/${made.link}#${other.key}`);
    await nothingOf(troubles.refused.title);
    expect(
      place
        .log()
        .slice(before)
        .filter(({ server }) => server === 'storage'),
    ).toEqual([]);
    expect(place.stored(made).openings).toBe(0);
  });

  test('one that is to be read once is not burned when it is damaged', async () => {
    const made = await place.make(content, { burn: true });
    place.stored(made).bytes.fill(0, header + sealed, header + sealed + 1);
    await seen.page.goto(made.url);
    await seen.page.click('button');
    await seen.page.waitForSelector('[role=alert]');
    await nothingOf(troubles.damaged.title);
    expect(place.stored(made).burned).toBe(false);
  });
});
