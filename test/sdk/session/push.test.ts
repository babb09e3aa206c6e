/** Push subscriptions of a device. The service itself is in test/sessions/. */
import { expect, test } from 'vitest';
import { ann, day, SessionWorld } from './session-world.ts';

test('a device subscribes with the key of the service, prolongs, and ends one or all of its subscriptions', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const laptop = await world.enroll(ann, 'owner', phone);
  const { push } = phone.client;
  expect((await push.key()).length).toBe(65);
  const [one, two] = [{ endpoint: 'https://push.test/one' }, { endpoint: 'https://push.test/two' }];
  expect((await push.subscribe(one)).expiresAt).toEqual(new Date(world.clock.time + 90 * day));
  await push.subscribe(one);
  await push.subscribe(two);
  await laptop.client.push.subscribe({ endpoint: 'https://push.test/three' });
  expect([...world.relay.subscriptions.values()].sort()).toEqual([
    'https://push.test/one',
    'https://push.test/three',
    'https://push.test/two',
  ]);
  expect(await push.unsubscribe(one)).toBe(1);
  expect(await push.unsubscribe(one)).toBe(0);
  expect(await push.unsubscribe()).toBe(1);
  expect([...world.relay.subscriptions.values()]).toEqual(['https://push.test/three']);
  for (const endpoint of ['', 'http://push.test/', 'https://', 'push'])
    await expect(push.subscribe({ endpoint })).rejects.toMatchObject({ code: 'invalid_argument' });
});
