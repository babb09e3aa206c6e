/** The owner's page in a browser, as it is deployed, at a local vault: one phone through all of its parts. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { browserOrNone, type Visit } from '../link-page/chromium.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { accessibilityProblems } from './accessibility.ts';
import { ann, OwnerWorld } from './owner-world.ts';
import { screenshots } from './screenshots.ts';

const browser = await browserOrNone();
const stack = useLocalStack();
const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';

describe.skipIf(browser === undefined)("the owner's page", () => {
  let world: OwnerWorld;
  let phone: Visit;
  let page: Page;
  let agent: SessionClient;

  beforeAll(async () => {
    world = await OwnerWorld.begin(stack, browser as Browser);
    phone = await world.phone();
    page = phone.page;
  });
  afterAll(async () => {
    await agent?.close();
    await browser?.close();
  });

  /** Everything that a view must hold, where a test leaves it. */
  const expectGood = async (name: string): Promise<void> => {
    expect(await accessibilityProblems(page), name).toEqual([]);
    await screenshots(page, name);
    expect([phone.violations, phone.incidents], name).toEqual([[], []]);
  };
  const go = async (part: string): Promise<void> => {
    await page.click(`nav a:has-text("${part}")`);
    await page.waitForSelector(`h1:has-text("${part}")`);
  };

  test('becomes a device by an invite in the address, which it removes, and goes on after a reload', async () => {
    await page.goto(world.address);
    await page.waitForSelector('h1:has-text("Add this device")');
    await expectGood('welcome');
    await page.fill('textarea', 'anmi_mistyped');
    await page.click('button:has-text("Add this device")');
    await page.waitForSelector('.trouble:has-text("mistyped")');
    const invite = await world.admin.invite({ person: ann, role: 'owner' });
    const requests: string[] = [];
    page.on('request', (request) => void requests.push(request.url()));
    const { host } = new URL(world.address);
    // Whatever brings the invite, the person sees first what the device is paired with.
    const expectQuestion = async () => {
      await page.waitForSelector('h1:has-text("Add this device to this organization?")');
      expect(await page.locator('.facts dd').allTextContents()).toEqual([world.stack.vault.org, host]);
      expect(requests.filter((url) => url.includes('/v1/'))).toEqual([]);
      expect(await page.evaluate(() => localStorage.length)).toBe(0);
      expect(await world.admin.waiting()).toEqual([]);
    };
    await page.goto(`${world.address}#${invite.invite}`);
    await expectQuestion();
    await expectGood('pairing-question');
    await page.click('text=Cancel');
    await page.waitForSelector('h1:has-text("Add this device")');
    await page.fill('textarea', invite.invite);
    await page.click('button:has-text("Add this device")');
    await expectQuestion();
    await page.click('button:has-text("Add this device")');
    await page.waitForSelector('h1:has-text("Compare this code")');
    expect(await page.locator('.facts dd').allTextContents()).toEqual([world.stack.vault.org, host]);
    expect(page.url()).toBe(world.address);
    const code = (await page.textContent('.code')) ?? '';
    await page.reload();
    await page.waitForSelector('h1:has-text("Compare this code")');
    expect(await page.textContent('.code')).toBe(code);
    await expectGood('pairing');
    await world.admit(invite, code, ['approve']);
    await page.waitForSelector('nav');
  });

  test('confirms an agent by the code that it shows, and by no other', async () => {
    const made = await world.agent();
    await go('Devices');
    await page.waitForSelector('text=A new agent wants to join');
    expect(await page.textContent('main')).not.toContain(made.code);
    await page.fill('.panel input', 'AAAA-BBBB-CCCC-DDDD');
    await page.click('text=Confirm');
    await page.waitForSelector('.trouble:has-text("Nothing was signed")');
    await expectGood('confirm');
    await page.fill('.panel input', made.code.toLowerCase().replaceAll('-', ' '));
    await page.click('text=Confirm');
    agent = await made.client;
    await page.waitForSelector('text=wants to join', { state: 'detached' });
    await page.click('.card summary >> nth=0');
    await page.fill('.card input', 'Bookkeeper');
    await page.click('text=Save name');
    await page.waitForSelector('h3:has-text("Bookkeeper")');
    await expectGood('devices');
  });

  test('exchanges messages, shows how far they are, and makes hidden characters visible', async () => {
    await go('Messages');
    await page.click('text=Write to Bookkeeper');
    await page.fill('textarea', 'Refund order 17, please.');
    await page.click('text=Send');
    const stop = new AbortController();
    for await (const message of agent.messages({ signal: stop.signal })) {
      expect(await message.text()).toBe('Refund order 17, please.');
      await agent.markRead(message);
      await agent.send(message.conversation, 'Which one? <b>17</b> or \u202e71');
      await message.confirm();
      break;
    }
    await page.waitForSelector('li:has-text("Which one? <b>17</b> or \\\\u{202e}71")');
    await page.waitForSelector('li.own .state:has-text("read")');
    await expectGood('thread');
    await page.click('text=‹ Messages');
    await page.waitForSelector('a.row');
    await expectGood('conversations');
  });

  test('opens without a connection, keeps what is written, and sends it later', async () => {
    await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === 'activated');
    await page.context().setOffline(true);
    await page.reload();
    await page.waitForSelector('.connection[data-state=offline]');
    await page.click('nav a:has-text("Messages")');
    await page.click('a.row');
    await page.waitForSelector('text=Refund order 17');
    await page.fill('textarea', 'The second one.');
    await page.click('text=Send');
    await page.waitForSelector('li.own .state:has-text("waits for a connection")');
    await expectGood('offline');
    await page.context().setOffline(false);
    await page.waitForSelector('li.own .state:has-text("waits for a connection")', { state: 'detached' });
    const received = agent.messages()[Symbol.asyncIterator]();
    const { value } = await received.next();
    expect(await value?.text()).toBe('The second one.');
    await received.return?.();
  });

  test('an agent asks, the person allows it on the page, the host is called, and the agent never sees the key', async () => {
    const host = await startHost();
    const broker = await world.admin.admitBroker(ann);
    await go('Devices');
    await page.waitForSelector('text=The broker of the vault wants to join');
    await page.fill('.panel input', broker.fingerprint);
    await page.click('text=Confirm');
    await page.waitForSelector('text=wants to join', { state: 'detached' });
    const admin = stack.clientOf(stack.vault.adminKey);
    const metadata = { allowed_hosts: host.origin, allowed_approver: ann };
    await admin.vault.set('prod/stripe/key', secret, { metadata });
    const { key } = await admin.keys.create({ role: 'user-of-secrets', prefixes: ['prod/'] });
    const refund = (reason: string) =>
      stack.clientOf(key).vault.fetch(`${host.origin}/v1/refunds`, {
        method: 'POST',
        headers: { authorization: 'Bearer {{anima://prod/stripe/key}}' },
        body: new URLSearchParams({ charge: 'ch_1', amount: '500' }),
        ...{ agent: 'bookkeeper', reason },
      });
    await go('Questions');
    await expectGood('no-question');
    const asked = refund('Order 17 came \u202eback.');
    await page.click('a.row:has-text("127.0.0.1")');
    const shown = (await page.innerText('.question')).split('\n').filter((line) => line !== '');
    expect(shown.slice(0, 5)).toEqual([
      host.origin.replace('http://', ''),
      'POST /v1/refunds',
      'Careful: it is sent by http, without encryption: others on the way can read it',
      'Uses',
      'prod/stripe/key, version 1, in header',
    ]);
    expect(shown.join('\n')).toContain('“Order 17 came \\u{202e}back.”');
    expect(shown.join('\n')).toContain('amount: 500');
    await expectGood('question');
    await page.click('text=Yes, allow it');
    await page.waitForSelector('h1:has-text("You said yes")');
    const answer = await asked;
    expect([answer.status, await answer.text()]).toEqual([200, '{"id":"re_1"}']);
    expect(JSON.stringify([...answer.headers])).not.toContain(secret);
    expect(host.received).toEqual([{ authorization: `Bearer ${secret}`, body: 'amount=500&charge=ch_1' }]);

    const refused = refund('Once more.');
    const denied = expect(refused).rejects.toMatchObject({ code: 'approval_denied' });
    await go('Questions');
    await page.click('a.row:has-text("127.0.0.1")');
    await page.click('text=No, and suspend an agent');
    await expectGood('suspend');
    await page.click('dialog >> text=No, and suspend Bookkeeper');
    await page.waitForSelector('h1:has-text("suspended Bookkeeper")');
    await denied;
    expect(host.received).toHaveLength(1);
    await expect
      .poll(() =>
        agent.sync().then(
          () => 'active',
          ({ code }) => code,
        ),
      )
      .toBe('not_active');
    await admin.vault.set('prod/old', 'AKIAIOSFODNN7EXAMPLE', { tripwire: true });
    await admin.vault.get('prod/old', { agent: 'helper' });
    // A push notice says only that something waits, so the page that it opens says where.
    await page.reload();
    await page.waitForSelector('nav a:has-text("Activity") .badge:text-is("1")');
    await go('Activity');
    await page.waitForSelector('nav a:has-text("Activity") .badge', { state: 'hidden' });
    await page.waitForSelector('.timeline li >> nth=1');
    await page.waitForSelector('.timeline li strong.yes:text-is("Used")');
    expect(await page.textContent('.key')).toBe('Allowed 1Refused 1');
    const used = (await page.innerText('.timeline li >> nth=2')).split('\n');
    expect(used).toContain(`POST ${host.origin.replace('http://', '')}`);
    expect(used.at(-1)).toMatch(
      /^prod\/stripe\/key, version 1, for agent bookkeeper \(key [0-9a-z]{16}\). Allowed on this device.$/,
    );
    expect(await page.innerText('.timeline li >> nth=0')).toMatch(/^Tripwire was read\n+prod\/old\n/);
    await expectGood('activity');
    await page.context().setOffline(true);
    await go('Questions');
    await go('Activity');
    await page.waitForSelector('.hint:text-is("No connection.") + .hint:has-text("As of")');
    await page.waitForSelector('.timeline li >> nth=2');
    await expectGood('activity-offline');
    await page.context().setOffline(false);
    await host.close();
  });

  test('names the other device of the person that said yes', async () => {
    const host = await startHost();
    const made = await world.laptop();
    await go('Devices');
    await page.waitForSelector('text=A new device wants to join');
    await page.fill('.panel input', made.code);
    await page.click('text=Confirm');
    const laptop = await made.client;
    await page.waitForSelector('text=wants to join', { state: 'detached' });
    const card = `.card:has(h3:text-is("Device ${laptop.device.slice(0, 8)}"))`;
    await page.click(`${card} summary`);
    await page.fill(`${card} input`, 'My laptop');
    await page.click(`${card} >> text=Save name`);
    await page.waitForSelector('h3:has-text("My laptop")');

    await laptop.approvals.questions();
    const admin = stack.clientOf(stack.vault.adminKey);
    await admin.vault.set('prod/other/key', secret, {
      metadata: { allowed_hosts: host.origin, allowed_approver: ann },
    });
    const { id, key } = await admin.keys.create({ role: 'user-of-secrets', prefixes: ['prod/'] });
    const answer = stack.clientOf(key).vault.fetch(`${host.origin}/v1/refunds`, {
      ...{ method: 'POST', body: 'x', headers: { authorization: 'Bearer {{anima://prod/other/key}}' } },
    });
    const stop = new AbortController();
    for await (const question of laptop.approvals.watch({ signal: stop.signal, interval: 200 })) {
      await laptop.approvals.answer(question.id, 'yes');
      break;
    }
    expect((await answer).status).toBe(200);
    await go('Activity');
    await page.waitForSelector(`.hint:text-is("prod/other/key, version 1, for key ${id}. Allowed on My laptop.")`);
    await expectGood('activity-other-device');
    await laptop.close();
    await host.close();
  });

  test('is open in one window at a time, and goes to the one that was opened last', async () => {
    const other = await page.context().newPage();
    await other.goto(world.address);
    await other.waitForSelector('nav');
    await page.waitForSelector('h1:has-text("Open in another window")');
    await page.click('text=Use it here');
    await page.waitForSelector('nav');
    await other.waitForSelector('h1:has-text("Open in another window")');
    await other.close();
  });

  test('deletes everything of the device when the person forgets it', async () => {
    await go('Devices');
    await page.click('.card:has(h3:text-is("This device")) summary');
    await page.click('text=Forget this device');
    await page.click('dialog >> text=Forget it');
    await page.waitForSelector('h1:has-text("Add this device")');
    const left = await page.evaluate(async () => {
      const database: IDBDatabase = await new Promise((resolve) => {
        const request = indexedDB.open('anima-owner');
        request.onsuccess = () => resolve(request.result);
      });
      const counts = ['keys', 'data'].map((store) => {
        const request = database.transaction(store).objectStore(store).count();
        return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      });
      return [...(await Promise.all(counts)), localStorage.length];
    });
    expect(left).toEqual([0, 0, 0]);
  });
});

interface Host {
  readonly origin: string;
  readonly received: { authorization: IncomingHttpHeaders['authorization']; body: string }[];
  close(): Promise<void>;
}

/** A host like Stripe. */
async function startHost(): Promise<Host> {
  const received: Host['received'] = [];
  const server: Server = createServer(async (request, response) => {
    received.push({ authorization: request.headers.authorization, body: await text(request) });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"re_1"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
