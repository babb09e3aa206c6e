/** The page of requests for a secret, with the deployed policy and a local vault. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { x25519PublicKey } from '../../core/hazmat/x25519.ts';
import type { RequestOptions } from '../../sdk/src/index.ts';
import { deniedView, filledView, formTexts, requestTroubles } from '../../viewer/src/secret-requests/request-texts.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { browserOrNone, settled, type Visit, visit } from './chromium.ts';

const browser = await browserOrNone();
const stack = useLocalStack();
/** Folder for screenshots. Without the variable, no screenshots are taken. */
const pictures = process.env.ANIMA_TEST_SCREENSHOTS;
const phone = { width: 390, height: 760 } as const;

/** Facts that every state must have: one heading with the focus, names, targets, labels, and no overflow. */
const factsOf = (page: Page) =>
  page.evaluate(() => ({
    headings: document.querySelectorAll('h1').length,
    hash: location.hash,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    small: [...document.querySelectorAll('button, input, textarea')].filter(
      (one) => one.getBoundingClientRect().height < 44,
    ).length,
    unnamed: [...document.querySelectorAll('button, input, textarea')].filter(
      (one) => ((one as HTMLInputElement).labels?.[0]?.textContent ?? one.textContent ?? '').trim() === '',
    ).length,
    described: [...document.querySelectorAll('input, textarea')].every(
      (one) => document.getElementById(one.getAttribute('aria-describedby') ?? '') !== null,
    ),
  }));
const fine = { headings: 1, hash: '', overflow: 0, small: 0, unnamed: 0, described: true };

