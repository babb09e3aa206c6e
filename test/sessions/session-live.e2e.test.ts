/** The SDK with the sockets, attachments and push subscriptions of the service, as the template defines them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import type { SessionClock } from '../../sdk/src/session/session-clock.ts';
import type { ReceivedMessage } from '../../sdk/src/session/session-types.ts';
import { createError } from '../../sdk/src/shared/errors.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { socketsOf } from './device-socket.ts';
import { ServedSessions } from './session-world.ts';

const stack = useLocalStack();

/** No wait ends before the end of the loop, so what arrives after the first round came through the socket. */
const stillClock: SessionClock = {
  now: () => Date.now(),
  wait: (_, { signal, outcomeHint }) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(createError('aborted', { detail: outcomeHint })));
      if (signal?.aborted) reject(createError('aborted', { detail: outcomeHint }));
    }),
};
let phone: SessionClient;
let bobs: SessionClient;
let conversation: string;

beforeAll(async () => {
  const { org, adminKey } = await stack.newOrg();
  const world = await ServedSessions.begin(org, adminKey, stack.vault.url);
  const [ofAnn, ofBob] = [memoryStorage(), memoryStorage()];
  await world.enroll(ofAnn, ann);
  await world.enroll(ofBob, bob);
  phone = await world.open(ofAnn);
  bobs = await world.open(ofBob, stillClock);
  conversation = await phone.conversations.open({ persons: [bob] });
});
afterAll(async () => {
  await phone.close();
  await bobs.close();
});

/** Reads until the end is asked for. */
function reading(client: SessionClient) {
  const controller = new AbortController();
  const messages: ReceivedMessage[] = [];
  const loop = async () => {
    for await (const message of client.messages({ signal: controller.signal })) messages.push(message);
  };
  const ended = loop();
  const end = async () => {
    controller.abort();
    await ended;
  };
  return { messages, end };
}

const isReady = async () => {
  await expect.poll(() => socketsOf(stack).connectionIds().length).toBe(1);
  const rows = async () =>
    (await stack.allItems(stack.table('SessionCustodyMailboxesTable'))).filter(
      ({ id, ready }) => id?.S?.startsWith('c/') && ready?.BOOL === true,
    );
  await expect.poll(async () => (await rows()).length).toBe(1);
};

test('messages arrive through a socket, without a look into the mailbox, and the sender learns it', async () => {
  const { messages, end } = reading(bobs);
  await isReady();
  const sent: string[] = [];
  for (let number = 0; number < 10; number++) {
    sent.push((await phone.send(conversation, `number ${number}`)).id);
    await expect.poll(() => messages.length).toBe(number + 1);
  }
  expect(await Promise.all(messages.map((message) => message.text()))).toEqual(sent.map((_, at) => `number ${at}`));
  await expect
    .poll(async () => {
      await phone.sync();
      return (await phone.delivery(sent.at(-1) ?? '')).state;
    })
    .toBe('delivered');
  await end();
  await expect.poll(() => socketsOf(stack).connectionIds()).toEqual([]);
});

test('long bodies and files are uploaded once and read by the recipient', async () => {
  const long = 'x'.repeat(50_000);
  await phone.send(conversation, long);
  const data = crypto.getRandomValues(new Uint8Array(60_000));
  await phone.send(conversation, { text: 'a file', files: [{ name: 'a.bin', data }] });
  const { messages, end } = reading(bobs);
  await expect.poll(() => messages.length).toBe(2);
  expect(await messages[0]?.text()).toBe(long);
  const progress: number[] = [];
  expect(await messages[1]?.files[0]?.read({ onProgress: ({ bytes }) => void progress.push(bytes) })).toEqual(data);
  expect(progress.at(-1)).toBeGreaterThan(60_000);
  await end();
});

test('a push subscription is stored, prolonged and ended', async () => {
  expect((await bobs.push.key())[0]).toBe(4);
  const subscription = { endpoint: 'https://updates.push.services.mozilla.com/wpush/v2/abc' };
  const { expiresAt } = await bobs.push.subscribe(subscription);
  expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(89 * 86_400_000);
  await bobs.push.subscribe(subscription);
  expect(await bobs.push.unsubscribe(subscription)).toBe(1);
  await expect(bobs.push.subscribe({ endpoint: 'https://10.0.0.1/' })).rejects.toMatchObject({
    code: 'endpoint_refused',
  });
});
