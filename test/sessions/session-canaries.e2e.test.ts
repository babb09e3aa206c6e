/**
 * Searches everything that leaves a device for what must stay on it: contents and names of files of messages, the private
 * keys of the devices, and the secrets of invites. Two devices of the SDK write to each other over HTTP and a socket.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import type { ReceivedMessage } from '../../sdk/src/session/session-types.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { encodingsOf, files } from '../security/user-custody/secret-encodings.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { ServedSessions } from './session-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-session-canaries-'));
const text = 'CANARY-session-text-4711 ü+"';
const long = 'CANARY-session-long-0815 '.repeat(400);
const content = 'CANARY-session-file-1357 '.repeat(400);
const patience = { timeout: 30_000 };
const fileName = 'CANARY-session-name-2468.txt';

const { keys } = vi.hoisted(() => ({ keys: [] as Uint8Array[] }));
vi.mock('../../sdk/src/session/storage/own-device.ts', async (original) => {
  const module = await original<typeof import('../../sdk/src/session/storage/own-device.ts')>();
  return {
    ...module,
    newOwnDevice: (org: string) => {
      const own = module.newOwnDevice(org);
      keys.push(own.ik.seed.slice(), own.dhSecret.slice());
      return own;
    },
  };
});

let stack: LocalStack;
const invites: string[] = [];
/** Requests of the devices, frames of the sockets, and what AWS services were asked, as text of single bytes. */
const sent: string[] = [];
const frames: string[] = [];
const asked: string[] = [];
let read: readonly string[] = [];

const latin1 = (bytes: ArrayBufferView): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

function watch({ service, action, input }: EngineCall): void {
  const json = JSON.stringify(input, (_, value) => (ArrayBuffer.isView(value) ? latin1(value) : value));
  asked.push(`${service} ${action} ${json}`);
}

async function recordingFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const body = init?.body;
  const bytes = typeof body === 'string' ? Buffer.from(body) : ArrayBuffer.isView(body) ? body : undefined;
  sent.push(`${String(input)} ${JSON.stringify(init?.headers)} ${bytes === undefined ? '' : latin1(bytes)}`);
  return await realFetch(input, init);
}
const realFetch = globalThis.fetch;

class RecordingSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    this.addEventListener('message', ({ data }) => frames.push(String(data)));
  }
}

async function exchange(phone: SessionClient, bobs: SessionClient): Promise<void> {
  await bobs.push.subscribe({ endpoint: 'https://push.provider.net/CANARY' });
  const conversation = await phone.conversations.open({ persons: [bob] });
  // Without a socket, the first message gives a push notice.
  await phone.send(conversation, text);
  await vi.waitFor(() => expect(stack.vault.providerRequests()).toHaveLength(1), patience);
  const controller = new AbortController();
  const messages: ReceivedMessage[] = [];
  const loop = async () => {
    for await (const message of bobs.messages({ signal: controller.signal })) messages.push(message);
  };
  const ended = loop();
  await vi.waitFor(() => expect(frames.join()).toContain('"ready"'), patience);
  await phone.send(conversation, `${text} by socket`);
  await phone.send(conversation, long);
  await phone.send(conversation, { text, files: [{ name: fileName, data: new TextEncoder().encode(content) }] });
  await vi.waitFor(() => expect(messages).toHaveLength(4), patience);
  const [file] = messages[3]?.files ?? [];
  const opened = new TextDecoder().decode(await file?.read());
  read = [...(await Promise.all(messages.map((message) => message.text()))), file?.name ?? '', opened];
  controller.abort();
  await ended;
  // Nobody reads this one, so the mailbox still has it.
  await phone.send(conversation, text);
}

