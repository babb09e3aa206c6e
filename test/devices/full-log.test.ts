/** A device fills the log of its vault. The others must still be able to remove it, to recover, and to end the vault. */
import { expect, test } from 'vitest';
import { deviceLimits } from '../../contract/devices/limits.ts';
import { signEntry } from '../../core/devices/chain-entry.ts';
import { draftEntry } from '../../core/devices/write-entry.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { recoverToDevice } from '../../sdk/src/device/recover-vault.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { InMemoryDeviceService } from './in-memory-device-service.ts';
import { ModelDevice, SeededRandom } from './model-device.ts';

test('a full log takes no record and no entry without an effect, but changes of the roster', async () => {
  const service = new InMemoryDeviceService();
  const first = new ModelDevice(service, new SeededRandom(1));
  await first.create();
  const { code } = await first.vault.recoveryCode();
  for (const [id, roster] of service.rosters.rosters)
    service.rosters.rosters.set(id, { ...roster, logBytes: deviceLimits.deviceLogBytes });
  const put = first.vault.records('memory').put({ text: 'x' }, { id: 'a' });
  expect(await rejectionOf(put)).toMatchObject({ code: 'device_vault_full' });
  await first.vault.rotate();
  const second = new ModelDevice(service, new SeededRandom(2));
  const { vault } = first.vault.scope;
  await second.use((await recoverToDevice(second.context, vault, { code }, second.settings)).engine);
  // A roster entry that has no effect counts like any other.
  const { state } = second.engine.view;
  const draft = draftEntry(state, second.id, 'rotate', new Uint8Array(1000), '2026-11-29T00:00:00.000Z');
  const entry = toBase64(await signEntry(draft, second.engine.keys.ecdsa.privateKey));
  const sent = second.engine.requests.append({ entry }, state.head.seq + 1, second.settings);
  expect(await rejectionOf(sent)).toMatchObject({ code: 'device_vault_full' });
  await second.vault.closeVault({ confirm: vault });
});
