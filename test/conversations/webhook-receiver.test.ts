/** Webhooks: no step before the signature is verified, and each message is enqueued once, whatever fails in between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { parseEncryptedJob } from '../../core/jobs/job-envelope.ts';
import { truncateMessage } from '../../lambdas/conversations/message-text.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ada, fakeWebhook, InMemoryConversations, message } from './in-memory-conversations.ts';

describe('what is not signed', () => {
  test('is refused by one code for every cause, and nothing is stored, sent or derived', async () => {
    const world = new InMemoryConversations();
    const prove = (org: string, content = {}) =>
      world.instance().receiving.verify(org, 'twilio', fakeWebhook({ messages: [message(ada.tel, 'Hi')], ...content }));
    expect(await errorCodeOf(prove(world.org, { signed: false }))).toBe('signature_refused');
    expect(world.calls).toEqual(['secrets']);
    world.secrets = undefined;
    expect(await errorCodeOf(prove(world.org))).toBe('signature_refused');
    expect(world.calls).toEqual(['secrets', 'secrets']);
    for (const org of ['', 'x', `${world.org}0`, world.org.toUpperCase(), '../../../../etc/x', 'ａaaaaaaaaaaaaaaa'])
      expect(await errorCodeOf(prove(org))).toBe('signature_refused');
    // For an invalid org ID, not even the secrets are requested.
    expect(world.calls).toEqual(['secrets', 'secrets']);
    expect([world.deliveries.size, world.queue.length, world.keyrings.size, world.locators.size]).toEqual([0, 0, 0, 0]);
  });

  test('is not refused when it only could not be told: the provider is to send it again', async () => {
    const world = new InMemoryConversations();
    world.fault = (action) => (action === 'secrets' ? 'refused' : undefined);
    expect(await errorCodeOf(world.receive('twilio', message(ada.tel, 'Hi')))).toBe('unavailable');
  });
});

describe('what is signed but brings no message', () => {
  test('is answered as the provider wants, and leaves nothing', async () => {
    const world = new InMemoryConversations();
    const take = async (reading: object) => {
      const proven = await world
        .instance()
        .receiving.verify(world.org, 'slack', fakeWebhook({ reading: reading as never }));
      expect(proven.hasMessages).toBe(false);
      return await proven.enqueueMessages();
    };
    const usual = { contentType: 'text/plain', body: 'slack ok' };
    expect(await take({ kind: 'nothing' })).toEqual({ response: usual, messages: [] });
    const challenge = { contentType: 'text/plain', body: '123' };
    expect(await take({ kind: 'challenge', answer: challenge })).toEqual({ response: challenge, messages: [] });
    expect(await take({ kind: 'nothing', reason: 'sender_unverified' })).toEqual({
      response: usual,
      messages: [],
      reason: 'sender_unverified',
    });
    expect(world.calls).toEqual(['secrets', 'secrets', 'secrets']);
  });
});

describe('a message', () => {
  test('costs two calls of KMS and two writes, and lies in the queue sealed, in the group of its sender', async () => {
    const world = new InMemoryConversations();
    const { messages, response } = await world.receive('twilio', message(ada.tel, 'The word is xylophone'));
    expect(response.body).toBe('twilio ok');
    expect(messages).toHaveLength(1);
    expect(isTimeId(messages[0] ?? '')).toBe(true);
    expect(world.calls).toEqual(['secrets', 'db:delivery', 'kms:routing', 'kms:generate', 'sqs:send', 'db:queued']);
    const [job] = world.queue;
    expect(job?.name).toBe(messages[0]);
    expect(job?.group).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const lying = JSON.stringify([world.queue, [...world.deliveries]]);
    expect(lying).not.toMatch(/xylophone|447700900123|delivery-[0-9]/);
    for (const text of ['xylophone', '447700900123'])
      expect(Buffer.from(parseEncryptedJob(job?.body ?? '').data, 'base64').includes(text)).toBe(false);
  });

  test('that is delivered again is acknowledged with the same id, and neither sent nor derived again', async () => {
    const world = new InMemoryConversations();
    const one = message(ada.tel, 'Hi');
    const first = await world.receive('twilio', one);
    world.calls.length = 0;
    for (let n = 0; n < 3; n++) expect((await world.receive('twilio', one)).messages).toEqual(first.messages);
    expect(world.calls.filter((call) => call !== 'secrets' && call !== 'db:delivery')).toEqual([]);
    expect(world.queue).toHaveLength(1);
  });

  test('of the same name on another channel is another', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'Hi', { deliveryId: 'same' }));
    await world.receive('slack', message(ada.slack, 'Hi', { deliveryId: 'same' }));
    expect(world.queue).toHaveLength(2);
  });

  const points = ['db:delivery', 'kms:routing', 'kms:generate', 'sqs:send', 'db:queued'];
  test.each(points.flatMap((point) => [[point, 'before'] as const, [point, 'after'] as const]))(
    'whose webhook breaks off at %s (%s it) is refused as unavailable, and by its retry comes once, under one id',
    async (point, when) => {
      const world = new InMemoryConversations();
      const one = message(ada.tel, 'Hi');
      world.fault = (action, at) => (action === point && at === when ? 'refused' : undefined);
      expect(await errorCodeOf(world.receive('twilio', one))).toBe('unavailable');
      world.fault = () => undefined;
      const ids = [(await world.receive('twilio', one)).messages, (await world.receive('twilio', one)).messages];
      expect(ids[0]).toEqual(ids[1]);
      expect(world.queue.map(({ name }) => name)).toEqual(ids[0]);
      await world.workAll();
      expect(world.sent).toHaveLength(1);
    },
  );

  test('that is delivered twice at once comes once', async () => {
    const world = new InMemoryConversations();
    const one = message(ada.tel, 'Hi');
    const ids = await Promise.all(Array.from({ length: 20 }, () => world.receive('twilio', one)));
    expect(new Set(ids.flatMap(({ messages }) => messages)).size).toBe(1);
    expect(world.queue).toHaveLength(1);
  });

  test('with a token that came with another message is refused, also while the first is not yet sent on', async () => {
    const world = new InMemoryConversations();
    world.fault = (action) => (action === 'sqs:send' ? 'refused' : undefined);
    const first = message('mailto:ada@example.com', 'Hi', { token: 't1' });
    expect(await errorCodeOf(world.receive('mailgun', first))).toBe('unavailable');
    world.fault = () => undefined;
    const forged = message('mailto:ada@example.com', 'unlink', { token: 't1' });
    world.calls.length = 0;
    expect(await errorCodeOf(world.receive('mailgun', forged))).toBe('signature_refused');
    expect(world.calls).toEqual(['secrets', 'db:token']);
    expect((await world.receive('mailgun', first)).messages).toHaveLength(1);
    expect(world.queue).toHaveLength(1);
    // The same email in another request, as if the provider assumed that the first one was lost, is the same delivery.
    expect((await world.receive('mailgun', { ...first, token: 't2' })).messages).toEqual([world.queue[0]?.name]);
    expect(world.queue).toHaveLength(1);
  });
});

describe('a long text', () => {
  test('is kept up to the limit, between two characters, with a mark that it was cut', () => {
    const mark = ' […]';
    expect(truncateMessage('a'.repeat(limits.messageBytes))).toBe('a'.repeat(limits.messageBytes));
    expect(truncateMessage('a'.repeat(limits.messageBytes + 1))).toBe('a'.repeat(limits.messageBytes) + mark);
    // This emoji of 25 bytes is a single character and is not split.
    const family = '👨‍👩‍👧‍👦';
    expect(Buffer.byteLength(family)).toBe(25);
    const kept = truncateMessage(family.repeat(1000));
    expect(kept).toBe(family.repeat(Math.floor(limits.messageBytes / 25)) + mark);
    // A single character that exceeds the limit.
    expect(Buffer.byteLength(truncateMessage(`e${'\u0301'.repeat(20_000)}`))).toBeLessThanOrEqual(
      limits.messageBytes + 6,
    );
  });

  test('never gets longer than the limit and the mark, and is never torn within a code point', () => {
    const texts = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .map((unit) => unit.toWellFormed().repeat(600));
    fc.assert(
      fc.property(texts, (text) => {
        const kept = truncateMessage(text);
        expect(kept.isWellFormed()).toBe(true);
        expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(limits.messageBytes + 6);
        if (kept !== text) expect(text.startsWith(kept.slice(0, -4))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
