/** Verifying in Chromium, if one can run. */
import { build } from 'esbuild';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { browserOrNone } from '../../test/link-page/chromium.ts';
import { scope } from './chain-figures.ts';
import type { Figure } from './figure.ts';

const script = `
import { applyEntry } from './core/devices/apply-entry.ts';
import { initialState } from './core/devices/chain-state.ts';
globalThis.verify = async (scope, log) => {
  const entries = log.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const started = performance.now();
  let state = initialState(scope);
  for (const signed of entries) {
    const outcome = await applyEntry(state, signed);
    if (outcome.result !== 'accept') throw new Error(outcome.reason);
    state = outcome.state;
  }
  return performance.now() - started;
};`;

export async function measureBrowserVerification(log: readonly Bytes[]): Promise<Figure[]> {
  const browser = await browserOrNone();
  if (browser === undefined) return [];
  try {
    const stdin = { contents: script, resolveDir: process.cwd() };
    const { outputFiles } = await build({ stdin, bundle: true, format: 'iife', platform: 'browser', write: false });
    const page = await browser.newPage();
    // WebCrypto needs a secure origin. No request leaves the machine.
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
    await page.goto('https://devices.test/');
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
    const texts = log.map((signed) => Buffer.from(signed).toString('base64'));
    const ms = await page.evaluate(
      ([of, entries]) => (Reflect.get(globalThis, 'verify') as (...all: unknown[]) => number)(of, entries),
      [scope, texts] as const,
    );
    return [{ name: `verify ${log.length} entries, Chromium`, ms, goalMs: 3_000 }];
  } finally {
    await browser.close();
  }
}
