/** Browsers and a Node process with one device vault, on the local stack. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeviceVault, DeviceVaults } from '../../sdk/src/device/index.ts';
import { nodeStorage } from '../../sdk/src/device/node.ts';
import { browserOrNone } from '../link-page/chromium.ts';
import { firefoxOrNone } from '../shared/firefox.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createUser } from './signed-device-requests.ts';

const chromium = await browserOrNone();
const firefox = await firefoxOrNone();
const stack = useLocalStack();

/** The functions of the script. */
interface InBrowser {
  join(apiKey: string, vault: string): Promise<string>;
  approve(pairing: string): Promise<void>;
  sync(): Promise<string[]>;
  putTodo(data: unknown): Promise<string>;
  todo(): Promise<unknown>;
  devices(): Promise<number>;
  failure(name: 'sync'): Promise<string>;
}

const script = `
let vault;
// A person compares the codes in the test.
const confirm = ({ code }) => confirmCode(code);
globalThis.join = async (apiKey, id) => {
  const vaults = new sdk.DeviceVaults({ apiKey, baseURL: location.origin, storage: sdk.indexedDbStorage() });
  vault = await vaults.join({ vault: id, confirm, onWaiting: ({ pairing }) => waiting(pairing) });
  return vault.device;
};
globalThis.approve = (pairing) => vault.approve(pairing, { confirm, label: 'second browser' });
globalThis.sync = async () => (await vault.sync()).conflicts.map(({ id }) => id);
globalThis.putTodo = async (data) => (await vault.records('todo').put(data, { id: 'shopping' })).state;
globalThis.todo = async () => (await vault.records('todo').get('shopping'))?.data;
globalThis.devices = async () => (await vault.devices()).length;
globalThis.failure = (name) => globalThis[name]().then(() => 'none', (error) => error.code);`;

/** A browser with storage of its own, and what its person sees. */
interface Person {
  readonly codes: string[];
  readonly waiting: Promise<string>;
  call(name: keyof InBrowser, values: readonly unknown[]): Promise<unknown>;
  setOffline(offline: boolean): Promise<void>;
  close(): Promise<void>;
}

/** The part of a page that both drivers have. */
interface DrivenPage {
  exposeFunction(name: string, value: (text: string) => unknown): Promise<unknown>;
  goto(url: string): Promise<unknown>;
  addScriptTag(script: { content: string }): Promise<unknown>;
}

const emptyPage = '/device-page';
const html = { contentType: 'text/html', body: '<!doctype html><title>device</title>' };

/** Loads the script into a page of the vault's origin. All requests of the script go to the real service. */
async function prepare(page: DrivenPage, content: string) {
  const codes: string[] = [];
  const { promise: waiting, resolve } = Promise.withResolvers<string>();
  await page.exposeFunction('confirmCode', (shown) => codes.push(shown) > 0);
  await page.exposeFunction('waiting', (pairing) => resolve(pairing));
  await page.goto(stack.vault.url + emptyPage);
  await page.addScriptTag({ content });
  return { codes, waiting };
}

async function inChromium(content: string): Promise<Person> {
  const context = await (chromium as Chromium).newContext();
  const page = await context.newPage();
  await page.route(`**${emptyPage}`, (route) => route.fulfill(html));
  return {
    ...(await prepare(page, content)),
    call: (name, values) => page.evaluate(([of, all]) => Reflect.get(globalThis, of)(...all), [name, values] as const),
    setOffline: (offline) => context.setOffline(offline),
    close: () => context.close(),
  };
}

async function inFirefox(content: string): Promise<Person> {
  const context = await (firefox as Firefox).createBrowserContext();
  const page = await context.newPage();
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const done = request.url().endsWith(emptyPage) ? request.respond(html) : request.continue();
    done.catch(() => undefined);
  });
  return {
    ...(await prepare(page, content)),
    call: (name, values) => page.evaluate((of, all) => Reflect.get(globalThis, of)(...all), name, values),
    setOffline: (offline) => page.setOfflineMode(offline),
    close: () => context.close(),
  };
}

