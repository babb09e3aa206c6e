/** The same code in a browser, beside Node. */
import { globSync } from 'node:fs';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportDeviceKeys, generateDeviceKeys, importDeviceKeys } from '../../../core/devices/device-keys.ts';
import { openChange, parseChanges } from '../../../core/devices/record-changes.ts';
import { parseRosterBody } from '../../../core/devices/roster-body.ts';
import { browserOrNone } from '../../link-page/chromium.ts';
import { accepted, fullVault, scope, VaultSimulator } from './vault-simulator.ts';

const browser = await browserOrNone();

/** The functions of the script. */
interface InBrowser {
  verify(scope: unknown, log: unknown): string;
  join(...all: unknown[]): { body: string; changes: string };
  makeKeys(): { id: string; same: boolean; extractable: boolean; exported: string };
}

/** Runs in the browser. `modules` are the exports of core/devices by file. */
const script = `
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = (bytes) => btoa(String.fromCharCode(...bytes));
globalThis.verify = async (scope, log) => {
  let state = modules['chain-state'].initialState(scope);
  for (const entry of log) {
    const outcome = await modules['apply-entry'].applyEntry(state, bytes(entry));
    if (outcome.result !== 'accept') return outcome.result + ' ' + outcome.reason;
    state = outcome.state;
  }
  return text(state.head.hash);
};
globalThis.join = async (scope, keys, wraps, expected, entry) => {
  const { importDeviceKeys } = modules['device-keys'];
  const device = await importDeviceKeys(bytes(keys));
  const { epoch, commitment, hash } = expected;
  const parts = { epoch, commitment: bytes(commitment), hash: bytes(hash) };
  const { key } = await modules['key-wraps'].openKeyWraps(scope, device, bytes(wraps), parts);
  const { parseSignedEntry } = modules['chain-entry'];
  const { parseChanges, openChange, sealChange, encodeChanges } = modules['record-changes'];
  const parsed = parseSignedEntry(bytes(entry));
  const plaintext = await openChange(key, parseChanges(parsed.body)[0], parsed);
  const mine = { ...plaintext, device: device.id, body: new TextEncoder().encode('from the browser') };
  const change = await sealChange(key, { type: 'memory', id: 'b' }, mine);
  return { body: new TextDecoder().decode(plaintext.body), changes: text(encodeChanges([change])) };
};
globalThis.makeKeys = async () => {
  const { generateDeviceKeys, exportDeviceKeys, importDeviceKeys } = modules['device-keys'];
  const keys = await generateDeviceKeys(true);
  const exported = await exportDeviceKeys(keys);
  const { id, ecdsa } = await importDeviceKeys(exported);
  const closed = await generateDeviceKeys(false);
  return { id, same: id === keys.id, extractable: ecdsa.privateKey.extractable || closed.ecdh.privateKey.extractable,
    exported: text(exported) };
};`;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

describe.skipIf(browser === undefined)('device vaults in Chromium', () => {
  let page: Page;
  beforeAll(async () => {
    const files = globSync('core/devices/*.ts');
    const name = (file: string) => file.replace(/^.*\/(.*)\.ts$/, '$1');
    const contents = [
      ...files.map((file, n) => `import * as m${n} from './${file}';`),
      `const modules = { ${files.map((file, n) => `'${name(file)}': m${n}`).join(', ')} };`,
      script,
    ].join('\n');
    const stdin = { contents, resolveDir: process.cwd() };
    const { outputFiles } = await build({ stdin, bundle: true, format: 'iife', platform: 'browser', write: false });
    page = await (browser as Browser).newPage();
    // WebCrypto needs a secure origin. No request leaves the machine.
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
    await page.goto('https://devices.test/');
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
  });
  afterAll(async () => {
    await (browser as Browser).close();
  });

  test('a chain that Node wrote is accepted to the same head, and a changed one is refused', async () => {
    const { vault } = await fullVault();
    const log = vault.log.map(({ signed }) => base64(signed));
    const verify = (entries: string[]) =>
      page.evaluate(([one, two]) => (globalThis as never as InBrowser).verify(one, two), [scope, entries] as const);
    expect(await verify(log)).toBe(base64(vault.state.head.hash));
    const changed = Buffer.from(log[3] ?? '', 'base64');
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(await verify(log.with(3, base64(changed)))).toBe('stop bad_signature');
  });

  test('a browser joins by a wrap of Node, reads a record of Node, and Node reads its record', async () => {
    const vault = new VaultSimulator();
    const first = await vault.begin();
    const keys = await generateDeviceKeys(true);
    await vault.add(first, 'data', keys);
    const wraps = vault.log.at(-1)?.wraps ?? expect.fail();
    const added = vault.state;
    accepted(await vault.put(first, 'a', 'from Node'));
    const entry = vault.log.at(-2)?.outcome ?? expect.fail();
    if (entry.result !== 'accept') expect.fail();
    const body = await parseRosterBody('add', entry.entry.body);
    if (body?.kind !== 'add') expect.fail();
    const expected = { epoch: added.epoch, commitment: base64(body.commitment), hash: base64(body.wraps) };
    const input = [
      scope,
      base64(await exportDeviceKeys(keys)),
      base64(wraps),
      expected,
      base64(vault.log.at(-1)?.signed ?? expect.fail()),
    ] as const;
    const joined = await page.evaluate((values) => (globalThis as never as InBrowser).join(...values), input);
    expect(joined.body).toBe('from Node');
    const changes = parseChanges(Buffer.from(joined.changes, 'base64')) ?? [];
    const outcome = accepted(
      await vault.writeRecords(
        keys,
        changes.filter((change) => change !== undefined),
      ),
    );
    const opened = await openChange(vault.key, outcome.changes[0]?.change ?? expect.fail(), outcome.entry);
    expect(Buffer.from(opened.body).toString()).toBe('from the browser');
  });

  test('keys are not extractable unless they were made for export, and Node imports exported ones', async () => {
    const made = await page.evaluate(() => (globalThis as never as InBrowser).makeKeys());
    expect(made).toMatchObject({ same: true, extractable: false });
    const imported = await importDeviceKeys(Buffer.from(made.exported, 'base64'));
    expect(imported.id).toBe(made.id);
  });
});
