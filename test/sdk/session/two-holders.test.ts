/** A device whose lock failed, so that two programs have it open: one goes on, and no counter is used twice. */
import { expect, test } from 'vitest';
import { nodeStorage } from '../../../sdk/src/device/node.ts';
import { VaultFolder } from '../device/folder-fixtures.ts';
import { ann, bob, org, SessionWorld } from './session-world.ts';

const inUse = { code: 'in_use' };

/** Bob's device in a folder, opened by two programs, with a conversation with Ann. */
async function openedTwice(folder: VaultFolder) {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const storage = nodeStorage({ folder: folder.root });
  const sessions = world.sessions(storage, []);
  const invite = await world.admin.invite({ person: bob, role: 'owner' });
  world.clock.onWait = async () => void (await world.admin.admit({ invite }).catch(() => undefined));
  const first = await sessions.enroll({ invite: invite.invite });
  world.clock.onWait = async () => undefined;
  await first.sync();
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  await first.sync();
  await first.conversations.accept(await first.conversations.changes(conversation));
  await first.send(conversation, 'before');
  folder.dropLocks();
  const second = await world.sessions(nodeStorage({ folder: folder.root }), []).open({ org });
  const requests: string[] = [];
  world.relay.fault = (operation, device) => {
    if (device === first.device) requests.push(operation);
    return undefined;
  };
  return { world, phone, conversation, first, second, requests };
}

test.each(['first', 'second'] as const)(
  'C1: with two programs over one device, the %s one to write goes on, and the other one sends and acknowledges nothing',
  async (who) => {
    const folder = new VaultFolder();
    try {
      const { world, phone, conversation, requests, ...two } = await openedTwice(folder);
      const [winner, loser] = who === 'first' ? [two.first, two.second] : [two.second, two.first];
      await winner.send(conversation, 'from the winner');
      await phone.client.sync();
      await phone.client.send(conversation, 'to Bob');
      requests.length = 0;
      await expect(loser.send(conversation, 'from the loser')).rejects.toMatchObject(inUse);
      await expect(loser.sync()).rejects.toMatchObject(inUse);
      // A loop ends, and does not try again.
      const reading = async () => {
        for await (const message of loser.messages()) expect.fail(message.id);
      };
      await expect(reading()).rejects.toMatchObject(inUse);
      expect(requests.filter((one) => ['send', 'acknowledge', 'putBundle'].includes(one))).toEqual([]);
      await loser.close();
      expect(await world.texts({ client: winner })).toEqual(['to Bob']);
      await winner.send(conversation, 'again from the winner');
      expect(await world.texts(phone)).toEqual(['before', 'from the winner', 'again from the winner']);
      expect(phone.notices.filter(({ kind }) => kind !== 'participants_changed')).toEqual([]);
      await winner.close();
    } finally {
      await folder.delete();
    }
  },
);

test('a message that both receive is acknowledged by the one that stored it', async () => {
  const folder = new VaultFolder();
  try {
    const { world, phone, conversation, first, second, requests } = await openedTwice(folder);
    await phone.client.sync();
    await phone.client.send(conversation, 'to Bob');
    requests.length = 0;
    const outcomes = await Promise.allSettled([first.sync(), second.sync()]);
    const stored = [first, second].filter((_, at) => outcomes[at]?.status === 'fulfilled');
    expect(stored.length).toBeLessThanOrEqual(1);
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject(inUse);
    expect(requests.filter((one) => one === 'acknowledge')).toHaveLength(stored.length);
    for (const client of [first, second]) await client.close();
    folder.dropLocks();
    const next = await world.sessions(nodeStorage({ folder: folder.root }), []).open({ org });
    expect(await world.texts({ client: next })).toEqual(['to Bob']);
    await next.close();
  } finally {
    await folder.delete();
  }
});