describe('two browsers and a Node process', () => {
  let code: string;
  let folder: string;
  const people: Person[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'anima-browsers-'));
    const { outputFiles } = await build({
      entryPoints: ['sdk/src/device/index.ts'],
      bundle: true,
      format: 'iife',
      globalName: 'sdk',
      platform: 'browser',
      write: false,
    });
    code = `${outputFiles[0]?.text}\n${script}`;
  });
  afterAll(async () => {
    for (const person of people) await person.close();
    await chromium?.close();
    await firefox?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const inPage = <T>({ call }: Person, name: keyof InBrowser, ...all: unknown[]): Promise<T> =>
    call(name, all) as Promise<T>;

  const pairs = [
    { names: 'two Chromiums', isHere: chromium !== undefined, begin: [inChromium, inChromium] },
    { names: 'Chromium and Firefox', isHere: chromium && firefox && true, begin: [inChromium, inFirefox] },
  ] as const;

  async function runWith(begin: (typeof pairs)[number]['begin']): Promise<void> {
    const { key } = await createUser(stack);
    const vaults = new DeviceVaults({ apiKey: key, baseURL: stack.vault.url, storage: nodeStorage({ folder }) });
    const node: DeviceVault = await vaults.create({ label: 'Node' });
    const { vault } = node.scope;
    const [one, two] = [await begin[0](code), await begin[1](code)];
    people.push(one, two);

    // The first browser is approved by Node, the second one by the first.
    const shownByNode: string[] = [];
    const joining = inPage<string>(one, 'join', key, vault);
    await node.approve(await one.waiting, {
      confirm: async (comparison) => shownByNode.push(comparison.code) > 0,
      label: 'first browser',
    });
    const first = await joining;
    expect(one.codes).toEqual(shownByNode);
    expect(shownByNode[0]).toMatch(/^[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}$/);
    const second = inPage<string>(two, 'join', key, vault);
    await inPage(one, 'approve', await two.waiting);
    expect(two.codes).toEqual([one.codes[1]]);
    const secondDevice = await second;
    await node.sync();
    expect((await node.devices()).map(({ id, label, role }) => [id, label, role])).toEqual([
      [node.device, 'Node', 'admin'],
      [first, 'first browser', 'admin'],
      [secondDevice, 'second browser', 'admin'],
    ]);

    // All begin with the same todo, and edit different members of it offline.
    await node.records('todo').put({ title: 'Shopping', items: 1 }, { id: 'shopping' });
    for (const person of [one, two]) {
      await inPage(person, 'sync');
      expect(await inPage(person, 'todo')).toEqual({ title: 'Shopping', items: 1 });
      await person.setOffline(true);
    }
    expect(await inPage(one, 'putTodo', { title: 'Shopping', items: 1, done: true })).toBe('local');
    expect(await inPage(two, 'putTodo', { title: 'Groceries', items: 1 })).toBe('local');
    await node.records('todo').put({ title: 'Shopping', items: 2 }, { id: 'shopping' });
    for (const person of [one, two]) await person.setOffline(false);
    for (let round = 0; round < 2; round++) {
      for (const person of [one, two]) expect(await inPage(person, 'sync')).toEqual([]);
      await node.sync();
    }
    const merged = { title: 'Groceries', items: 2, done: true };
    expect((await node.records('todo').get('shopping'))?.data).toEqual(merged);
    for (const person of [one, two]) expect(await inPage(person, 'todo')).toEqual(merged);

    // A removed device is refused, and reads nothing that is written afterwards.
    await node.remove(secondDevice);
    await node.records('todo').put({ title: 'Secret' }, { id: 'shopping' });
    expect(await inPage(two, 'failure', 'sync')).toMatch(/^(?:device_refused|not_a_member)$/);
    expect(await inPage(two, 'todo')).toEqual(merged);
    await inPage(one, 'sync');
    expect(await inPage(one, 'todo')).toEqual({ title: 'Secret' });
    expect(await inPage(one, 'devices')).toBe(2);
    await node.close();
  }

  for (const { names, isHere, begin } of pairs)
    test.skipIf(isHere !== true)(`${names}: pair, sync, edit the same todo offline, merge, and remove a device`, () =>
      runWith(begin),
    );
});
