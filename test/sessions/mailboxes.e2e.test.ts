/** Mailboxes over HTTP: counters, quotas, acknowledgements, order, and what each operation costs. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { OutgoingMessage } from '../../contract/sessions/wire.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { okJson, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let served: ServedDirectory;
let phone: TestDevice;
let bobs: TestDevice;
let agent: TestDevice;
let conversation: string;

beforeAll(async () => {
  served = await ServedDirectory.begin(stack);
  phone = served.first;
  bobs = served.simulator.admit(bob, 'owner');
  agent = served.simulator.add(phone, ann, 'agent');
  await served.push();
  conversation = await served.open(ann, [phone], [ann, bob], [agent.id]);
});
// What a failed test leaves behind must not fail the next one.
afterEach(async () => {
  stack.vault.setHooks();
  for (const device of [phone, bobs, agent]) await empty(device);
});

const mailboxes = () => stack.table('SessionCustodyMailboxesTable');
const itemsOf = async (prefix: string): Promise<Item[]> =>
  (await stack.allItems(mailboxes())).filter(({ org, id }) => org?.S === served.org && id?.S?.startsWith(prefix));
const text = (from: TestDevice, to: TestDevice, body: string) => served.messageFor(from, to.id, conversation, body);
const other = (message: OutgoingMessage, body: string): OutgoingMessage => ({
  ...message,
  message: toBase64(utf8Bytes(body)),
});
const empty = async (device: TestDevice): Promise<void> => {
  for (let page = 0; page < 9; page++) {
    const { messages } = await served.mailbox(device);
    if (messages.length === 0) return;
    await served.acknowledge(
      device,
      messages.map(({ name }) => name),
    );
  }
};

describe('counters', () => {
  test('other bytes under a used counter are refused with the highest one, before and after the acknowledgement', async () => {
    const first = text(phone, bobs, 'first');
    const second = text(phone, bobs, 'second');
    await served.sendAll(phone, [first, second]);
    const used = { to: bobs.id, counter: first.counter, outcome: 'counter_used', highest: second.counter };
    expect(await served.sendAll(phone, [other(first, 'from a backup')])).toEqual([used]);
    expect(await served.texts(bobs)).toEqual(['first', 'second']);
    await empty(bobs);
    expect(await served.sendAll(phone, [other(first, 'from a backup')])).toEqual([used]);
    expect(await served.sendAll(phone, [first, second])).toMatchObject([
      { outcome: 'acknowledged' },
      { outcome: 'acknowledged' },
    ]);
    expect(await served.texts(bobs)).toEqual([]);
    // The restored sender continues above the highest one.
    expect(await served.sendAll(phone, [text(phone, bobs, 'third')])).toMatchObject([{ outcome: 'stored' }]);
  });

  test('a counter below the highest one whose hash is not known any more is used', async () => {
    const message = text(phone, bobs, 'long ago');
    await served.sendAll(phone, [message]);
    await empty(bobs);
    for (const { org, id } of await itemsOf(`a/${bobs.id}/${phone.id}/`))
      await stack.deleteItem(mailboxes(), { org: org?.S ?? '', id: id?.S ?? '' });
    expect(await served.sendAll(phone, [message])).toMatchObject([{ outcome: 'counter_used' }]);
  });

  test('the messages of one request to one recipient are stored in the order of their counters', async () => {
    const [a, b, c] = [text(phone, bobs, 'a'), text(phone, bobs, 'b'), text(phone, bobs, 'c')];
    const outcomes = await served.sendAll(phone, [c, a, b, other(b, 'not b')]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'stored', 'counter_used']);
    expect(outcomes.map(({ counter }) => counter)).toEqual([c.counter, a.counter, b.counter, b.counter]);
    expect(await served.texts(bobs)).toEqual(['a', 'b', 'c']);
  });

  test('20 requests with the same message store it once', async () => {
    const message = text(phone, bobs, 'once');
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => served.sendAll(phone, [message])));
    expect(new Set(outcomes.map(([one]) => one?.outcome))).toEqual(new Set(['stored']));
    expect(await served.texts(bobs)).toEqual(['once']);
    await empty(bobs);
    const [usage] = await itemsOf(`n/${bobs.id}/${phone.id}`);
    expect(usage).toMatchObject({ messages: { N: '0' }, bytes: { N: '0' } });
  });
});

describe('a mailbox', () => {
  test('is read page by page in the order of each sender, and a client without a cursor begins again', async () => {
    for (let n = 0; n < 3; n++) {
      await served.sendAll(phone, [text(phone, bobs, `phone ${n}`)]);
      await served.sendAll(agent, [text(agent, bobs, `agent ${n}`)]);
    }
    const seen: string[] = [];
    let query = '?limit=2';
    for (let page = 0; page < 9; page++) {
      const { messages, next } = await served.mailbox(bobs, query);
      seen.push(...messages.map(({ message }) => Buffer.from(message, 'base64').toString()));
      if (next === undefined) break;
      query = `?limit=2&after=${next}`;
    }
    const ordered = (name: string) => seen.filter((one) => one.startsWith(name));
    expect(ordered('phone')).toEqual(['phone 0', 'phone 1', 'phone 2']);
    expect(ordered('agent')).toEqual(['agent 0', 'agent 1', 'agent 2']);
    expect(await served.texts(bobs)).toHaveLength(6);
  });

  test('of another device can be neither read nor acknowledged', async () => {
    const message = text(phone, bobs, 'for Bob');
    await served.sendAll(phone, [message]);
    expect(await served.texts(agent)).toEqual([]);
    expect(await served.texts(phone)).toEqual([]);
    // Names have no recipient: these are of the mailbox of the one who asks.
    for (const device of [agent, phone]) await served.acknowledge(device, [`${phone.id}/${message.counter}`]);
    const foreign = `${bobs.id}/${phone.id}/${message.counter}`;
    await expectProblem(await served.send(agent, 'POST', '/acks', { names: [foreign] }), 'invalid_request');
    await expectProblem(await served.send(agent, 'GET', `/messages?after=${foreign}`), 'invalid_request');
    expect(await served.texts(bobs)).toEqual(['for Bob']);
  });

  test('does not show messages whose 30 days are over, although the table still has them', async () => {
    await served.sendAll(phone, [text(phone, bobs, 'old')]);
    const [item = expect.fail()] = await itemsOf(`m/${bobs.id}/`);
    const lives = Number(item.ttl?.N) - Date.now() / 1000;
    expect(Math.abs(lives - 30 * 86_400)).toBeLessThan(60);
    const old = new Date(Date.now() - (sessionLimits.messageSeconds + 1) * 1000).toISOString();
    await stack.putItem(mailboxes(), { ...item, storedAt: { S: old } });
    expect(await served.texts(bobs)).toEqual([]);
    await served.acknowledge(bobs, [`${phone.id}/${Number.parseInt(item.id?.S?.split('/').at(-1) ?? '', 16)}`]);
  });

  test('one request carries 16 messages of the largest size, and no more', async () => {
    const body = Buffer.alloc(sessionLimits.sessionMessageBytes, 7);
    const large = (): OutgoingMessage => ({ ...text(phone, bobs, ''), message: body.toString('base64') });
    const outcomes = await served.sendAll(phone, Array.from({ length: 16 }, large));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'stored'));
    const { messages } = await served.mailbox(bobs);
    expect(messages.every(({ message }) => message === body.toString('base64'))).toBe(true);
    await empty(bobs);
    const refused = { messages: Array.from({ length: 17 }, large) };
    await expectProblem(await served.send(phone, 'POST', '/messages', refused), 'invalid_request');
    const over = { ...large(), message: Buffer.alloc(sessionLimits.sessionMessageBytes + 3).toString('base64') };
    await expectProblem(await served.send(phone, 'POST', '/messages', { messages: [over] }), 'invalid_request');
  });
});

describe('quotas', () => {
  const quarter = sessionLimits.mailboxBytes / sessionLimits.mailboxSenderParts;
  const usageOf = (recipient: TestDevice, sender: TestDevice): Promise<Item> =>
    stack.getItem(mailboxes(), { org: served.org, id: `n/${recipient.id}/${sender.id}` });
  /** Changes what the table says of a sender. */
  const setUsage = async (recipient: TestDevice, sender: TestDevice, bytes: number, messages: number) => {
    const item = await usageOf(recipient, sender);
    await stack.putItem(mailboxes(), { ...item, bytes: { N: String(bytes) }, messages: { N: String(messages) } });
  };

  test('one sender fills a quarter, and leaves the rest to others', async () => {
    const second = served.simulator.add(phone, ann, 'owner');
    await served.push();
    const body = Buffer.alloc(sessionLimits.sessionMessageBytes, 7).toString('base64');
    const large = (): OutgoingMessage => ({ ...text(agent, second, ''), message: body });
    const fits = Math.floor(quarter / sessionLimits.sessionMessageBytes);
    const outcomes: string[] = [];
    while (outcomes.length < fits + 2) {
      const sent = await served.sendAll(agent, Array.from({ length: 16 }, large));
      outcomes.push(...sent.map(({ outcome }) => outcome));
    }
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(fits);
    expect(new Set(outcomes.slice(fits))).toEqual(new Set(['mailbox_full']));
    expect(await usageOf(second, agent)).toMatchObject({ messages: { N: String(fits) } });
    expect(await served.sendAll(phone, [text(phone, second, 'small')])).toMatchObject([{ outcome: 'stored' }]);
    // What is acknowledged makes room.
    await empty(second);
    expect(await served.sendAll(agent, [large()])).toMatchObject([{ outcome: 'stored' }]);
    // A quarter of the number of messages is a limit too.
    await setUsage(second, agent, 1, sessionLimits.mailboxMessages / sessionLimits.mailboxSenderParts - 1);
    const small = [text(agent, second, 'the last one'), text(agent, second, 'one too many')];
    expect(await served.sendAll(agent, small)).toMatchObject([{ outcome: 'stored' }, { outcome: 'mailbox_full' }]);
  });

  test('all senders together fill the whole, and expired messages are discounted once an hour', async () => {
    const device = served.simulator.add(phone, ann, 'owner');
    await served.push();
    for (const from of [phone, agent]) await served.sendAll(from, [text(from, device, 'x')]);
    // As if the messages of the agent had filled it, and had expired.
    await setUsage(device, agent, sessionLimits.mailboxBytes, 1);
    expect(await served.sendAll(phone, [text(phone, device, 'counted again')])).toMatchObject([{ outcome: 'stored' }]);
    expect(await usageOf(device, agent)).toMatchObject({ bytes: { N: '1' }, messages: { N: '1' } });
    await setUsage(device, agent, 1, sessionLimits.mailboxMessages);
    const refused = text(phone, device, 'not counted again');
    expect(await served.sendAll(phone, [refused])).toMatchObject([{ outcome: 'mailbox_full' }]);
    await setUsage(device, agent, 1, 1);
    // The counter was not used.
    expect(await served.sendAll(phone, [refused])).toMatchObject([{ outcome: 'stored' }]);
  });
});

