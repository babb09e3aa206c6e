/** Firefox, if this machine has it. No package of the project contains one. */
import { existsSync } from 'node:fs';
import { type Browser, launch } from 'puppeteer-core';

/** Path of Firefox, for machines that have it elsewhere. */
const firefoxEnv = 'ANIMA_TEST_FIREFOX';
const usualPaths = [
  '/usr/bin/firefox',
  '/usr/bin/firefox-esr',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
  'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
];

/** A running Firefox. Without one, prints a warning and returns undefined. */
export async function firefoxOrNone(): Promise<Browser | undefined> {
  try {
    const executablePath = process.env[firefoxEnv] ?? usualPaths.find((path) => existsSync(path));
    if (executablePath === undefined) throw new Error('Firefox is not installed');
    return await launch({ browser: 'firefox', executablePath, headless: true });
  } catch (error) {
    const [reason] = String(error).split('\n');
    process.stderr.write(
      `\n*** NO FIREFOX: its tests are SKIPPED. ***\n*** ${reason} — install it (Debian: firefox-esr), or name it in ${firefoxEnv}. ***\n\n`,
    );
    return undefined;
  }
}
