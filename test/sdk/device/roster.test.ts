/** Removing, leaving, rotating and closing, over a service in memory. */
import { describe, expect, test } from 'vitest';
import { zeroHash } from '../../../core/devices/chain-entry.ts';
import { generateDeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { encodePairingQr } from '../../../core/devices/pairing-qr.ts';
import { encodeChanges, openChange, sealChange } from '../../../core/devices/record-changes.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { approveByQr } from '../../../sdk/src/device/pairing/approve-by-qr.ts';
import { createRecoveryCode } from '../../../sdk/src/device/recovery/create-recovery-code.ts';
import { addDevice } from '../../../sdk/src/device/roster/add-device.ts';
import { appendInEpoch, appendWithNewEpoch } from '../../../sdk/src/device/roster/append-roster.ts';
import {
  closeVault,
  leaveVault,
  removeDevice,
  rotateIfDue,
  rotateVault,
} from '../../../sdk/src/device/roster/change-roster.ts';
import { listDevices } from '../../../sdk/src/device/roster/list-devices.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';
import { beginVault, MemoryEngine, MemoryService, settings } from './roster-fakes.ts';

const pairing = { pairing: 'pa01pa01pa01pa01', agree: async () => ({ transcript: zeroHash }) };

const part = { pairing: 'pa01pa01pa01pa01', secret: new Uint8Array(32), keysHash: new Uint8Array(32) };
const qrOfNewDevice = encodePairingQr({ displayer: 'new', ...part });

/** A vault with an admin, a second admin and a data device. */
async function vault() {
  const service = new MemoryService();
  const first = await beginVault(service);
  const join = async (role: 'admin' | 'data', label: string) => {
    const engine = new MemoryEngine(service, await generateDeviceKeys(false));
    await addDevice(first, { keys: publicKeysOf(engine.keys), role, label, ...pairing }, settings);
    await engine.pull();
    return engine;
  };
  const second = await join('admin', 'Second');
  return { service, first, second, agent: await join('data', 'Ägent') };
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof DeviceVaultError ? error.code : Promise.reject(error)),
  );

/** Appends a record, and returns what stands in the log. */
async function writeRecord(engine: MemoryEngine, id: string) {
  const content = { version: 1, parent: zeroHash, device: engine.keys.id, lamport: 1, live: true };
  const plaintext = { ...content, mediaType: 'text/plain', body: utf8Bytes('secret') };
  const change = await sealChange(engine.view.currentKey(), { type: 'memory', id }, plaintext);
  const { seq } = await engine.append(async () => ({ kind: 'records', body: encodeChanges([change]) }));
  return { change, entry: { seq, signer: engine.keys.id } };
}

