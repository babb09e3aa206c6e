/** A message from its webhook to its answer: stored data, replies, and the result of every failure. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { type JobHeader, sealJob } from '../../core/jobs/job-envelope.ts';
import { JobProducer } from '../../lambdas/jobs/job-producer.ts';
import { decodeJobPayload, type JobPayload } from '../../lambdas/worker/job-decoder.ts';
import { lockRecord } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ada, InMemoryConversations, message } from './in-memory-conversations.ts';

describe('a first message', () => {
  test('makes a user, and is stored with its answer, sealed; the answer is sent', async () => {
    const world = new InMemoryConversations();
    expect(await world.say('twilio', ada.tel, 'Hello, xylophone')).toEqual(['You said: Hello, xylophone']);
    const keyring = world.user();
    expect(Object.values(keyring.slots).map(({ kind }) => kind)).toEqual(['identity']);
    expect([...world.records.keys()].every((id) => id.startsWith(`${keyring.user}/messages/`))).toBe(true);
    expect([...world.records.values()].map(({ sent }) => sent)).toEqual([undefined, true]);
    expect(JSON.stringify([[...world.records], [...world.keyrings], [...world.locators]])).not.toMatch(
      /xylophone|447700900123|You said/,
    );
  });

  test('costs, in the worker, two calls of KMS', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'Hello'));
    world.calls.length = 0;
    await world.workAll();
    expect(world.calls.filter((call) => call.startsWith('kms:'))).toEqual(['kms:unwrap', 'kms:custody']);
  });
});

describe('a message of a known sender', () => {
  test('costs, in the worker, two calls of KMS and ten of the database, the last before the sending a read of the keyring', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'One');
    await world.receive('twilio', message(ada.tel, 'Two'));
    world.calls.length = 0;
    await world.workAll();
    expect(world.calls).toEqual([
      'kms:unwrap',
      'kms:custody',
      'db:locator',
      'db:keyring',
      'db:list',
      'db:read',
      'db:put',
      'db:count',
      'responder',
      'db:put',
      'db:audit',
      'secrets',
      'db:read',
      'send',
      'db:mark-sent',
    ]);
  });

  test('is told to the responder with the conversation before it, without who the sender is', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'One');
    await world.say('twilio', ada.tel, 'Two');
    const request = world.responderRequests.at(-1) ?? expect.fail();
    expect(request).toEqual({
      org: world.org,
      user: world.user().user,
      channel: 'twilio',
      message: { id: expect.any(String), text: 'Two', at: '2026-06-01T12:00:01.000Z' },
      shared: false,
      history: [
        { role: 'user', text: 'One', channel: 'twilio', at: '2026-06-01T12:00:00.000Z' },
        { role: 'agent', text: 'You said: One', channel: 'twilio', at: '2026-06-01T12:00:00.000Z' },
      ],
    });
    expect(JSON.stringify(request)).not.toContain('447700900123');
  });

  test('is told with the latest fifty messages at most, and no more of them than the limit of bytes', async () => {
    const world = new InMemoryConversations();
    for (let n = 0; n < 40; n++) await world.say('twilio', ada.tel, `Number ${n}`);
    expect(world.responderRequests.at(-1)?.history).toHaveLength(limits.historyMessages);
    expect(world.responderRequests.at(-1)?.history.at(-1)?.text).toBe('You said: Number 38');
    const long = 'x'.repeat(limits.messageBytes - 100);
    for (let n = 0; n < 20; n++) await world.say('twilio', ada.tel, long);
    const bytes = (world.responderRequests.at(-1)?.history ?? []).reduce((sum, { text }) => sum + text.length, 0);
    expect(bytes).toBeLessThanOrEqual(limits.historyBytes);
    expect(bytes).toBeGreaterThan(limits.historyBytes - 2 * limits.messageBytes);
  });

  test('that others read along is told to the responder without any of the conversation: the answer is for all to read', async () => {
    const world = new InMemoryConversations();
    await world.say('slack', ada.slack, 'My secret is xylophone');
    await world.say('slack', ada.slack, 'What did I tell you?', { shared: true });
    expect(world.responderRequests.at(-1)).toMatchObject({
      shared: true,
      history: [],
      message: { text: 'What did I tell you?' },
    });
    // The message is part of the conversation and is included in histories for private channels.
    await world.say('slack', ada.slack, 'And now?');
    expect(world.responderRequests.at(-1)?.shared).toBe(false);
    expect(world.responderRequests.at(-1)?.history.map(({ text }) => text)).toContain('What did I tell you?');
  });

  test('whose earlier message is damaged is answered without that one', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'One');
    for (const [id, record] of world.records) if (!id.endsWith('-r')) world.records.set(id, { ...record, version: 2 });
    await world.say('twilio', ada.tel, 'Two');
    expect(world.responderRequests.at(-1)?.history.map(({ text }) => text)).toEqual(['You said: One']);
  });

  test('is only kept where there is no responder, or where that has nothing to say', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'Keep this'));
    expect(await world.workAll(false)).toMatchObject([{ user: world.user().user }]);
    world.time.now = new Date(world.time.now.getTime() + 1000);
    world.respond = async () => undefined;
    expect(await world.say('twilio', ada.tel, 'And this')).toEqual([]);
    expect(world.records.size).toBe(2);
    expect(world.audits.map(({ result }) => result)).toEqual(['ok', 'ok']);
    world.respond = async ({ history }) => history.map(({ text }) => text).join(', ');
    expect(await world.say('twilio', ada.tel, 'Which?')).toEqual(['Keep this, And this']);
  });

  test('leaves one audit record: who, what and which, and nothing of the text', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'The word is xylophone');
    expect(world.audits).toEqual([
      {
        org: world.org,
        principal: `user:${world.user().user}`,
        route: 'worker',
        verb: 'messages.answer',
        name: [...world.records.keys()][0]?.split('/').at(-1),
        result: 'ok',
        requestId: expect.any(String),
        sourceIp: 'queue',
      },
    ]);
  });

  test('is not answered when the audit cannot be written', async () => {
    const world = new InMemoryConversations();
    world.fault = (action) => (action === 'db:audit' ? 'refused' : undefined);
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await errorCodeOf(world.workOne())).toBe('unavailable');
    expect(world.sent).toEqual([]);
  });
});

describe('a job that comes again', () => {
  test('after breaking off before or behind any of its calls leaves one user, one message and one answer', async () => {
    const whole = new InMemoryConversations();
    await whole.receive('twilio', message(ada.tel, 'Hi'));
    whole.calls.length = 0;
    await whole.workAll();
    const calls = whole.calls.filter((call) => call !== 'responder' && call !== 'send');
    expect(calls.length).toBeGreaterThan(12);
    for (const nth of calls.keys()) {
      for (const side of ['before', 'after'] as const) {
        const world = new InMemoryConversations();
        await world.receive('twilio', message(ada.tel, 'Hi'));
        let met = 0;
        world.fault = (_, when) => (when === side && met++ === nth ? 'lost' : undefined);
        const where = `${side} ${calls[nth]}`;
        expect(await errorCodeOf(world.workOne()), where).toMatch(/unavailable|audit_unavailable/);
        world.fault = () => undefined;
        await world.workOne();
        // If only the locator of a new user was written, the retry creates the user with this locator. There is no
        // second user.
        expect(
          [...world.keyrings.values()].filter(({ state }) => state === 'active'),
          where,
        ).toHaveLength(1);
        expect(
          [...world.records.values()].map(({ sent }) => sent),
          where,
        ).toEqual([undefined, true]);
        // The answer is sent twice only if the failure came after the sending and before it was recorded, because the
        // result is then unknown.
        const twice = where === 'before db:mark-sent';
        expect(
          world.sent.map(({ text }) => text),
          where,
        ).toEqual(Array(twice ? 2 : 1).fill('You said: Hi'));
      }
    }
  });

  test('when all is done does nothing more', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'Hi'));
    const [job] = world.queue;
    await world.workAll();
    world.queue.push(job ?? expect.fail());
    await world.workAll();
    expect(world.sent).toHaveLength(1);
    expect(world.responderRequests).toHaveLength(1);
    expect(world.records.size).toBe(2);
  });

  test('after the responder failed has its message once, and is answered then', async () => {
    const world = new InMemoryConversations();
    const answer = world.respond;
    world.respond = () => codeOfFailure();
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await errorCodeOf(world.workOne())).toContain('the responder failed');
    expect(world.records.size).toBe(1);
    expect(world.audits.map(({ result }) => result)).toEqual(['internal']);
    world.respond = answer;
    await world.workOne();
    expect(world.records.size).toBe(2);
    expect(world.sent).toHaveLength(1);
    expect(world.responderRequests.at(-1)?.history).toEqual([]);
  });

  test('after the provider did not say whether it took the answer sends the very same, without asking the responder again', async () => {
    const world = new InMemoryConversations();
    let n = 0;
    world.respond = async () => `Answer ${++n}`;
    world.deliver = () => 'unknown';
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await errorCodeOf(world.workOne())).toBe('unavailable');
    world.deliver = () => 'sent';
    await world.workOne();
    expect(world.sent.map(({ text }) => text)).toEqual(['Answer 1']);
    expect(world.responderRequests).toHaveLength(1);
  });

  test('does not come again once the provider has refused the answer for good', async () => {
    const world = new InMemoryConversations();
    world.deliver = () => 'refused';
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await world.workAll()).toMatchObject([{ reason: 'provider_refused' }]);
    expect([...world.records.values()].map(({ sent }) => sent)).toEqual([undefined, false]);
  });
});

describe('what is no job of this vault', () => {
  test('is dropped: damaged, moved to another org or id, or replaced in part', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'Hi'));
    await world.receive('twilio', message(ada.tel, 'Ho'));
    const [one, two] = world.queue.splice(0).map(({ body }) => JSON.parse(body));
    const other = new InMemoryConversations();
    const bodies = [
      '',
      'x',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...one, extra: 1 }),
      JSON.stringify({ ...one, org: other.org }),
      JSON.stringify({ ...one, id: two.id }),
      JSON.stringify({ ...one, key: two.key }),
      JSON.stringify({ ...one, data: two.data }),
      JSON.stringify({ ...one, data: one.data.slice(0, -8) }),
      JSON.stringify({ ...one, key: '' }),
      JSON.stringify({ ...one, id: '../../x' }),
      JSON.stringify({ ...one, kind: 'erase' }),
      JSON.stringify({ ...one, kind: 'x' }),
      JSON.stringify({ ...one, kind: undefined }),
    ];
    for (const body of bodies) {
      const delivered = { body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 };
      expect(await world.instance().working.processMessage(delivered), body).toMatchObject({ reason: 'damaged' });
    }
    // Correctly encrypted jobs with an invalid ID or an invalid org.
    const newId = () => createTimeId(Date.now(), randomBytes(16));
    const sender = new JobProducer(world.transit, world.jobQueue);
    const job: JobPayload = {
      kind: 'message',
      channel: 'twilio',
      identity: ada.tel,
      locator: 'l',
      text: 'Hi',
      shared: false,
      replyTo: {},
    };
    expect(decodeJobPayload(Buffer.from(JSON.stringify(job)))).toEqual(job);
    await sender.send(world.org, 'not-a-time', job, 'g');
    await sender.send('../x', newId(), job, 'g');
    const wrong = [
      { ...job, channel: 'telegram' },
      { ...job, text: 1 },
      { ...job, replyTo: { to: 1 } },
      { ...job, kind: 'x' },
      [],
    ];
    const seal = async (name: JobHeader, inside: object): Promise<string> => {
      const { secret, wrapped } = await world.transit.generateKey(name);
      return sealJob(name, secret, wrapped, Buffer.from(JSON.stringify(inside)));
    };
    const put = (id: string, body: string) => world.jobQueue.send(body, 'g', id);
    for (const bad of wrong) {
      const id = newId();
      await put(id, await seal({ org: world.org, id, kind: 'message' }, bad));
    }
    // Jobs from a function that may send only one kind of jobs: another kind inside the payload, and another kind in
    // the header.
    const [inside, outside] = [newId(), newId()];
    await put(inside, await seal({ org: world.org, id: inside, kind: 'erase' }, job));
    const erasing = await seal({ org: world.org, id: outside, kind: 'erase' }, job);
    await put(outside, erasing.replace('"kind":"erase"', '"kind":"message"'));
    expect(await world.workAll()).toEqual(Array(4 + wrong.length).fill(expect.objectContaining({ reason: 'damaged' })));
    expect([world.keyrings.size, world.records.size, world.sent.length, world.audits.length]).toEqual([0, 0, 0, 0]);
  });
});

describe('an org that is shut', () => {
  test('gets nothing kept and nothing answered of what was in the queue', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Before');
    await world.receive('twilio', message(ada.tel, 'After'));
    const lock = { shredAt: '2026-07-01T00:00:00.000Z', requestedAt: '2026-06-01T00:00:00.000Z', by: 'x' };
    world.orgKeyring = lockRecord(world.org, world.orgKeyring, lock);
    const stored = world.records.size;
    expect(await world.workAll()).toMatchObject([{ reason: 'org_shut' }]);
    await world.receive('slack', message(ada.slack, 'A first one'));
    expect(await world.workAll()).toMatchObject([{ reason: 'org_shut' }]);
    expect([world.records.size, world.sent.length, world.keyrings.size]).toEqual([stored, 1, 1]);
  });

  test('while the responder thinks gets its answer not sent', async () => {
    const world = new InMemoryConversations();
    world.respond = async () => {
      const lock = { shredAt: '2026-07-01T00:00:00.000Z', requestedAt: '2026-06-01T00:00:00.000Z', by: 'x' };
      world.orgKeyring = lockRecord(world.org, world.orgKeyring, lock);
      return 'Too late';
    };
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await world.workAll()).toMatchObject([{ reason: 'org_shut' }]);
    expect(world.sent).toEqual([]);
  });

  test('does not exist: nothing is made', async () => {
    const world = new InMemoryConversations();
    world.orgKeyring = undefined;
    await world.receive('twilio', message(ada.tel, 'Hi'));
    expect(await world.workAll()).toMatchObject([{ reason: 'org_shut' }]);
    expect(world.keyrings.size).toBe(0);
  });
});

const codeOfFailure = () => Promise.reject(new Error('the responder failed'));
