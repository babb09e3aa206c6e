/** One-time prekeys have no expiry (docs/format-directory.md): the service hands out old ones. */
import { expect, test } from 'vitest';
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