describe('removing a device', () => {
  test('with its full state and the whole log, it opens nothing that is written afterwards', async () => {
    const { service, first, second, agent } = await vault();
    const before = await writeRecord(first, 'before');
    await second.pull();
    await agent.pull();
    const { seq } = await removeDevice(first, agent.keys.id, settings);
    const after = await writeRecord(first, 'after');
    await expect(agent.pull()).rejects.toMatchObject({ code: 'device_refused' });
    // The service is its accomplice: it sends the log with all wraps.
    const thief = new MemoryEngine(service, agent.keys);
    thief.copyFrom(agent);
    await thief.pullAll();
    expect(thief.state.head).toEqual(first.state.head);
    expect(thief.epochKeys.has(first.state.epoch)).toBe(false);
    for (const key of thief.epochKeys.values())
      await expect(openChange(key, after.change, after.entry)).rejects.toThrow('could not be decrypted');
    const kept = thief.view.key(1) ?? expect.fail();
    expect((await openChange(kept, before.change, before.entry)).body).toEqual(utf8Bytes('secret'));
    // The others go on, in the epoch that began with the removal.
    await second.pull();
    const key = second.view.currentKey();
    expect(key.epoch).toBe(2);
    expect((await openChange(key, after.change, after.entry)).body).toEqual(utf8Bytes('secret'));
    expect(seq).toBe(5);
    expect((await listDevices(second)).map(({ label }) => label)).toEqual([undefined, 'Second']);
  });

  test('is for admins, of devices that are there, and not of oneself', async () => {
    const { first, second, agent } = await vault();
    expect(await refusal(removeDevice(agent, first.keys.id, settings))).toBe('not_an_admin');
    expect(await refusal(removeDevice(first, first.keys.id, settings))).toBe('own_device');
    expect(await refusal(removeDevice(first, 'a'.repeat(32), settings))).toBe('unknown_device');
    expect(await refusal(removeDevice(first, second.keys.id, settings))).toBe('done');
    expect(await refusal(removeDevice(first, second.keys.id, settings))).toBe('unknown_device');
  });

  test('that another admin removed meanwhile, ends with unknown_device after the lost race', async () => {
    const { service, first, second, agent } = await vault();
    await second.pull();
    service.beforeAppend = async () => {
      await removeDevice(second, agent.keys.id, settings);
    };
    expect(await refusal(removeDevice(first, agent.keys.id, settings))).toBe('unknown_device');
    expect(first.state.epoch).toBe(2);
  });

  test('after a lost race it gets a key that no earlier attempt had', async () => {
    const { service, first, agent } = await vault();
    const umks: Uint8Array[] = [];
    service.beforeAppend = async () => {
      const faster = new MemoryEngine(service, first.keys);
      await faster.pull();
      await faster.append(async () => ({ kind: 'heartbeat', body: new Uint8Array(0) }));
    };
    const seen: Uint8Array[] = [];
    await appendWithNewEpoch(
      first,
      async (_view, next) => {
        umks.push(next.umk);
        seen.push(next.umk.slice());
        return { change: { kind: 'remove', device: agent.keys.id } };
      },
      settings,
    );
    expect(umks.length).toBe(2);
    // The key of the attempt that lost is zeroed, the other one is in use.
    expect(umks[0]).toEqual(zeroHash);
    expect(umks[1]).toEqual(seen[1]);
    expect(first.view.currentKey().umk).toEqual(seen[1]);
  });

  test('the key of an attempt that failed is zeroed', async () => {
    const { first } = await vault();
    const umks: Uint8Array[] = [];
    first.append = async (draft) => {
      await draft(first.view);
      throw createError('connection_failed', {});
    };
    const plan = async (_view: unknown, next: { readonly umk: Uint8Array }) => {
      umks.push(next.umk);
      return { change: { kind: 'rotate' } } as const;
    };
    await expect(appendWithNewEpoch(first, plan, settings)).rejects.toMatchObject({ code: 'connection_failed' });
    expect(umks).toEqual([zeroHash]);
  });
});

describe('leaving', () => {
  test('makes a rotation due, which the next admin that syncs does once', async () => {
    const { first, second, agent } = await vault();
    await agent.pull();
    await leaveVault(agent, settings);
    await first.pull();
    await second.pull();
    expect(first.state.rotationDue).toBe(true);
    await expect(writeRecord(first, 'early')).rejects.toMatchObject({ code: 'entry_refused' });
    expect(await rotateIfDue(first, settings)).toBe(true);
    expect(await rotateIfDue(first, settings)).toBe(false);
    // The second admin still believes that it is due, and loses the race.
    expect(second.state.rotationDue).toBe(true);
    expect(await rotateIfDue(second, settings)).toBe(false);
    expect(second.state.epoch).toBe(2);
    expect(second.view.currentKey().umk).toEqual(first.view.currentKey().umk);
    const after = await writeRecord(first, 'after');
    for (const key of agent.epochKeys.values())
      await expect(openChange(key, after.change, after.entry)).rejects.toThrow('could not be decrypted');
  });

  test('a data device does not rotate, nor does a device without the current key; after a failure it stays due', async () => {
    const { first, second, agent } = await vault();
    await second.pull();
    await leaveVault(second, settings);
    await agent.pull();
    expect(await rotateIfDue(agent, settings)).toBe(false);
    await first.pull();
    const append = first.append;
    first.append = () => Promise.reject(createError('connection_failed', {}));
    await expect(rotateIfDue(first, settings)).rejects.toMatchObject({ code: 'connection_failed' });
    first.append = append;
    const keys = new Map(first.epochKeys);
    first.epochKeys.clear();
    expect(await rotateIfDue(first, settings)).toBe(false);
    for (const [epoch, key] of keys) first.epochKeys.set(epoch, key);
    expect(await rotateIfDue(first, settings)).toBe(true);
  });

  test('a vault that was closed while a rotation was due stays as it is', async () => {
    const { first, agent } = await vault();
    await agent.pull();
    await leaveVault(agent, settings);
    await first.pull();
    await closeVault(first, settings);
    expect([first.state.rotationDue, first.state.closed]).toEqual([true, true]);
    expect(await rotateIfDue(first, settings)).toBe(false);
    const approver = { engine: first, requests: first.service.approver };
    expect(await refusal(approveByQr(approver, qrOfNewDevice, {}, settings))).toBe('vault_closed');
  });

  test('is refused for the last admin', async () => {
    const { first, second } = await vault();
    await second.pull();
    expect(await refusal(leaveVault(second, settings))).toBe('done');
    await first.pull();
    expect(await refusal(leaveVault(first, settings))).toBe('last_admin');
  });
});

