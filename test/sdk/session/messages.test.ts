/** Messages between all devices of a conversation: each once for the application, and in order. */
import { expect, test } from 'vitest';
import { fullWorld } from './session-world.ts';

test('every other device gets every message once, and in the order of its sender', async () => {
  const { world, phone, laptop, agent, bobPhone, bobLaptop, all, conversation } = await fullWorld();
  const first = await phone.client.send(conversation, 'one');
  expect(first).toMatchObject({ state: 'sent', conversation });
  expect(Object.keys(first.devices).sort()).toEqual([laptop.id, agent.id, bobPhone.id, bobLaptop.id].sort());
  await phone.client.send(conversation, 'two');
  expect(await world.texts(bobPhone)).toEqual(['one', 'two']);
  await bobPhone.client.send(conversation, 'three');
  await agent.client.send(conversation, 'four');
  expect(await world.texts(bobPhone)).toEqual(['four']);
  expect((await world.texts(phone)).sort()).toEqual(['four', 'three']);
  expect((await world.texts(laptop)).sort()).toEqual(['four', 'one', 'three', 'two']);
  expect((await world.texts(agent)).sort()).toEqual(['one', 'three', 'two']);
  expect((await world.texts(bobLaptop)).sort()).toEqual(['four', 'one', 'three', 'two']);
  for (const device of all) expect(await world.texts(device)).toEqual([]);
  expect((await phone.client.delivery(first.id)).state).toBe('delivered');
});
