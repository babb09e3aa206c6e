/** Two people whose devices have sockets, and a clock that only the test moves. */
import { expect } from 'vitest';
import type { SessionDevicesOptions } from '../../../sdk/src/session/session-types.ts';
import { FakeSockets } from './fake-sockets.ts';
import { ann, bob, type Given, SessionWorld, type WorldDevice } from './session-world.ts';

/** The loops of a device with sockets: that of the reader, and that of the socket. */
export const loopsWithSockets = 2;
export const second = 1_000;
export const minute = 60_000;

/** What a reading device got, and how to end it. */
export interface Reading {
  readonly given: Given[];
  end(): Promise<void>;
}

export async function liveWorld(more: Partial<SessionDevicesOptions> = {}) {
  const world = await SessionWorld.create();
  const sockets = new FakeSockets(world.relay, () => world.clock.time);
  const phone = await world.enroll(ann);
  world.can = ['approve'];
  const bobPhone = await world.enroll(bob, 'owner', undefined, {
    ...{ webSocket: sockets.constructorOf, acceptsParticipants: true },
    ...more,
  });
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  await bobPhone.client.sync();
  // The first message begins the session.
  await phone.client.send(conversation, 'first');
  world.clock.isManual = true;
  const before = reading(bobPhone);
  await world.clock.settle(more.webSocket === false ? 1 : loopsWithSockets);
  await before.end();
  expect(textsOf(before)).toEqual(['first']);
  sockets.all.length = 0;
  await phone.client.sync();
  const reads: number[] = [];
  world.relay.fault = (operation, device) => {
    if (operation === 'receive' && device === bobPhone.id) reads.push(world.clock.time);
    return undefined;
  };
  return { world, clock: world.clock, sockets, phone, bobPhone, conversation, reads };
}

/** Reads until the end is asked for. */
export function reading({ client }: WorldDevice): Reading {
  const given: Given[] = [];
  const controller = new AbortController();
  const loop = async () => {
    for await (const message of client.messages({ signal: controller.signal })) {
      given.push({
        ...{ from: message.sender.device, text: await message.text() },
        ...{ counter: message.counter, isLate: message.isLate },
      });
    }
  };
  const ended = loop();
  ended.catch(() => undefined);
  return {
    given,
    end: async () => {
      controller.abort();
      await ended;
    },
  };
}

export const textsOf = ({ given }: Reading): string[] => given.map(({ text }) => text);
