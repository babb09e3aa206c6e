/**
 * A hostile service against a real recovery. Numbers and titles are the rows of the threat model of device vaults. The other
 * rows are in hostile-service, hostile-records and hostile-pairing.
 */
import { beforeAll, expect, test } from 'vitest';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import { VaultSimulator } from '../core/devices/vault-simulator.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { AttackedDevice, anotherDevice, answer, firstDevice } from './hostile-proxy.ts';
import { createUser } from './signed-device-requests.ts';

const stack = useLocalStack();
let admin: AttackedDevice;
let code = '';

beforeAll(async () => {
  admin = await firstDevice(stack, await createUser(stack));
  await admin.vault.records('memory').put({ text: 'to be recovered' }, { id: 'a' });
  code = (await admin.vault.recoveryCode()).code;
  await admin.vault.records('memory').put({ text: 'written later' }, { id: 'b' });
});

const pathOf = (device: AttackedDevice): string => `/v1/device-vaults/${device.vault.scope.vault}`;
const boxOf = async (device: AttackedDevice): Promise<string> =>
  (await (await stack.http('GET', `${pathOf(device)}/recovery`, { key: device.user.key })).json()).box;

/** A new device to which the service answers with another box or log. It keeps nothing, and the vault is as before. */
async function refuses(
  expected: object,
  alter: { box?: () => unknown; log?: (page: object) => unknown },
  typed = code,
) {
  const before = await admin.vault.sync().then(() => admin.vault.headCode());
  const device = new AttackedDevice(stack, admin.user);
  device.alter = async ({ path }, forward) => {
    if (path.endsWith('/recovery') && alter.box !== undefined) return answer(await alter.box());
    if (path.includes('/log') && alter.log !== undefined)
      return answer(await alter.log(await (await forward()).json()));
    return await forward();
  };
  const { vault } = admin.vault.scope;
  expect(await rejectionOf(device.vaults.recover({ vault, code: typed }))).toMatchObject(expected);
  expect(await rejectionOf(device.vaults.open(vault))).toMatchObject({ code: 'vault_unknown' });
  await admin.vault.sync();
  expect(admin.vault.headCode()).toEqual(before);
}

test('12: weaker KDF, memory bomb', async () => {
  // Parameters of the service are not read: another box stays closed whatever they say.
  const kdf = { algorithm: 'none', iterations: 1, memoryKiB: 4_194_304 };
  await refuses({ code: 'code_refused' }, { box: () => ({ box: toBase64(new Uint8Array(300)), kdf, ...kdf }) });
  await refuses({ code: 'code_refused' }, { box: () => ({ box: 'A'.repeat(4_000_000), kdf }) });
});

test('10: plaintext where a recovery box is due', async () => {
  const { genesis, head } = admin.vault.engine.view.state;
  const plain = toBase64(new Uint8Array([...genesis, ...head.hash, ...utf8Bytes('no box')]));
  await refuses({ code: 'code_refused' }, { box: () => ({ box: plain }) });
});

test('13: recovery record swapped, recovery on a rolled-back chain', async () => {
  // The box of another vault of the same user, and of another user.
  for (const user of [admin.user, await createUser(stack)]) {
    const other = await firstDevice(stack, user);
    await other.vault.recoveryCode();
    const box = await boxOf(other);
    await refuses({ code: 'code_refused' }, { box: () => ({ box }) });
  }
  // A chain that ends before the code, or that is another one.
  const cut = { log: (page: object) => ({ ...page, entries: Reflect.get(page, 'entries').slice(0, 2), head: 2 }) };
  await refuses({ code: 'chain_rolled_back' }, cut);
  const forged = new VaultSimulator(admin.vault.scope);
  await forged.begin();
  const entries = forged.log.map(({ signed, wraps }) => ({
    entry: toBase64(signed),
    ...(wraps && { wraps: toBase64(wraps) }),
  }));
  await refuses({ code: 'chain_rolled_back' }, { log: () => ({ entries, head: 1, more: false }) });
  // An altered chain is not even read.
  const swapped = (page: object) => ({ ...page, entries: Reflect.get(page, 'entries').toReversed() });
  await refuses({ code: 'bad_envelope' }, { log: swapped });
  // The box of a code that was replaced, with that code: an honest service and the chain itself refuse it.
  const oldBox = await boxOf(admin);
  const old = code;
  code = (await admin.vault.recoveryCode()).code;
  await refuses({ code: 'code_replaced' }, { box: () => ({ box: oldBox }) }, old);
  const whole = async () => await admin.vault.engine.requests.readLog(0, quiet);
  await refuses({ code: 'code_replaced' }, { box: () => ({ box: oldBox }), log: whole }, old);
  // Also the newest code does not open the older box.
  await refuses({ code: 'code_refused' }, { box: () => ({ box: oldBox }) });
});
const quiet = { signal: undefined, timeout: 30_000, maxRetries: 0, callerHeaders: {}, outcomeHint: '' };

test('13: `recover` keeps no other device, and the used code is over', async () => {
  const member = await anotherDevice(admin);
  const { vault } = admin.vault.scope;
  const device = new AttackedDevice(stack, admin.user);
  const recovered = await device.vaults.recover({ vault, code, label: 'new' });
  device.vault = recovered.vault;
  const devices = await device.vault.devices();
  expect(devices.map(({ role }) => role)).toEqual(['admin', 'recovery']);
  expect((await device.vault.records('memory').list()).map(({ data }) => data)).toEqual([
    { text: 'to be recovered' },
    { text: 'written later' },
  ]);
  for (const ended of [admin, member])
    expect(await rejectionOf(ended.vault.sync())).toMatchObject({ code: 'device_refused' });
  const used = new AttackedDevice(stack, admin.user);
  expect(await rejectionOf(used.vaults.recover({ vault, code }))).toMatchObject({ code: 'code_refused' });
});
