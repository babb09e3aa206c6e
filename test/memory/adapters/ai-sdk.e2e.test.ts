/** Chats of the AI SDK: what is saved is loaded, validates, and continues; two savers; what is stored. */
import {
  convertToModelMessages,
  type ModelMessage,
  simulateReadableStream,
  streamText,
  type UIMessage,
  validateUIMessages,
} from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { beforeAll, describe, expect, test } from 'vitest';
import { AnimaChats } from '../../../sdk/src/ai-sdk/index.ts';
import type { Anima } from '../../../sdk/src/index.ts';
import { rejectionOf } from '../../sdk/fake-fetch.ts';
import { useLocalStack } from '../../shared/local-stack.ts';
import { userFactory } from './memory-user.ts';

const stack = useLocalStack();
let newUser: () => Promise<Anima>;
beforeAll(async () => {
  newUser = (await userFactory(stack)).client;
});

const said = (id: string, text: string, role: UIMessage['role'] = 'user'): UIMessage => ({
  id,
  role,
  parts: [{ type: 'text', text }],
});

/** A model that says a text in two pieces. */
const modelThatSays = (...pieces: string[]) =>
  new MockLanguageModelV4({
    doStream: async () => ({
      stream: simulateReadableStream({
        chunks: [
          { type: 'stream-start', warnings: [] },
          { type: 'text-start', id: '1' },
          ...pieces.map((delta) => ({ type: 'text-delta', id: '1', delta }) as const),
          { type: 'text-end', id: '1' },
          {
            type: 'finish',
            finishReason: { unified: 'stop', raw: 'stop' },
            usage: {
              inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
              outputTokens: { total: 1, text: 1, reasoning: 0 },
            },
          },
        ],
      }),
    }),
  });

/** A turn, as the route of a chat does it: load, add, stream, save when the stream ends. */
async function turn(chats: AnimaChats<UIMessage>, chatId: string, message: UIMessage, ...pieces: string[]) {
  const messages = await validateUIMessages({ messages: [...(await chats.load(chatId)), message] });
  const result = streamText({ model: modelThatSays(...pieces), messages: await convertToModelMessages(messages) });
  const response = result.toUIMessageStreamResponse({
    originalMessages: messages,
    generateMessageId: () => `answer-to-${message.id}`,
    onFinish: async ({ messages: all }) => await chats.save({ chatId, messages: all }),
  });
  await response.text();
}

