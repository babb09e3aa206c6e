/**
 * Account deletion while workers process messages of the user: after the acknowledgement, nothing is unlocked, sent or
 * kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { JobProducer } from '../../lambdas/jobs/job-producer.ts';
import { maxReadAgeMs, readWithinMaxAge, waitForInFlightReads } from '../../lambdas/users/read-freshness.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ada, deletionCodeIn, InMemoryConversations, message } from './in-memory-conversations.ts';

/** Records every unlocking of a slot by any code: its time and its user. */
const openings = vi.hoisted((): { at: number; user: string }[] => []);
vi.mock(import('../../core/users/key-slot.ts'), async (original) => {
  const slots = await original();
  return {
    ...slots,
    unwrapUmk: (...[secret, owner, slot]: Parameters<typeof slots.unwrapUmk>) => {
      const root = slots.unwrapUmk(secret, owner, slot);
      openings.push({ at: performance.now(), user: owner.user });
      return root;
    },
  };
});

/** A number from 0 to `most`, the same for a trial in every run. */
const spread = (trial: number, most: number): number => ((trial * 2_654_435_761) % 1_000) * (most / 1_000);

describe('deleting an account', () => {
  test('by a message takes two, and is confirmed; then nothing is there and nothing opens', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Remember this');
    await world.link();
    const asked = await world.say('slack', ada.slack, 'delete my account');
    expect(asked).toEqual([expect.stringContaining('for good')]);
    expect(world.records.size).toBe(2);
    expect(await world.say('slack', ada.slack, `Delete my account ${deletionCodeIn(asked)}`)).toEqual([
      expect.stringContaining('is deleted'),
    ]);
    expect(world.records.size).toBe(0);
    expect([...world.keyrings.values()].map(({ state, slots }) => [state, slots])).toEqual([['deleted', undefined]]);
    expect(world.audits.at(-1)?.verb).toBe('account.delete');
    await world.say('twilio', ada.tel, 'Do you remember?');
    expect(world.responderRequests.at(-1)?.history).toEqual([]);
  });

  test('takes a code that only who receives can know: not that of another user, time or keyring, nor one that is guessed', async () => {
    const world = new InMemoryConversations();
    const refused = [expect.stringContaining('Nothing was deleted')];
    await world.say('twilio', ada.tel, 'Hi');
    const asked = async () => deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
    const send = async (code: string) => await world.say('twilio', ada.tel, `delete my account ${code}`);
    const wait = (minutes: number) => {
      world.time.now = new Date(world.time.now.getTime() + minutes * 60_000);
    };
    await world.say('slack', ada.slack, 'Hi');
    expect(await send(deletionCodeIn(await world.say('slack', ada.slack, 'delete my account')))).toEqual(refused);
    const code = await asked();
    for (const wrong of [`${code.slice(0, -1)}${code.endsWith('0') ? '1' : '0'}`, `${code.slice(0, 4)}0`, `${code}0`])
      expect(await send(wrong)).toEqual(refused);
    wait(30);
    expect(await send(code)).toEqual(refused);
    const before = await asked();
    // Any change of the slots invalidates the code.
    await world.say('twilio', ada.tel, 'link');
    expect(await send(before)).toEqual(refused);
    expect([...world.keyrings.values()].map(({ state }) => state)).toEqual(['active', 'active']);
    expect(JSON.stringify([[...world.records], world.audits, world.responderRequests])).not.toContain(code);
    // A code is valid for at least a quarter of an hour, in any spelling.
    const good = await asked();
    wait(14);
    expect(await send(` ${good.slice(0, 3).toLowerCase()} ${good.slice(3)}.`)).toEqual([
      expect.stringContaining('is deleted'),
    ]);
  });

  test('gives its code to nobody who reads along', async () => {
    const world = new InMemoryConversations();
    await world.say('slack', ada.slack, 'Hi');
    expect(await world.say('slack', ada.slack, 'delete my account', { shared: true })).toEqual([
      expect.stringContaining('Others can read'),
    ]);
  });

  test('of no account says so, and makes none', async () => {
    const world = new InMemoryConversations();
    for (const text of ['delete my account', 'delete my account now', 'delete my account 7H3K9Q'])
      expect(await world.say('twilio', ada.tel, text)).toEqual([expect.stringContaining('no account')]);
    expect(world.keyrings.size).toBe(0);
  });

  test('of one whose keyring is damaged says so, with every command, and changes nothing', async () => {
    const damages = [
      (record: Record<string, unknown>) => ({ ...record, mac: 'AAAA' }),
      (record: Record<string, unknown>) => ({ ...record, generation: 7 }),
      (record: Record<string, unknown>) => ({ ...record, state: 'lost' }),
    ];
    for (const damage of damages) {
      const world = new InMemoryConversations();
      await world.say('twilio', ada.tel, 'Hi');
      const { user } = world.user();
      world.keyrings.set(user, damage(world.keyrings.get(user) ?? {}));
      const before = structuredClone([[...world.keyrings], [...world.locators], [...world.records]]);
      for (const text of ['delete my account', 'delete my account 7H3K9Q', 'unlink', 'link', 'link 7H3K-9QWE-RTY2'])
        expect(await world.say('twilio', ada.tel, text), text).toEqual([expect.stringContaining("can't be opened")]);
      expect([[...world.keyrings], [...world.locators], [...world.records]]).toEqual(before);
    }
  });

  test('whose job comes again after any break is completed, and confirmed', async () => {
    const begun = async () => {
      const world = new InMemoryConversations();
      await world.say('twilio', ada.tel, 'Hi');
      const code = deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
      await world.receive('twilio', message(ada.tel, `delete my account ${code}`));
      return world;
    };
    const whole = await begun();
    whole.calls.length = 0;
    await whole.workOne();
    for (const nth of whole.calls.filter((call) => call !== 'send').keys()) {
      for (const side of ['before', 'after'] as const) {
        const world = await begun();
        let met = 0;
        world.fault = (_, when) => (when === side && met++ === nth ? 'lost' : undefined);
        const [job] = world.queue;
        await errorCodeOf(world.workOne());
        world.fault = () => undefined;
        if (job !== undefined && world.queue.includes(job)) await world.workOne();
        await world.workAll();
        const where = `${side} ${whole.calls[nth]}`;
        expect(
          [...world.keyrings.values()].map(({ state }) => state),
          where,
        ).toEqual(['deleted']);
        expect(world.records.size, where).toBe(0);
        expect(world.sent.at(-1)?.text, where).toContain('is deleted');
      }
    }
  });

  test('that broke off right behind its tombstone lets go, when it comes again, what the message came by', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const code = deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
    await world.receive('twilio', message(ada.tel, `delete my account ${code}`));
    const [job] = world.queue;
    world.fault = (action, when) =>
      when === 'before' && (action === 'db:retire' || action === 'sqs:send') ? 'refused' : undefined;
    expect(await errorCodeOf(world.workOne())).toBe('unavailable');
    world.fault = () => undefined;
    const retired = () => [...world.locators.values()].map(({ ttl }) => ttl !== undefined);
    expect([retired(), world.queue]).toEqual([[false], [job]]);
    await world.workAll();
    expect(retired()).toEqual([true]);
  });

  test('is not undone by a message that waited in the queue: that begins no new account', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    await world.link();
    await world.receive('twilio', message(ada.tel, 'Still waiting'));
    const waiting = world.queue.splice(0);
    await world.end('slack', ada.slack);
    const asked = world.responderRequests.length;
    world.queue.push(...waiting);
    expect(await world.workAll()).toMatchObject([{ reason: 'user_deleted' }]);
    expect([world.responderRequests.length - asked, world.keyrings.size, world.records.size]).toEqual([0, 1, 0]);
    // A later message has an effect.
    await world.say('twilio', ada.tel, 'A new beginning');
    expect(world.user().generation).toBe(1);
  });

  test('is not undone by who deletes records of a user that is there', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const { user } = world.user();
    const sender = new JobProducer(world.transit, world.jobQueue);
    await sender.send(world.org, '01m7xpe6000123456789abcdef', { kind: 'erase', user, locators: [] }, user);
    expect(await world.workAll()).toMatchObject([{ reason: 'damaged' }]);
    expect(world.records.size).toBe(2);
  });

  test('while the responder thinks: no answer is sent, and nothing that was stored stays', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const { user } = world.user();
    world.respond = async () => {
      await world.instance().deleting.delete({ org: world.org, user });
      const erase = world.queue.splice(1);
      for (const { body } of erase)
        await world.instance().working.processMessage({ body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 });
      return 'Too late';
    };
    await world.receive('twilio', message(ada.tel, 'Hi again'));
    expect(await world.workAll()).toMatchObject([{ reason: 'user_deleted' }]);
    expect(world.sent).toHaveLength(1);
    expect(world.records.size).toBe(0);
  });

  test('while a message is on its way into the table: it does not stay there', async () => {
    for (const answers of [true, false]) {
      const world = new InMemoryConversations();
      await world.say('twilio', ada.tel, 'Hi');
      const { user } = world.user();
      await world.receive('twilio', message(ada.tel, 'Hi again'));
      let armed = true;
      world.fault = async (action) => {
        if (action !== 'db:put' || !armed) return undefined;
        armed = false;
        await world.instance().deleting.delete({ org: world.org, user });
        const { body = '' } = world.queue.pop() ?? {};
        await world.instance().working.processMessage({ body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 });
        expect(world.records.size).toBe(0);
        return undefined;
      };
      expect(await world.workAll(answers)).toMatchObject([{ reason: 'user_deleted' }]);
      expect(world.records.size).toBe(0);
    }
  });

  test('against workers whose message is long on its way into the table: nothing is told to the responder after the acknowledgement', async () => {
    const results = await Promise.all(
      Array.from({ length: 60 }, async (_, trial) => {
        const world = new InMemoryConversations();
        await world.say('twilio', ada.tel, 'A secret');
        const { user } = world.user();
        world.pause = waitForInFlightReads;
        const told: number[] = [];
        world.respond = async () => {
          told.push(performance.now());
          return 'Too late?';
        };
        world.fault = async (action, when) => {
          if (action === 'db:put' && when === 'before') await sleep(spread(trial, maxReadAgeMs * 2.5));
          return undefined;
        };
        await world.receive('twilio', message(ada.tel, 'Again'));
        const [{ body = '' } = {}] = world.queue.splice(0);
        const working = errorCodeOf(
          world.instance().working.processMessage({ body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 }),
        );
        await sleep(spread(trial + 3, maxReadAgeMs / 2));
        await world.instance().deleting.delete({ org: world.org, user });
        const acknowledged = performance.now();
        await working;
        return {
          late: told.filter((at) => at > acknowledged).length,
          early: told.filter((at) => at <= acknowledged).length,
        };
      }),
    );
    expect(results.reduce((sum, { late }) => sum + late, 0)).toBe(0);
    // Both cases occur: in some trials the responder received messages before the deletion, in others it received none.
    expect(results.filter(({ early }) => early > 0).length).toBeGreaterThan(5);
    expect(results.filter(({ early }) => early === 0).length).toBeGreaterThan(5);
  });

  test('against running workers: 0 openings and 0 answers after the acknowledgement, however late a read arrives', async () => {
    const trials = 300;
    const results = await Promise.all(
      Array.from({ length: trials }, async (_, trial) => {
        const world = new InMemoryConversations();
        const state = { acknowledged: Number.POSITIVE_INFINITY, lateSends: 0 };
        await world.say('twilio', ada.tel, 'Hi');
        await world.link();
        const { user } = world.user();
        world.pause = waitForInFlightReads;
        const answer = world.respond;
        world.respond = async (request) => {
          await sleep(spread(trial + 7, 400));
          return await answer?.(request);
        };
        world.deliver = () => {
          if (performance.now() > state.acknowledged) state.lateSends++;
          return 'sent';
        };
        // Each read is delayed by up to one and a half times the maximum read age.
        let call = 0;
        world.fault = async (action, when) => {
          if (action === 'db:read' && when === 'after') await sleep(spread(trial * 31 + call++, maxReadAgeMs * 1.5));
          return undefined;
        };
        await world.receive('twilio', message(ada.tel, 'From the telephone'));
        await world.receive('slack', message(ada.slack, 'From Slack'));
        const jobs = world.queue.splice(0);
        const working = jobs.map(({ body }) =>
          errorCodeOf(
            world.instance().working.processMessage({ body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 }),
          ),
        );
        await sleep(spread(trial, maxReadAgeMs * 1.6));
        await world.instance().deleting.delete({ org: world.org, user });
        state.acknowledged = performance.now();
        await Promise.all(working);
        const late = openings.filter((opening) => opening.user === user && opening.at > state.acknowledged);
        const early = openings.filter((opening) => opening.user === user && opening.at <= state.acknowledged);
        return { late: late.length, early: early.length, lateSends: state.lateSends };
      }),
    );
    expect(results.reduce((sum, { late }) => sum + late, 0)).toBe(0);
    expect(results.reduce((sum, { lateSends }) => sum + lateSends, 0)).toBe(0);
    // The trials are meaningful: in many of them, workers unlocked the user before the deletion.
    expect(results.filter(({ early }) => early > 3).length).toBeGreaterThan(trials / 10);
  });
});

