/** One-time prekeys have no expiry (docs/format-directory.md): the service hands out old ones. */
import { expect, test } from 'vitest';
import { rejectionOf } from '../fake-fetch.ts';
import { ann, bob, day, SessionWorld } from './session-world.ts';

test.each([40, 48, 54])(
  'a new session begins after %i days, in which both devices were online and nobody wrote',
  async (days) => {
    const world = await SessionWorld.create();
    const phone = await world.enroll(ann);
    const bobPhone = await world.enroll(bob, 'owner', undefined, { acceptsParticipants: true });
    const conversation = await phone.client.conversations.open({ persons: [ann, bob] });
    for (let n = 0; n < days; n++) {
      world.clock.time += day;
      await phone.client.sync();
      await bobPhone.client.sync();
    }
    await phone.client.send(conversation, 'hello');
    expect(await world.texts(bobPhone)).toEqual(['hello']);
  },
);

test('a message that needs an old one-time prekey opens, although the device made others before it read it', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob, 'owner', undefined, { acceptsParticipants: true });
  const conversation = await phone.client.conversations.open({ persons: [ann, bob] });
  for (let n = 0; n < 54; n++) {
    world.clock.time += day;
    await phone.client.sync();
    await bobPhone.client.sync();
  }
  await phone.client.send(conversation, 'hello');
  // Others claim most of what is left.
  const left = world.relay.prekeys.get(bobPhone.id) ?? expect.fail();
  for (const id of [...left.keys()].slice(0, 45)) left.delete(id);
  world.relay.fault = (operation, device) =>
    device === bobPhone.id && operation === 'receive' ? 'lost_request' : undefined;
  for (let n = 0; n < 3; n++) {
    world.clock.time += day / 2;
    expect(await rejectionOf(bobPhone.client.sync())).toMatchObject({ code: 'connection_failed' });
  }
  expect(left.size).toBeGreaterThan(40);
  world.relay.fault = () => undefined;
  expect(await world.texts(bobPhone)).toEqual(['hello']);
});
