/**
 * Twenty devices, two thousand messages, and processes of the relay that are killed in the midst of their work: nothing is
 * lost, and nothing is given twice.
 */
import { expect, test } from 'vitest';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { socketsOf } from './device-socket.ts';
import { ServedSessions } from './session-world.ts';

const devices = 20;
const messagesEach = 100;
const crashes = 5;
const single = 100;

// Three processes of each function share the tables.
const stack = useLocalStack({ functionConcurrency: 3, environments: { isolation: 'process', maxEnvironments: 20 } });

interface Person {
  readonly client: SessionClient;
  readonly conversation: string;
  readonly received: { readonly text: string; readonly at: number }[];
}

const personOf = (number: number): string => `person${String(number).padStart(10, '0')}`;

/** Pairs of people, each with one device that reads. */
async function people(signal: AbortSignal, loops: Promise<void>[]): Promise<Person[]> {
  const { org, adminKey } = await stack.newOrg();
  const world = await ServedSessions.begin(org, adminKey, stack.vault.url);
  const found: Person[] = [];
  for (let number = 0; number < devices; number += 2) {
    const clients: SessionClient[] = [];
    for (const person of [personOf(number), personOf(number + 1)]) {
      const storage = memoryStorage();
      await world.enroll(storage, person);
      clients.push(await world.open(storage, undefined, { receipts: false }));
    }
    const [first, second] = clients;
    if (first === undefined || second === undefined) return expect.fail();
    const conversation = await first.conversations.open({ persons: [personOf(number + 1)] });
    await second.sync();
    for (const client of clients) {
      const received: Person['received'] = [];
      const loop = async () => {
        for await (const message of client.messages({ signal }))
          received.push({ text: await message.text(), at: performance.now() });
      };
      loops.push(loop());
      found.push({ client, conversation, received });
    }
  }
  return found;
}

const partnerOf = (all: readonly Person[], at: number): Person => all[at % 2 === 0 ? at + 1 : at - 1] ?? expect.fail();

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

test(`${devices} devices exchange ${devices * messagesEach} messages while processes are killed: 0 lost, 0 doubled`, async () => {
  const controller = new AbortController();
  const loops: Promise<void>[] = [];
  const all = await people(controller.signal, loops);
  await expect.poll(() => socketsOf(stack).connectionIds().length, { timeout: 60_000 }).toBe(devices);

  // One message at a time, to see how long one takes.
  const times: number[] = [];
  const [first, second] = all;
  if (first === undefined || second === undefined) return expect.fail();
  for (let number = 0; number < single; number++) {
    const began = performance.now();
    await first.client.send(first.conversation, `single ${number}`);
    await expect.poll(() => second.received.length, { interval: 1, timeout: 60_000 }).toBe(number + 1);
    times.push((second.received.at(-1)?.at ?? Number.NaN) - began);
  }
  second.received.length = 0;

  const textsOf = (at: number) => Array.from({ length: messagesEach }, (_, number) => `${number} of ${at}`);
  let sent = 0;
  const sendAll = async ({ client, conversation }: Person, at: number) => {
    for (const text of textsOf(at)) {
      await client.send(conversation, text);
      sent++;
    }
  };
  const crash = async () => {
    for (let number = 1; number <= crashes; number++) {
      const due = (devices * messagesEach * number) / (crashes + 1);
      await expect.poll(() => sent, { timeout: 600_000 }).toBeGreaterThanOrEqual(due);
      await expect.poll(() => stack.vault.crashBusyEnvironment('RelayFunction'), { interval: 1 }).toBe(true);
    }
  };
  const began = performance.now();
  await Promise.all([...all.map(sendAll), crash()]);
  for (const [at, { received }] of all.entries()) {
    const expected = textsOf(all.indexOf(partnerOf(all, at)));
    await expect.poll(() => received.length, { timeout: 300_000 }).toBeGreaterThanOrEqual(expected.length);
    expect(received.map(({ text }) => text)).toEqual(expected);
  }
  const seconds = (performance.now() - began) / 1_000;
  controller.abort();
  await Promise.all(loops);
  for (const { client } of all) {
    expect(await client.sync()).toMatchObject({ queued: 0, received: 0 });
    await client.close();
  }
  // biome-ignore lint/suspicious/noConsole: the figures are for people.
  console.log(
    `relay: p50 ${median(times).toFixed(0)} ms from send to the application through a socket; ` +
      `${devices * messagesEach} messages in ${seconds.toFixed(0)} s`,
  );
}, 1_200_000);
