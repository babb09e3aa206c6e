/** Editions of a person's key at the service. Over in-memory stores; the conditions of the table are in blocking-rows. */
import { expect, test } from 'vitest';
import { type PersonKey, signPersonKey } from '../../core/approvals/person-key.ts';
import { wrapForDevice } from '../../core/approvals/person-key-wraps.ts';
import { dhKeyOf, newDhSecret } from '../../core/sessions/device-secrets.ts';
import { PersonKeyService } from '../../lambdas/approvals/person-key-service.ts';
import { ann } from '../core/directory/directory-simulator.ts';
import { errorCodeOf as code } from '../shared/in-memory-stores.ts';
import { ApprovalWorld } from './approval-world.ts';

test('a statement of a device that was removed, with any edition, does not block the others', async () => {
  const world = new ApprovalWorld();
  const { phone, laptop, store, directory } = world;
  const secret = newDhSecret();
  const entries = {
    listEntries: async (_: string, after: number) => ({
      entries: directory.log.map(({ signed }, at) => ({ seq: at + 1, signed })).filter(({ seq }) => seq > after),
      more: false,
    }),
  };
  const service = new PersonKeyService(store, entries, world.broker.clock);
  const sign = async (edition: number, device = phone) => {
    const epoch = { org: world.org, person: ann, epoch: 1, key: dhKeyOf(secret) };
    const wraps = [await wrapForDevice(epoch, secret, { device: phone.id, ak: world.phoneKey, time: 1 })];
    const head = directory.state.head;
    const key: PersonKey = { ...epoch, edition, wraps, earlier: [], device: device.id, time: world.now, head };
    return signPersonKey(key, device.ik);
  };
  await service.put(world.signer(phone), await sign(1));
  const forged = await sign(Number.MAX_SAFE_INTEGER, laptop);
  directory.append(directory.authority, { op: 'revoke', subject: laptop.id, certificate: new Uint8Array(0) });
  expect(await code(service.put(world.signer(phone), await sign(1 + 10_001)))).toBe('person_key_conflict');
  // Together with somebody who writes the table.
  store.personKeys.set(ann, forged);
  expect(await service.put(world.signer(phone), await sign(2))).toEqual({ edition: 2 });
});