/** Contrast of the text of elements against the background behind them (WCAG 2.2, success criterion 1.4.3). */
const lowContrast = (page: Page) =>
  page.evaluate(() => {
    const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string) => {
      const [red = 0, green = 0, blue = 0] = channels(color).map((value) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const backgroundOf = (element: Element | null): string => {
      if (element === null) return 'rgb(255, 255, 255)';
      const { backgroundColor } = getComputedStyle(element);
      return channels(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor;
    };
    return [...document.querySelectorAll('h1, p, dt, dd, label, legend, button, input, textarea, blockquote')]
      .filter((element) => (element.textContent ?? '').trim() !== '')
      .filter((element) => {
        const [a, b] = [luminance(getComputedStyle(element).color), luminance(backgroundOf(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
      })
      .map((element) => element.outerHTML.slice(0, 80));
  });

describe.skipIf(browser === undefined)('the page of a request', () => {
  afterAll(async () => await (browser as Browser).close());

  let names = 0;
  const ask = (options: Partial<RequestOptions> = {}, name = `prod/stripe/page-${names++}`) =>
    stack.client.vault.request(name, { why: 'to list the invoices', ...options });

  async function open(url: string, options: Parameters<typeof visit>[1] = phone): Promise<Visit> {
    const seen = await visit(browser as Browser, options);
    await seen.page.goto(url);
    await settled(seen.page);
    return seen;
  }

  async function close(seen: Visit): Promise<void> {
    expect([seen.violations, seen.incidents]).toEqual([[], []]);
    const { host } = new URL(seen.page.url());
    for (const url of seen.requests.filter((one) => one.startsWith('http'))) expect(new URL(url).host).toBe(host);
    await seen.close();
  }

  async function photograph({ page }: Visit, name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    for (const scheme of ['light', 'dark'] as const)
      for (const width of [390, 1280]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 800 });
        await page.screenshot({ path: join(pictures, `request-${name}-${width}-${scheme}.png`), fullPage: true });
      }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(phone);
  }

  test('encrypts what is typed by the keyboard alone, suggests a host by the name, and sends no plaintext', async () => {
    const request = await ask();
    const seen = await open(request.url);
    const { page } = seen;
    expect(await page.title()).toBe('An agent asks you for a secret – Request for a secret');
    expect(await page.textContent('dl')).toContain(request.name);
    expect(await factsOf(page)).toEqual(fine);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
    await photograph(seen, 'form');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await lowContrast(page)).toEqual([]);
    }
    const bodies: string[] = [];
    page.on('request', (sent) => void bodies.push(sent.postData() ?? ''));

    await page.keyboard.press('Tab');
    await page.keyboard.type('sk_live_typed_by_keys');
    expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe('solid');
    const hosts = page.getByLabel(formTexts.hosts);
    expect(await hosts.inputValue()).toBe('');
    const suggestion = page.locator('text=Use api.stripe.com');
    while (!(await suggestion.evaluate((one) => one === document.activeElement))) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await hosts.inputValue()).toBe('api.stripe.com');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`text=${filledView.title}`);
    expect(await factsOf(page)).toEqual(fine);
    await photograph(seen, 'filled');
    expect(bodies.join()).toContain('sealed');
    expect(bodies.join()).not.toContain('sk_live');
    expect(await stack.client.vault.getWithInfo(request.name)).toMatchObject({
      value: 'sk_live_typed_by_keys',
      metadata: { allowed_hosts: 'api.stripe.com' },
    });
    await close(seen);
    const again = await open(request.url);
    expect(await settled(again.page)).toBe(requestTroubles.answered.title);
    await photograph(again, 'answered');
    await close(again);
  });

  test('shows the reason as a quotation, with what would change its order, and warns of a replacement', async () => {
    const name = `prod/plain-${names++}`;
    await stack.client.vault.set(name, 'old');
    const why = 'safe \u202Egnidaelsim\u202C <img src=x onerror=alert(1)>\nnext';
    const seen = await open((await ask({ why, replace: true }, name)).url);
    expect(await seen.page.textContent('blockquote')).toBe(
      '“safe [U+202E]gnidaelsim[U+202C] <img src=x onerror=alert(1)>[U+000A]next”',
    );
    expect(await seen.page.textContent('.note')).toContain(formTexts.replace);
    expect(await seen.page.locator('text=Use api.').count()).toBe(0);
    await photograph(seen, 'replace');
    await seen.page.click(`button:has-text("${formTexts.deny}")`);
    await seen.page.waitForSelector(`text=${deniedView.title}`);
    expect(await stack.client.vault.get(name)).toBe('old');
    await close(seen);
  });

  test('keeps what was typed when the vault refuses a rule or the connection is lost, and shows and hides it', async () => {
    const request = await ask();
    const seen = await open(request.url);
    const { page } = seen;
    await page.click(`button:has-text("${formTexts.send}")`);
    expect(await page.textContent('[role=alert]')).toBe(formTexts.noSecret);
    await page.getByLabel(formTexts.secret).fill('-----BEGIN KEY-----\nline\n-----END KEY-----\n');
    const masked = () =>
      page.locator('textarea').evaluate((one) => Reflect.get(getComputedStyle(one), 'webkitTextSecurity'));
    expect(await masked()).toBe('disc');
    await page.click(`button:has-text("${formTexts.show}")`);
    expect(await masked()).toBe('none');
    await page.getByLabel(formTexts.hosts).fill('*.github.io');
    await page.click(`button:has-text("${formTexts.send}")`);
    await page.waitForSelector('[role=alert]:has-text("allowed_hosts")');
    await photograph(seen, 'refused');
    await page.getByLabel(formTexts.hosts).fill('api.github.com');
    await page.route('**/filling', (route) => route.abort());
    await page.click(`button:has-text("${formTexts.send}")`);
    await page.waitForSelector(`[role=alert]:has-text("${requestTroubles.offline.title}")`);
    await page.unroute('**/filling');
    await page.click(`button:has-text("${formTexts.send}")`);
    await page.waitForSelector(`text=${filledView.title}`);
    expect(await stack.client.vault.get(request.name)).toBe('-----BEGIN KEY-----\nline\n-----END KEY-----\n');
    await close(seen);
  });

  test('answers nothing with a link that is incomplete, changed, reloaded or cancelled, or in an old browser', async () => {
    const { url, cancel } = await ask();
    const keys = Buffer.from(new URL(url).hash.slice(1), 'base64url');
    const swapped = Buffer.concat([keys.subarray(0, 32), x25519PublicKey(new Uint8Array(32).fill(9))]);
    const headingOf = async (address: string, options: Parameters<typeof visit>[1] = phone) => {
      const seen = await open(address, options);
      const heading = await settled(seen.page);
      expect(await factsOf(seen.page)).toEqual(fine);
      await close(seen);
      return heading;
    };
    const withoutKey = url.replace(/#.*/, '');
    expect(await headingOf(withoutKey)).toBe(requestTroubles.noKey.title);
    expect(await headingOf(url.slice(0, -2))).toBe(requestTroubles.noKey.title);
    expect(await headingOf(`${url}.`)).toBe('An agent asks you for a secret');
    expect(await headingOf(url.replace('/s/', '/s/x'))).toBe(requestTroubles.notALink.title);
    expect(await headingOf(url.replace(/.{16}#/, '0000000000000000#'))).toBe(requestTroubles.gone.title);
    expect(await headingOf(url.replace(/#.{8}/, '#AAAAAAAA'))).toBe(requestTroubles.changed.title);
    const old = `const importKey = SubtleCrypto.prototype.importKey; SubtleCrypto.prototype.importKey = function (...all) {
      if (all[2]?.name === 'X25519') throw new DOMException('unknown', 'NotSupportedError'); return importKey.apply(this, all); };`;
    expect(await headingOf(url, { ...phone, before: old })).toBe(requestTroubles.oldBrowser.title);

    // The API answers as before, and the link has another key: what is typed does not open.
    const seen = await open(`${withoutKey}#${swapped.toString('base64url')}`);
    await seen.page.getByLabel(formTexts.secret).fill('for somebody else');
    await seen.page.click(`button:has-text("${formTexts.send}")`);
    await seen.page.waitForSelector(`text=${requestTroubles.changed.title}`);
    await seen.page.reload();
    expect(await settled(seen.page)).toBe(requestTroubles.reloaded.title);
    await close(seen);
    await cancel();
    expect(await headingOf(url)).toBe(requestTroubles.denied.title);
  });
});
