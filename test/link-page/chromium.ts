/** One Chromium per test file, which records the violations, incidents and requests of every page. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import bundled from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Path of another Chromium, for machines that the bundled one does not support. */
const browserEnv = 'ANIMA_TEST_CHROMIUM';

/** Replaces the default switches of the bundled browser, which disable the security features under test. */
const switches = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/**
 * The bundled browser, unpacked once for all runs. It is renamed into place, because several test files can unpack it
 * at once.
 */
async function unpacked(): Promise<string> {
  const cache = resolve('node_modules/.cache');
  const folder = join(cache, 'anima-test-chromium-153.0.0');
  const executable = join(folder, 'chromium');
  if (existsSync(executable)) return executable;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'unpacking-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = fresh;
  try {
    await bundled.executablePath();
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(executable)) throw error;
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  return executable;
}

/** A running browser. If none can run, prints a warning and returns undefined. */
export async function browserOrNone(): Promise<Browser | undefined> {
  try {
    const executablePath = process.env[browserEnv] ?? (await unpacked());
    return await chromium.launch({ executablePath, headless: true, args: switches });
  } catch (error) {
    const [reason] = String(error).split('\n');
    process.stderr.write(
      `\n*** NO BROWSER AVAILABLE: the tests in a browser are SKIPPED. ***\n` +
        `*** ${reason} — name another Chromium in ${browserEnv}. ***\n\n`,
    );
    return undefined;
  }
}

/** A page, and records of everything that it must not do. */
export interface Visit {
  readonly page: Page;
  /** Violations of the Content-Security-Policy, from the event and from the console. */
  readonly violations: string[];
  /** Dialogs, script errors, and opened windows. */
  readonly incidents: string[];
  /** URLs of all requests, including blocked ones. */
  readonly requests: string[];
  close(): Promise<void>;
}

interface VisitOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  /** Script that runs before the scripts of the page. */
  readonly before?: string;
}

/** Opens a page in a separate context without shared state. */
export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const { scheme = 'light', width = 1000, height = 700, before } = options;
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, acceptDownloads: true });
  // Prevents hanging. All awaited events normally occur within a second.
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const seen = { violations: [] as string[], incidents: [] as string[], requests: [] as string[] };
  await context.exposeBinding('reportViolation', (_source, text: string) => void seen.violations.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const report: unknown = Reflect.get(globalThis, 'reportViolation');
      if (typeof report === 'function') report(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  if (before !== undefined) await context.addInitScript(before);
  page.on('console', (message) => {
    if (/content security policy|trusted ?type/i.test(message.text())) seen.violations.push(message.text());
  });
  page.on('dialog', (dialog) => {
    seen.incidents.push(`dialog ${dialog.message()}`);
    dialog.dismiss().catch(() => undefined);
  });
  page.on('pageerror', (error) => void seen.incidents.push(`error ${error.message}`));
  context.on('page', (opened) => void seen.incidents.push(`window ${opened.url()}`));
  context.on('request', (request) => void seen.requests.push(request.url()));
  return { page, ...seen, close: () => context.close() };
}

/** The heading of the page after it has reached a final state. */
export async function settled(page: Page): Promise<string> {
  await page.waitForFunction(() => {
    const heading = document.querySelector('h1')?.textContent ?? '';
    return heading !== '' && heading !== 'Opening …';
  });
  return (await page.textContent('h1')) ?? '';
}

/** Waits until more than this share of a download is received. */
export const progressed = async (page: Page, share: number): Promise<void> => {
  await page.waitForFunction((wanted) => (document.querySelector('progress')?.value ?? 0) > wanted, share);
};

/** RGBA values of the displayed picture. */
export const drawn = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const image = document.querySelector('img');
    if (image === null) throw new Error('no picture is shown');
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext('2d');
    context?.drawImage(image, 0, 0);
    return [...(context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [])];
  });