describe('what an operation costs', () => {
  /** The calls of one request, by service and action, without those of other functions. */
  async function callsOf(work: () => Promise<unknown>): Promise<string[]> {
    const calls: string[] = [];
    stack.vault.setHooks({
      before: ({ service, action, principal }: EngineCall) => {
        if (/^relay/i.test(principal)) calls.push(`${service} ${action}`);
      },
    });
    await work();
    stack.vault.setHooks();
    return calls.toSorted();
  }

  test('a warm request uses no KMS, no S3 and no STS, and these calls to DynamoDB', async () => {
    const send = () => served.sendAll(phone, [text(phone, bobs, 'x')]);
    await send();
    const database = (...actions: string[]) => actions.map((action) => `dynamodb ${action}`);
    // The keyring with the next entry, and the conversation; the usage; the message and its count; whether the recipient
    // has sockets or push subscriptions.
    expect(await callsOf(send)).toEqual(
      database('BatchGetItem', 'BatchGetItem', 'PutItem', 'Query', 'Query', 'Query', 'UpdateItem'),
    );
    expect(await callsOf(() => served.mailbox(bobs))).toEqual(database('BatchGetItem', 'Query'));
    const { messages } = await served.mailbox(bobs);
    const [name = expect.fail()] = messages.map((one) => one.name);
    expect(await callsOf(() => served.acknowledge(bobs, [name]))).toEqual(
      database('BatchGetItem', 'BatchGetItem', 'DeleteItem', 'PutItem', 'UpdateItem'),
    );
    await okJson(served.send(bobs, 'GET', '/messages'));
  });
});
