/**
 * Redeliveries after the deduplication period of the queue: the webhook failed between sending its job and recording
 * it, so the provider sends the message again. In the meantime, the sender may have started a new account.
 */
import { describe, expect, test } from 'vitest';
import type { ChannelName } from '../../lambdas/channels/channel-ports.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ada, deletionCodeIn, InMemoryConversations, message } from './in-memory-conversations.ts';

const later = (world: InMemoryConversations, seconds: number) => {
  world.time.now = new Date(world.time.now.getTime() + seconds * 1000);
};
const codeIn = (texts: readonly string[]): string => /link (\S+)/.exec(texts.join())?.[1] ?? expect.fail(texts.join());

/**
 * Sends a message whose webhook fails after sending its job. Returns a function that delivers the message again, as the
 * provider does later.
 */
async function brokenOff(world: InMemoryConversations, name: ChannelName, identity: string, text: string) {
  const said = message(identity, text);
  world.fault = (action, when) => (action === 'db:queued' && when === 'before' ? 'refused' : undefined);
  expect(await errorCodeOf(world.receive(name, said))).toBe('unavailable');
  world.fault = () => undefined;
  await world.workAll();
  later(world, 60);
  return async () => {
    later(world, 300);
    const before = structuredClone([[...world.keyrings], [...world.records], [...world.locators]]);
    const [asked, sent] = [world.responderRequests.length, world.sent.length];
    await world.receive(name, said);
    const done = await world.workAll();
    const changed =
      JSON.stringify([[...world.keyrings], [...world.records], [...world.locators]]) !== JSON.stringify(before);
    return { done, changed, asked: world.responderRequests.length - asked, sent: world.sent.length - sent };
  };
}

const nothing = { done: [expect.objectContaining({ reason: 'outdated' })], changed: false, asked: 0, sent: 0 };

describe('after its sender has begun anew, a repeated', () => {
  test('deletion leaves the new account alone', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const code = deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
    const again = await brokenOff(world, 'twilio', ada.tel, `delete my account ${code}`);
    expect([...world.keyrings.values()].map(({ state }) => state)).toEqual(['deleted']);
    await world.say('twilio', ada.tel, 'A new beginning');
    expect(await again()).toEqual(nothing);
    expect(world.user().generation).toBe(1);
  });

  test('deletion that did not even begin leaves the new account alone', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const asked = await brokenOff(world, 'twilio', ada.tel, 'delete my account');
    await world.end('twilio', ada.tel);
    await world.say('twilio', ada.tel, 'A new beginning');
    expect(await asked()).toEqual(nothing);
  });

  test('unlinking leaves a channel that was linked again', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    await world.link();
    const again = await brokenOff(world, 'slack', ada.slack, 'unlink');
    expect(Object.values(world.user().slots)).toHaveLength(1);
    await world.link();
    expect(await again()).toEqual(nothing);
    expect(Object.values(world.user().slots)).toHaveLength(2);
  });

  test('unlinking leaves a conversation that was begun and linked since', async () => {
    const world = new InMemoryConversations();
    await world.say('slack', ada.slack, 'Hi');
    const first = codeIn(await world.say('slack', ada.slack, 'link'));
    await world.say('twilio', ada.tel, `link ${first}`);
    const again = await brokenOff(world, 'twilio', ada.tel, 'unlink');
    await world.say('twilio', ada.tel, 'Another conversation');
    const second = codeIn(await world.say('twilio', ada.tel, 'link'));
    await world.say('whatsapp', 'whatsapp:+15550001111', `link ${second}`);
    expect(await again()).toEqual(nothing);
  });

  test('unlinking, of a channel that has begun anew since, leaves that one too when another is linked to it', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    await world.link();
    const again = await brokenOff(world, 'slack', ada.slack, 'unlink');
    await world.say('slack', ada.slack, 'A conversation of its own');
    const code = codeIn(await world.say('slack', ada.slack, 'link'));
    await world.say('whatsapp', 'whatsapp:+15550001111', `link ${code}`);
    expect(await again()).toEqual(nothing);
  });

  test('demand for a code gets none', async () => {
    const world = new InMemoryConversations();
    const again = await brokenOff(world, 'twilio', ada.tel, 'link');
    await world.end('twilio', ada.tel);
    await world.say('twilio', ada.tel, 'A new beginning');
    expect(await again()).toEqual(nothing);
  });

  test('code links nothing', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    const again = await brokenOff(world, 'slack', ada.slack, `link ${code}`);
    await world.say('slack', ada.slack, 'unlink');
    await world.say('slack', ada.slack, 'A conversation of its own');
    expect(await again()).toEqual(nothing);
  });

  test('message does not come into the new account, nor to the responder', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const again = await brokenOff(world, 'twilio', ada.tel, 'From before');
    await world.end('twilio', ada.tel);
    await world.say('twilio', ada.tel, 'A new beginning');
    expect(await again()).toEqual(nothing);
    await world.say('twilio', ada.tel, 'What do you know?');
    expect(JSON.stringify(world.responderRequests.at(-1)?.history)).not.toContain('From before');
  });
});