describe('rotating and closing', () => {
  test('are for admins, and nothing follows a closed vault', async () => {
    const { first, second, agent } = await vault();
    await second.pull();
    expect(await refusal(rotateVault(agent, settings))).toBe('not_an_admin');
    expect(await refusal(closeVault(agent, settings))).toBe('not_an_admin');
    expect(await refusal(rotateVault(second, settings))).toBe('done');
    await first.pull();
    expect(first.view.currentKey().umk).toEqual(second.view.currentKey().umk);
    expect(await refusal(closeVault(first, settings))).toBe('done');
    expect(first.state.closed).toBe(true);
    await expect(rotateVault(first, settings)).rejects.toMatchObject({ code: 'entry_refused' });
  });

  test('an admin that has no key of the epoch ends that state, with the newest key that it has as history', async () => {
    const { service, first, second } = await vault();
    await second.pull();
    await rotateVault(first, settings);
    service.alterLog = (log) => log.map((entry, at) => (at === 3 ? { ...entry, wraps: undefined } : entry));
    await second.pull();
    expect(second.epochKeys.has(2)).toBe(false);
    await rotateVault(second, settings);
    const late = new MemoryEngine(service, first.keys);
    await late.pull();
    expect([...late.epochKeys.keys()].sort()).toEqual([1, 3]);
    second.epochKeys.clear();
    await expect(rotateVault(second, settings)).rejects.toThrow('no key');
  });
});

describe('limits', () => {
  test('a full vault takes neither a device nor a first code, and a new code in place of one', async () => {
    const { first } = await vault();
    await createRecoveryCode(first, settings);
    const add = async () => {
      const keys = publicKeysOf(await generateDeviceKeys(false));
      await addDevice(first, { keys, role: 'data', label: '', ...pairing }, settings);
    };
    while (first.state.members.size < 32) await add();
    expect(await refusal(add())).toBe('members_full');
    expect(await refusal(createRecoveryCode(first, settings))).toBe('done');
    const recovery = [...first.state.members.values()].find(({ role }) => role === 'recovery') ?? expect.fail();
    await removeDevice(first, recovery.id, settings);
    await add();
    expect(await refusal(createRecoveryCode(first, settings))).toBe('members_full');
  });

  test('an entry that is void is an error', async () => {
    const { first, agent } = await vault();
    const forbidden = appendInEpoch(agent, async () => ({ change: { kind: 'close' } }), settings);
    expect(await refusal(forbidden)).toBe('not_an_admin');
    await first.pull();
    expect(first.state.closed).toBe(false);
    const keys = await generateDeviceKeys(false);
    const shared = { ecdh: publicKeysOf(agent.keys).ecdh, ecdsa: publicKeysOf(keys).ecdsa };
    const device = { keys: shared, role: 'data', label: '', ...pairing } as const;
    expect(await refusal(addDevice(first, device, settings))).toBe('device_known');
    // Keys of a former member are refused before anything is written.
    await removeDevice(first, agent.keys.id, settings);
    const { seq } = first.state.head;
    const again = { ...device, keys: publicKeysOf(agent.keys) };
    expect(await refusal(addDevice(first, again, settings))).toBe('device_known');
    expect(first.state.head.seq).toBe(seq);
  });
});
