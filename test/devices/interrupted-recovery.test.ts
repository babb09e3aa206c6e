/** A recovery whose entry is in the log, while the service has not noticed yet that the recovery member is no member. */
import { expect, test } from 'vitest';
import { recoverToDevice } from '../../sdk/src/device/recover-vault.ts';
import { InMemoryDeviceService } from './in-memory-device-service.ts';
import { ModelDevice, SeededRandom } from './model-device.ts';

/** The stores fail at these writes of the recovery: wraps, box, roster. The log has the entry before the roster. */
const rosterWrite = 3;

async function vaultWithCode() {
  const service = new InMemoryDeviceService();
  const first = new ModelDevice(service, new SeededRandom(1));
  await first.create();
  await first.vault.records('memory').put({ text: 'kept' }, { id: 'a' });
  const { code } = await first.vault.recoveryCode();
  let writes = 0;
  service.rosters.faults.next = () => (++writes === rosterWrite ? 'before' : undefined);
  return { service, code, vault: first.vault.scope.vault, device: new ModelDevice(service, new SeededRandom(2)) };
}

test.each([undefined, 'before', 'after'] as const)(
  'a recovered device has the key, although the recovery member read the entry first; storage fails: %s',
  async (when) => {
    const { code, vault, device } = await vaultWithCode();
    // Keys and copy; the pending entry; the entry as it is read.
    if (when !== undefined) device.powerLoss = { left: 3, when };
    const recovered = await recoverToDevice(device.context, vault, { code }, device.settings);
    expect(device.powerLoss).toBeUndefined();
    await device.use(recovered.engine);
    expect(await device.vault.records('memory').put({ text: 'new' }, { id: 'b' })).toMatchObject({ state: 'synced' });
    await device.restart();
    const all = await device.vault.records('memory').list();
    expect(all.map(({ data }) => data)).toEqual([{ text: 'kept' }, { text: 'new' }]);
  },
);

test('keys of the only member are not taken for those of a failed attempt', async () => {
  const { service, code, vault, device } = await vaultWithCode();
  let writes = 0;
  let isDown = true;
  service.rosters.faults.next = () => (isDown && ++writes >= rosterWrite ? 'before' : undefined);
  const attempt = () => recoverToDevice(device.context, vault, { code }, device.settings);
  await expect(attempt()).rejects.toMatchObject({ code: 'unavailable' });
  isDown = false;
  // The entry is in the log, so the used code is over, and this device has the only keys.
  await expect(attempt()).rejects.toMatchObject({ code: 'vault_exists' });
  await device.open(vault);
  await device.vault.sync();
  expect(await device.vault.records('memory').put({ text: 'new' }, { id: 'b' })).toMatchObject({ state: 'synced' });
});
