/** Pictures of a view for people to look at, if the environment names a folder for them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const folder = process.env.ANIMA_TEST_SCREENSHOTS;
const sizes = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
] as const;

/** On a phone and on a desk, in light and in dark. The page is left as it was. */
export async function screenshots(page: Page, name: string): Promise<void> {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(folder, `${name}-${size.width}-${colorScheme}.png`) });
    }
  }
}