describe('a chat', () => {
  test('is continued turn by turn with the AI SDK, by several processes', async () => {
    const { memory } = await newUser();
    const chatId = await new AnimaChats<UIMessage>(memory).create();
    await turn(new AnimaChats<UIMessage>(memory), chatId, said('1', 'Hello'), 'Good ', 'day');
    await turn(new AnimaChats<UIMessage>(memory), chatId, said('2', 'Tea?'), 'Yes');
    const loaded = await new AnimaChats<UIMessage>(memory).load(chatId);
    const texts = loaded.map(({ id, role, parts }) => [
      id,
      role,
      ...parts.flatMap((one) => ('text' in one ? one.text : [])),
    ]);
    expect(texts).toEqual([
      ['1', 'user', 'Hello'],
      ['answer-to-1', 'assistant', 'Good day'],
      ['2', 'user', 'Tea?'],
      ['answer-to-2', 'assistant', 'Yes'],
    ]);
  });

  test('writes only messages that are new, deletes those that are gone, and keeps the order', async () => {
    const { memory } = await newUser();
    const chats = new AnimaChats<UIMessage>(memory);
    const all = Array.from({ length: 30 }, (_, n) => said(`${n}`, `text ${n}`));
    await chats.save({ chatId: 'c', messages: all });
    const before = await memory.list().toArray();
    expect(before).toHaveLength(31);
    const next = [said('new', 'first'), ...all.slice(5).reverse(), all[29] as UIMessage];
    await chats.save({ chatId: 'c', messages: next });
    expect(await chats.load('c')).toEqual(next);
    const after = await memory.list().toArray();
    // 25 kept, one new, and the record of the chat.
    expect(after).toHaveLength(27);
    const old = new Map(before.map(({ id, version }) => [id, version]));
    expect(after.filter(({ id, version }) => old.get(id) === version)).toHaveLength(25);
  });

  test('of two saves at the same time is one of them, whole', async () => {
    const { memory } = await newUser();
    const versions = ['a', 'b', 'c', 'd'].map((name) => [
      said('shared', 'shared'),
      ...Array.from({ length: 5 }, (_, n) => said(`${name}${n}`, name.repeat(n + 1))),
    ]);
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        versions.map(async (messages) => await new AnimaChats<UIMessage>(memory).save({ chatId: 'c', messages })),
      );
      expect(versions).toContainEqual(await new AnimaChats<UIMessage>(memory).load('c'));
      expect(await memory.list().toArray()).toHaveLength(7);
    }
  });

  test('keeps a message that one save deletes while another one stores it', async () => {
    const { memory } = await newUser();
    const chats = new AnimaChats<UIMessage>(memory);
    const [x, y] = [[said('x', 'x')], [said('y', 'y')]];
    await chats.save({ chatId: 'c', messages: x });
    let between: Promise<void> | undefined;
    const slow: typeof memory = Object.create(memory, {
      find: { value: memory.find.bind(memory) },
      upsert: { value: memory.upsert.bind(memory) },
      delete: {
        value: async (id: string) => {
          between ??= chats.save({ chatId: 'c', messages: x });
          await between;
          return await memory.delete(id);
        },
      },
    });
    await new AnimaChats<UIMessage>(slow).save({ chatId: 'c', messages: y });
    expect(between).toBeDefined();
    expect(await chats.load('c')).toEqual(x);
  });

  test('without the record of a message is reported as damaged, not returned in part', async () => {
    const { memory } = await newUser();
    const chats = new AnimaChats<UIMessage>(memory);
    await chats.save({ chatId: 'c', messages: [said('1', 'one'), said('2', 'two')] });
    const [record] = await memory.find({ text: 'two' }).toArray();
    await memory.delete(record?.id ?? expect.fail('there is no record'));
    expect(await rejectionOf(chats.load('c'))).toMatchObject({ code: 'decryption_failed' });
  });

  test('of messages for models keeps bytes, URLs and dates, and messages of megabytes', async () => {
    const chats = new AnimaChats<ModelMessage>((await newUser()).memory);
    const messages: ModelMessage[] = [
      { role: 'system', content: 'You are kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '🍵'.repeat(100_000) },
          { type: 'file', data: new Uint8Array([0, 255, 7]), mediaType: 'image/png' },
          { type: 'file', data: new URL('https://example.com/a.png'), mediaType: 'image/png' },
        ],
      },
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: '1', toolName: 't', input: { $anima: 'date' } }],
      },
    ];
    await chats.save({ chatId: 'c', messages });
    expect(await chats.load('c')).toEqual(messages);
    const dated = [{ role: 'user', at: new Date(0), list: [null, { $anima: { $anima: 'url', value: 'x' } }] }];
    const others = new AnimaChats<(typeof dated)[number]>((await newUser()).memory);
    await others.save({ chatId: 'c', messages: dated });
    expect(await others.load('c')).toEqual(dated);
  });

  test('is listed, the last one first, and deleted with all its messages', async () => {
    const { memory } = await newUser();
    const chats = new AnimaChats<UIMessage>(memory);
    for (const chatId of ['a', 'b', 'a'.repeat(200)]) await chats.save({ chatId, messages: [said('1', chatId)] });
    await chats.save({ chatId: 'a', messages: [said('1', 'x'.repeat(200_000)), said('2', 'y')] });
    const listed = (await chats.list()).map(({ chatId, messages }) => [chatId, messages]);
    expect(listed).toEqual([
      ['a', 2],
      ['a'.repeat(200), 1],
      ['b', 1],
    ]);
    expect([await chats.delete('a'), await chats.delete('a'), await chats.load('a')]).toEqual([true, false, []]);
    expect(await chats.list()).toHaveLength(2);
    for (const chatId of ['b', 'a'.repeat(200)]) await chats.delete(chatId);
    expect(await memory.list().toArray()).toEqual([]);
  });

  test('refuses what would be lost, and stores nothing then', async () => {
    const { memory } = await newUser();
    const chats = new AnimaChats<{ role: string; value: unknown }>(memory);
    for (const value of [new Map(), Number.NaN, 1n, () => 1, [undefined]]) {
      const refused = await rejectionOf(chats.save({ chatId: 'c', messages: [{ role: 'user', value }] }));
      expect(refused).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('Nothing was sent') });
    }
    expect(await rejectionOf(chats.save({ chatId: '', messages: [] }))).toMatchObject({ code: 'invalid_argument' });
    expect(await memory.list().toArray()).toEqual([]);
    expect(() => new AnimaChats(memory, Object.assign({ nameSpace: ['a'] }))).toThrow(/Nothing was sent/);
  });
});