describe('after an account was deleted, and before its sender has begun anew, a late', () => {
  test('code that was sent before the deletion links nothing, and a demand for one gets none', async () => {
    const world = new InMemoryConversations();
    const code = codeIn(await world.say('twilio', ada.tel, 'link'));
    await world.say('slack', ada.slack, 'Mine');
    await world.receive('slack', message(ada.slack, `link ${code}`));
    await world.receive('slack', message(ada.slack, 'link'));
    const waiting = world.queue.splice(0);
    later(world, 1);
    await world.end('slack', ada.slack);
    world.queue.push(...waiting);
    expect(await world.workAll()).toMatchObject([{ reason: 'outdated' }, { reason: 'outdated' }]);
    expect(Object.values(world.user().slots).filter(({ kind }) => kind === 'identity')).toHaveLength(1);
  });

  test('deletion that comes again is confirmed again', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    const code = deletionCodeIn(await world.say('twilio', ada.tel, 'delete my account'));
    const again = await brokenOff(world, 'twilio', ada.tel, `delete my account ${code}`);
    expect(await again()).toMatchObject({ sent: 1 });
    expect(world.sent.at(-1)?.text).toContain('is deleted');
  });
});

describe('the time of a slot', () => {
  test('is that of the message that made it, not of the worker: what waited beside it in the queue is taken', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'One'));
    later(world, 1);
    await world.receive('twilio', message(ada.tel, 'Two'));
    later(world, 3_600);
    expect((await world.workAll()).map(({ reason }) => reason)).toEqual([undefined, undefined]);
    expect(world.records.size).toBe(4);
  });

  test('lets a first message in that the second has overtaken', async () => {
    const world = new InMemoryConversations();
    await world.receive('twilio', message(ada.tel, 'One'));
    later(world, 2);
    await world.receive('twilio', message(ada.tel, 'Two'));
    world.queue.reverse();
    expect((await world.workAll()).map(({ reason }) => reason)).toEqual([undefined, undefined]);
    expect(world.records.size).toBe(4);
  });

  test('lets in what the provider repeats of a sender who was not known, after what came later', async () => {
    const world = new InMemoryConversations();
    const first = message(ada.tel, 'One');
    world.fault = (action) => (action === 'sqs:send' ? 'refused' : undefined);
    expect(await errorCodeOf(world.receive('twilio', first))).toBe('unavailable');
    world.fault = () => undefined;
    later(world, 20);
    await world.say('twilio', ada.tel, 'Two');
    later(world, 900);
    await world.receive('twilio', first);
    expect((await world.workAll()).map(({ reason }) => reason)).toEqual([undefined]);
    expect(world.records.size).toBe(4);
  });

  test('lets in all that came after a deletion, in whichever order, and nothing that came before', async () => {
    const world = new InMemoryConversations();
    await world.say('twilio', ada.tel, 'Hi');
    await world.receive('twilio', message(ada.tel, 'From before'));
    const before = world.queue.splice(0);
    later(world, 1);
    await world.instance().deleting.delete({ org: world.org, user: world.user().user });
    await world.workAll();
    later(world, 0.001);
    await world.receive('twilio', message(ada.tel, 'One'));
    later(world, 0.2);
    await world.receive('twilio', message(ada.tel, 'Two'));
    world.queue.reverse().push(...before);
    expect((await world.workAll()).map(({ reason }) => reason)).toEqual([undefined, undefined, 'outdated']);
    expect(world.records.size).toBe(4);
  });
});