describe('a job that fails', () => {
  /** How long the first job of the queue is retried when it fails. */
  async function held(world: InMemoryConversations, failing: string): Promise<unknown> {
    const [{ body = '' } = {}] = world.queue;
    world.fault = (action, when) => (action === failing && when === 'before' ? 'refused' : undefined);
    let retryUntil: unknown = 'never told';
    const known = (facts: { retryUntil?: unknown }) => {
      retryUntil = facts.retryUntil;
    };
    const delivered = { body, messageId: 'm', attempt: 1, remainingMs: () => 60_000 };
    expect(await errorCodeOf(world.instance().working.processMessage(delivered, known))).toBe('unavailable');
    world.fault = () => undefined;
    return retryUntil;
  }

  test('is held on to until it is done if it deletes, as long as the queue has it if it may, and for a few tries if not', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const code = deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
    await world.receive('twilio', message(ada.tel, 'A message'));
    expect(await held(world, 'kms:unwrap')).toBe('queue');
    expect(await held(world, 'kms:custody')).toBeUndefined();
    await world.workAll();
    await world.receive('twilio', message(ada.tel, `delete my account ${code}`));
    expect(await held(world, 'kms:unwrap')).toBe('queue');
    for (const failing of ['kms:custody', 'db:read', 'db:replace-user', 'sqs:send'])
      expect(await held(world, failing), failing).toBe('done');
    // The previous failure came after the slots were destroyed. From then on, only the reply is missing.
    expect(await held(world, 'secrets')).toBeUndefined();
    world.queue.shift();
    for (const failing of ['kms:unwrap', 'db:keyring', 'db:list', 'db:delete'])
      expect(await held(world, failing), failing).toBe('done');
  });

  test('is not held on to for the answer to a deletion that nobody could ask for', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'delete my account 7H3K9Q'));
    expect(await held(world, 'secrets')).toBeUndefined();
    await world.workAll();
    await world.say('twilio', ada.tel, 'Hi');
    await world.receive('twilio', message(ada.tel, 'delete my account 7H3K9Q'));
    expect(await held(world, 'secrets')).toBeUndefined();
    expect(await held(world, 'db:audit')).toBeUndefined();
    expect(await held(world, 'db:read')).toBe('done');
  });

  test('can be sent on as it lies in the queue, still sealed, and is done then', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    await world.instance().deleting.delete({ org: world.org, user: world.user().user });
    const [old] = world.queue.splice(0);
    world.calls.length = 0;
    await world.instance().working.requeue(old?.body ?? '', old?.group ?? '');
    expect(world.calls).toEqual(['sqs:send']);
    expect(world.queue).toEqual([{ ...old, name: expect.not.stringMatching(old?.name ?? '') }]);
    await world.workAll();
    expect(world.records.size).toBe(0);
  });
});

describe('a read that takes long', () => {
  test('is made again, and given up in the end', async () => {
    let now = 0;
    const reads: number[] = [];
    const read = (...took: number[]) =>
      readWithinMaxAge(
        async () => {
          now += took[reads.length] ?? 0;
          return reads.push(now);
        },
        () => now,
      );
    expect(await read(maxReadAgeMs - 1)).toBe(1);
    reads.length = 0;
    expect(await read(maxReadAgeMs, maxReadAgeMs * 5, 10)).toBe(3);
    reads.length = 0;
    expect(await errorCodeOf(read(maxReadAgeMs, maxReadAgeMs, maxReadAgeMs))).toBe('unavailable');
  });
});
