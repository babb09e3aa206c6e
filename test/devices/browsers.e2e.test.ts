/** Two browsers and a Node process with one device vault, on the local stack. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeviceVault, DeviceVaults } from '../../sdk/src/device/index.ts';
import { nodeStorage } from '../../sdk/src/device/node.ts';
import { browserOrNone } from '../link-page/chromium.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createUser } from './signed-device-requests.ts';

const browser = await browserOrNone();
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
  readonly context: BrowserContext;
  readonly page: Page;
  readonly codes: string[];
  readonly waiting: Promise<string>;
}

describe.skipIf(browser === undefined)('two browsers and a Node process', () => {
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
    for (const { context } of people) await context.close();
    await (browser as Browser).close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function newPerson(): Promise<Person> {
    const context = await (browser as Browser).newContext();
    const page = await context.newPage();
    const codes: string[] = [];
    const { promise: waiting, resolve } = Promise.withResolvers<string>();
    await page.exposeFunction('confirmCode', (shown: string) => codes.push(shown) > 0);
    await page.exposeFunction('waiting', (pairing: string) => resolve(pairing));
    // The page has the origin of the vault. All other requests go to the real service.
    await page.route('**/device-page', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>device</title>' }),
    );
    await page.goto(`${stack.vault.url}/device-page`);
    await page.addScriptTag({ content: code });
    const person = { context, page, codes, waiting };
    people.push(person);
    return person;
  }
  const inPage = <T>({ page }: Person, name: keyof InBrowser, ...all: unknown[]): Promise<T> =>
    page.evaluate(([of, values]) => Reflect.get(globalThis, of)(...values), [name, all] as const);

  test('pair, sync, edit the same todo offline, merge, and remove a device', async () => {
    const { key } = await createUser(stack);
    const vaults = new DeviceVaults({ apiKey: key, baseURL: stack.vault.url, storage: nodeStorage({ folder }) });
    const node: DeviceVault = await vaults.create({ label: 'Node' });
    const { vault } = node.scope;
    const [one, two] = [await newPerson(), await newPerson()];

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
      await person.context.setOffline(true);
    }
    expect(await inPage(one, 'putTodo', { title: 'Shopping', items: 1, done: true })).toBe('local');
    expect(await inPage(two, 'putTodo', { title: 'Groceries', items: 1 })).toBe('local');
    await node.records('todo').put({ title: 'Shopping', items: 2 }, { id: 'shopping' });
    for (const person of [one, two]) await person.context.setOffline(false);
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
  });
});