beforeAll(async () => {
  stack = await startLocalStack({ dataDir: join(folder, 'data') });
  stack.vault.setHooks({ before: watch });
  vi.stubGlobal('fetch', recordingFetch);
  const { org, adminKey } = await stack.newOrg();
  const world = await ServedSessions.begin(org, adminKey, stack.vault.url);
  const invite = world.admin.invite.bind(world.admin);
  vi.spyOn(world.admin, 'invite').mockImplementation(async (options) => {
    const made = await invite(options);
    invites.push(/_([0-9A-Za-z]{43})[0-9A-Za-z]{6}\./.exec(made.invite)?.[1] ?? expect.fail('no secret'));
    return made;
  });
  const [ofAnn, ofBob] = [memoryStorage(), memoryStorage()];
  await world.enroll(ofAnn, ann);
  await world.enroll(ofBob, bob);
  const [phone, bobs] = [await world.open(ofAnn), await world.open(ofBob, undefined, { webSocket: RecordingSocket })];
  await exchange(phone, bobs);
  await phone.close();
  await bobs.close();
  stack.vault.setHooks();
}, 120_000);
afterAll(async () => {
  vi.unstubAllGlobals();
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

function found(haystack: Buffer | string): string[] {
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack, 'latin1') : haystack;
  const secrets: [string, string | Buffer][] = [
    ...[text, 'CANARY-session', fileName].map((one): [string, string] => ['message', one]),
    ...keys.map((key): [string, Buffer] => ['key', Buffer.from(key)]),
    ...invites.map((one): [string, string] => ['invite', one]),
  ];
  const all = secrets.filter(([, secret]) => encodingsOf(secret).some((one) => bytes.includes(one)));
  return [...new Set(all.map(([what]) => what))];
}

test('everything that is searched for was really used', () => {
  expect(read).toEqual([text, `${text} by socket`, long, text, fileName, content]);
  expect([keys.length, invites.length]).toEqual([4, 2]);
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(4);
  for (const one of [text, long, content, fileName]) expect(found(Buffer.from(one))).toEqual(['message']);
  expect(found(Buffer.from(keys[0] ?? []).toString('base64'))).toEqual(['key']);
  expect(found(invites[0] ?? '')).toEqual(['invite']);
});

describe('C1, I1, A1: no message, private key or secret of an invite', () => {
  test('is sent by a device', () => {
    for (const path of ['/enrollments/', '/bundle', '/messages', '/attachments', '/acks'])
      expect(sent.some((one) => one.includes(path))).toBe(true);
    expect(found(sent.join('\n'))).toEqual([]);
  });

  test('is in a frame of a socket, as text or in base64', () => {
    const messages = frames.flatMap((frame) => JSON.parse(frame).message ?? []);
    expect(messages.length).toBeGreaterThanOrEqual(3);
    expect(found(frames.join('\n'))).toEqual([]);
    for (const message of messages) expect(found(Buffer.from(message, 'base64'))).toEqual([]);
  });

  test('is in a push notice, which has no body', () => {
    const notices = stack.vault.providerRequests();
    expect(notices.map(({ body }) => body)).toEqual(notices.map(() => ''));
    expect(notices[0]?.headers['content-length']).toBe('0');
    expect(found(JSON.stringify(notices))).toEqual([]);
  });

  test('is in any item of any table, the audit included', async () => {
    const filled: string[] = [];
    for (const [id, name] of Object.entries(stack.vault.resources)) {
      if (!/Table[0-9A-F]{8}$/.test(id)) continue;
      const items = await stack.allItems(name);
      if (items.length > 0) filled.push(id.replace(/Table.*/, ''));
      expect(found(JSON.stringify(items)), id).toEqual([]);
      const bytes = items.flatMap((item) => Object.values(item).flatMap(({ B }) => (B === undefined ? [] : [B])));
      expect(found(Buffer.concat(bytes)), id).toEqual([]);
    }
    expect(filled).toEqual(expect.arrayContaining(['Audit', 'SessionCustodyDirectories', 'SessionCustodyMailboxes']));
    const mailboxes = await stack.allItems(stack.table('SessionCustodyMailboxesTable'));
    expect(mailboxes.filter(({ id }) => id?.S?.startsWith('m/'))).not.toEqual([]);
  });

  test('is in any file of the data folder: tables, objects, queue, logs', () => {
    const seen = new Set<string>();
    for (const path of files(join(folder, 'data'))) {
      if (path.includes('/assembly/')) continue;
      expect(found(readFileSync(path)), path).toEqual([]);
      seen.add(path.slice(folder.length + 6).split('/')[0] ?? '');
    }
    expect([...seen]).toContain('logs');
    expect(seen.size).toBeGreaterThan(2);
  });

  test('is in what functions and gateways logged, or in what any service of AWS is asked', () => {
    const logs = stack.vault.logs();
    for (const route of ['sendMessages', 'createTicket', 'createAttachment']) expect(logs).toContain(route);
    expect(found(logs)).toEqual([]);
    const calls = asked.join('\n');
    for (const call of ['dynamodb PutItem', 'execute-api PostToConnection']) expect(calls).toContain(call);
    expect(found(calls)).toEqual([]);
  });
});
