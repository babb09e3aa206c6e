/** Joining and recovering with the engine, its storage and the signed requests, over the fake service. */
import { describe, expect, test } from 'vitest';
import { parsePairingQr } from '../../../core/devices/pairing-qr.ts';
import { toBase64 } from '../../../core/encoding/bytes.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { type JoinWay, joinVault } from '../../../sdk/src/device/join-vault.ts';
import { forgetVault, openEngine, type VaultContext } from '../../../sdk/src/device/open-vault.ts';
import { approveByCode } from '../../../sdk/src/device/pairing/approve-by-code.ts';
import { approveByQr, showApproveQr } from '../../../sdk/src/device/pairing/approve-by-qr.ts';
import { approverRequests } from '../../../sdk/src/device/pairing/pairing-requests.ts';
import { recoverToDevice } from '../../../sdk/src/device/recover-vault.ts';
import { createRecoveryCode } from '../../../sdk/src/device/recovery/create-recovery-code.ts';
import { removeDevice, rotateVault } from '../../../sdk/src/device/roster/change-roster.ts';
import type { DeviceVaultEngine } from '../../../sdk/src/device/vault-engine.ts';
import type { AnimaError } from '../../../sdk/src/shared/errors.ts';
import { problem } from '../fake-fetch.ts';
import { deviceAt, FakeDeviceService, recordDraft, servedBy, settingsOf, textAt, vaultAt } from './engine-fixtures.ts';
import { withPairings } from './fake-pairing-routes.ts';
import { FakeClock } from './roster-fakes.ts';

const yes = async () => true;

async function begin() {
  const service = new FakeDeviceService();
  const pairings = withPairings(service);
  const first = await vaultAt(service);
  await first.engine.append(recordDraft(first.engine.keys, 'note', 'hello'), first.settings);
  const approver = { engine: first.engine, requests: approverRequests(first.engine.requests), clock: new FakeClock() };
  return { service, pairings, ...first, approver };
}
type Begun = Awaited<ReturnType<typeof begin>>;

/** Pairs a new device by code. */
async function join({ vault, approver, settings }: Begun, context: VaultContext, confirm = yes) {
  const begun = Promise.withResolvers<string>();
  const way = { way: 'code', confirm: yes, onWaiting: (p: { pairing: string }) => begun.resolve(p.pairing) } as const;
  const joined = joinVault(context, vault, way, settingsOf(context), new FakeClock());
  // A failure of one side must not hide that of the other.
  const approved = begun.promise.then((pairing) => approveByCode(approver, pairing, { confirm }, settings));
  const [device] = await Promise.all([outcome(joined), outcome(approved)]);
  return device;
}

const outcome = async <T>(work: Promise<T>): Promise<T | string> =>
  work.catch((error: unknown) => (error instanceof DeviceVaultError ? error.code : Promise.reject(error)));

const engineOf = (device: DeviceVaultEngine | string): DeviceVaultEngine =>
  typeof device === 'string' ? expect.fail(device) : device;

/** Whether a device has anything of the vault. */
async function keepsNothing(context: VaultContext, { engine }: Begun): Promise<boolean> {
  const data = await context.storage.data.open(engine.scope);
  const names = await data.list('');
  await data.close();
  return names.length === 0 && (await context.storage.keys.load(engine.scope)) === undefined;
}

describe('joining', () => {
  test('by code: the new device reads all records, also after a restart', async () => {
    const begun = await begin();
    const context = deviceAt(begun.service);
    const engine = engineOf(await join(begun, context));
    expect(await textAt(engine, 'note')).toBe('hello');
    await engine.append(recordDraft(engine.keys, 'note', 'from the new device'), begun.settings);
    await engine.close();
    const again = await openEngine(context, begun.vault);
    expect(await textAt(again, 'note')).toBe('from the new device');
    expect(again.keys.id).toBe(engine.keys.id);
    expect(await outcome(joinVault(context, begun.vault, { way: 'scan', text: '' }, begun.settings))).toBe(
      'vault_in_use',
    );
    await again.close();
    expect(await outcome(joinVault(context, begun.vault, { way: 'scan', text: '' }, begun.settings))).toBe(
      'vault_exists',
    );
  });

  test('by QR code, both ways', async () => {
    const begun = await begin();
    const { vault, approver, settings } = begun;
    const shown = Promise.withResolvers<string>();
    const context = deviceAt(begun.service);
    const show = ({ text }: { text: string }) => shown.resolve(text);
    const joined = joinVault(context, vault, { way: 'show', show }, settings, new FakeClock());
    const approved = approveByQr(approver, await shown.promise, { label: 'Phone' }, settings);
    expect(await textAt((await Promise.all([joined, approved]))[0], 'note')).toBe('hello');
    const displayed = Promise.withResolvers<string>();
    const approval = showApproveQr(approver, ({ text }) => displayed.resolve(text), {}, settings);
    const other = deviceAt(begun.service);
    const scan = { way: 'scan', text: await displayed.promise } as const;
    const [engine] = await Promise.all([joinVault(other, vault, scan, settings, new FakeClock()), approval]);
    expect(await textAt(engine, 'note')).toBe('hello');
    expect(begun.engine.view.state.members.size).toBe(3);
  });

  /** Both sides of a pairing by the QR code of the new device. The approver's last request is interrupted. */
  async function joinInterrupted(begun: Begun, context: VaultContext) {
    const { vault, approver, settings } = begun;
    const shown = Promise.withResolvers<string>();
    const show = ({ text }: { text: string }) => shown.resolve(text);
    const joined = joinVault(context, vault, { way: 'show', show }, settings, new FakeClock());
    const approved = approveByQr(approver, await shown.promise, {}, settings);
    return { joined, approved: approved.then(() => 'done').catch((error: AnimaError) => error.code) };
  }

  test('by QR code in five requests, whichever device displays', async () => {
    const begun = await begin();
    const { vault, approver, settings, service } = begun;
    const path = `/v1/device-vaults/${vault}`;
    for (const way of ['show', 'scan'] as const) {
      service.seen.length = 0;
      const shown = Promise.withResolvers<string>();
      const show = ({ text }: { text: string }) => shown.resolve(text);
      const context = deviceAt(service);
      const start = (join: JoinWay) => joinVault(context, vault, join, settings, new FakeClock());
      const first = way === 'show' ? start({ way, show }) : showApproveQr(approver, show, {}, settings);
      const text = await shown.promise;
      const second = way === 'show' ? approveByQr(approver, text, {}, settings) : start({ way, text });
      await Promise.all([first, second]);
      const pairing = parsePairingQr(text)?.pairing;
      const waits = [`GET ${path}/pairings`, `GET ${path}/pairings/${pairing}`];
      const [list, get] = waits.map((wait) => service.seen.filter((seen) => seen === wait).length);
      // Each of these two is asked at least once.
      expect([list, get].every((count) => count !== undefined && count >= 1)).toBe(true);
      const rest = service.seen.filter((seen) => !waits.includes(seen));
      expect(rest).toEqual([`PUT ${path}/pairings/${pairing}/new/1`, `POST ${path}/log`, `GET ${path}/log`]);
    }
  });

  test('by QR code: a connection that fails between the entry and the message is made up for at once', async () => {
    const begun = await begin();
    begun.service.beforeMessage = () => {
      begun.service.beforeMessage = undefined;
      throw new Error('lost');
    };
    const { joined, approved } = await joinInterrupted(begun, deviceAt(begun.service));
    expect(await approved).toBe('done');
    expect(await textAt(await joined, 'note')).toBe('hello');
  });

  test('by QR code: a device that ends between the entry and the message sends it when it is opened again', async () => {
    const begun = await begin();
    const { service, context, engine, vault, settings } = begun;
    let isDown = false;
    service.beforeMessage = () => {
      isDown = true;
      throw new Error('lost');
    };
    service.before = ({ device }) => {
      if (isDown && device === engine.keys.id) throw new Error('no connection');
      return undefined;
    };
    const { joined, approved } = await joinInterrupted(begun, deviceAt(service));
    expect(await approved).toBe('connection_failed');
    expect(servedBy(service, engine).log.length).toBe(3);
    isDown = false;
    service.beforeMessage = undefined;
    await engine.close();
    const again = await openEngine(context, vault);
    await again.pull(settings);
    expect(await textAt(await joined, 'note')).toBe('hello');
    // Once: nothing is left to send.
    service.seen.length = 0;
    await again.pull(settings);
    expect(service.seen).toEqual([`GET /v1/device-vaults/${vault}/log`]);
  });

  test('by QR code: an entry that another device overtook while this one was off takes its message with it', async () => {
    const begun = await begin();
    const { service, context, engine, vault, settings } = begun;
    const joining = await join(begun, deviceAt(service));
    const other = engineOf(joining);
    let isDown = false;
    service.before = ({ device, method }) => {
      isDown ||= device === engine.keys.id && method === 'POST';
      if (isDown && device === engine.keys.id) throw new Error('no connection');
      return undefined;
    };
    const { joined, approved } = await joinInterrupted(begun, deviceAt(service));
    expect(await approved).toBe('connection_failed');
    await other.append(recordDraft(other.keys, 'note', 'faster'), settings);
    service.before = undefined;
    await engine.close();
    const again = await openEngine(context, vault);
    await again.pull(settings);
    expect(await outcome(joined)).toBe('pairing_expired');
    expect([...(begun.pairings.get(vault)?.values() ?? [])].map(({ approver }) => approver)).toEqual([[]]);
    expect(service.seen.filter((seen) => seen === `POST /v1/device-vaults/${vault}/log`).length).toBe(4);
    expect(again.view.state.members.size).toBe(2);
  });

  test('nothing is stored when the approver says no, when the log is altered, or when its wraps are', async () => {
    const refused = await begin();
    const first = deviceAt(refused.service);
    expect(await join(refused, first, async () => false)).toBe('pairing_unknown');
    expect(await keepsNothing(first, refused)).toBe(true);
    const wrapped = await begin();
    const second = deviceAt(wrapped.service);
    wrapped.service.after = async (request, response) => {
      const body: { entries?: { wraps?: string }[] } = await response.clone().json();
      if (!request.path.endsWith('/log') || request.method !== 'GET') return response;
      for (const entry of body.entries ?? []) if (entry.wraps) entry.wraps = toBase64(new Uint8Array(40));
      return new Response(JSON.stringify(body), { status: response.status });
    };
    expect(await join(wrapped, second)).toBe('bad_envelope');
    expect(await keepsNothing(second, wrapped)).toBe(true);
    const withheld = await begin();
    const third = deviceAt(withheld.service);
    withheld.service.after = async (request, response) => {
      if (!request.path.endsWith('/log') || request.method !== 'GET') return response;
      const body: { entries?: { wraps?: string }[] } = await response.clone().json();
      for (const entry of body.entries ?? []) delete entry.wraps;
      return new Response(JSON.stringify(body), { status: response.status });
    };
    expect(await join(withheld, third)).toBe('admission_refused');
    expect(await keepsNothing(third, withheld)).toBe(true);
  });

  test('what a device stores before its checks have passed is in memory only', async () => {
    const begun = await begin();
    const context = deviceAt(begun.service);
    const writes: number[] = [];
    const open = context.storage.data.open.bind(context.storage.data);
    const data = {
      delete: context.storage.data.delete.bind(context.storage.data),
      open: async (scope: Parameters<typeof open>[0]) => {
        const vaultData = await open(scope);
        const write: typeof vaultData.write = async (batch) => {
          writes.push(batch.puts.size);
          await vaultData.write(batch);
        };
        return { ...vaultData, write };
      },
    };
    const watched = { ...context, storage: { ...context.storage, data } };
    const engine = engineOf(await join(begun, watched));
    expect(writes.length).toBe(1);
    expect(engine.view.state.head.seq).toBe(3);
  });

  test('a fourth pairing at a time, and malformed messages of the service', async () => {
    const begun = await begin();
    const { vault, settings } = begun;
    const places = new Map();
    begun.pairings.set(vault, places);
    for (const pairing of ['a', 'b', 'c']) places.set(pairing, { pairing, expiresAt: '', new: [], approver: [] });
    const context = deviceAt(begun.service);
    const way = { way: 'code', confirm: yes } as const;
    await expect(joinVault(context, vault, way, settings, new FakeClock())).rejects.toMatchObject({
      code: 'too_many_pairings',
    });
    places.clear();
    begun.service.after = async (request, response) => {
      if (request.method !== 'GET' || !request.path.includes('/pairings/')) return response;
      return new Response(JSON.stringify({ pairing: 'x', expiresAt: '', new: [], approver: ['!'] }));
    };
    expect(await outcome(joinVault(context, vault, way, settings, new FakeClock()))).toBe('pairing_refused');
    expect(await keepsNothing(context, begun)).toBe(true);
  });
});

describe('recovering', () => {
  const input = (code: string) => ({ code, label: 'Rescue' });

  test('to a new device, end to end', async () => {
    const begun = await begin();
    const { engine: old, settings, vault } = begun;
    const { code } = await createRecoveryCode(old, settings);
    await rotateVault(old, settings);
    await old.append(recordDraft(old.keys, 'note', 'later'), settings);
    const context = deviceAt(begun.service);
    const recovered = await recoverToDevice(context, vault, input(code), settings);
    expect(await textAt(recovered.engine, 'note')).toBe('later');
    await recovered.engine.append(recordDraft(recovered.engine.keys, 'note', 'rescued'), settings);
    await recovered.engine.close();
    const again = await openEngine(context, vault);
    expect(await textAt(again, 'note')).toBe('rescued');
    await expect(old.pull(settings)).rejects.toMatchObject({ code: 'device_refused' });
    await again.close();
    expect(await outcome(recoverToDevice(context, vault, input(code), settings))).toBe('vault_exists');
    const other = deviceAt(begun.service);
    expect(await outcome(recoverToDevice(other, vault, input(code), settings))).toBe('code_refused');
    expect(await keepsNothing(other, begun)).toBe(true);
    const second = await recoverToDevice(other, vault, input(recovered.code.code), settings);
    expect(await textAt(second.engine, 'note')).toBe('rescued');
  });

  test('13: on a log from before the code, nothing is kept and nothing is written', async () => {
    const begun = await begin();
    const { code } = await createRecoveryCode(begun.engine, begun.settings);
    const { length } = servedBy(begun.service, begun.engine).log;
    begun.service.after = async (request, response) => {
      if (!request.path.endsWith('/log') || request.method !== 'GET') return response;
      const body: { entries: object[]; head: number } = await response.clone().json();
      return new Response(JSON.stringify({ ...body, entries: body.entries.slice(0, 2), head: 2 }));
    };
    const context = deviceAt(begun.service);
    expect(await outcome(recoverToDevice(context, begun.vault, input(code), begun.settings))).toBe('chain_rolled_back');
    expect(await keepsNothing(context, begun)).toBe(true);
    expect(servedBy(begun.service, begun.engine).log.length).toBe(length);
  });

  test('after a lost answer the device finds itself in the log', async () => {
    const begun = await begin();
    const { code } = await createRecoveryCode(begun.engine, begun.settings);
    const context = deviceAt(begun.service);
    begun.service.after = async (request, response) => {
      if (!request.path.endsWith('/log') || request.method !== 'POST') return response;
      begun.service.after = undefined;
      throw new Error('lost');
    };
    const recovered = await recoverToDevice(context, begun.vault, input(code), begun.settings);
    expect(await textAt(recovered.engine, 'note')).toBe('hello');
    const next = await recoverToDevice(
      deviceAt(begun.service),
      begun.vault,
      input(recovered.code.code),
      begun.settings,
    );
    expect(await textAt(next.engine, 'note')).toBe('hello');
  });

  test.for([true, false])(
    'without a connection after the entry (stored: %s), a second attempt ends it',
    async (isStored) => {
      const begun = await begin();
      const { vault, settings } = begun;
      const { code } = await createRecoveryCode(begun.engine, settings);
      const context = deviceAt(begun.service);
      let isDown = false;
      begun.service.before = (request) => {
        if (isDown) throw new Error('no connection');
        if (request.method === 'POST' && request.path.endsWith('/log')) {
          isDown = true;
          if (!isStored) throw new Error('no connection');
        }
        return undefined;
      };
      begun.service.after = (_request, response) => {
        if (isDown) throw new Error('lost');
        return response;
      };
      const failed = recoverToDevice(context, vault, input(code), settings);
      await expect(failed).rejects.toMatchObject({ code: 'connection_failed' });
      begun.service.before = undefined;
      begun.service.after = undefined;
      // The keys are stored together with the verified log: the service cannot show this device another one now.
      const left = await openEngine(context, vault);
      expect(left.view.state.head).toEqual(begun.engine.view.state.head);
      await left.close();
      if (isStored) {
        // The code is spent, but the device has its keys: it is the only member.
        const engine = await openEngine(context, vault);
        await engine.pull(settings);
        expect(await textAt(engine, 'note')).toBe('hello');
        expect(engine.view.state.members.has(engine.keys.id)).toBe(true);
        await engine.append(recordDraft(engine.keys, 'note', 'on'), settings);
        await engine.close();
        expect(await outcome(recoverToDevice(context, vault, input(code), settings))).toBe('vault_exists');
      } else {
        const recovered = await recoverToDevice(context, vault, input(code), settings);
        expect(await textAt(recovered.engine, 'note')).toBe('hello');
      }
    },
  );

  test('a refused entry keeps the keys, and the next attempt uses them', async () => {
    const begun = await begin();
    const { code } = await createRecoveryCode(begun.engine, begun.settings);
    begun.service.before = (request) =>
      request.method === 'POST' && request.path.endsWith('/log') ? problem('entry_refused') : undefined;
    const context = deviceAt(begun.service);
    const attempt = () => recoverToDevice(context, begun.vault, input(code), begun.settings);
    await expect(attempt()).rejects.toMatchObject({ code: 'entry_refused' });
    const first = await context.storage.keys.load(begun.engine.scope);
    begun.service.before = undefined;
    const { engine } = await attempt();
    expect(engine.keys.id).toBe(first?.device.id);
    expect(await textAt(engine, 'note')).toBe('hello');
  });

  test('a service that stores the entry but says it did not cannot make the only keys be deleted', async () => {
    const begun = await begin();
    const { vault, settings, service } = begun;
    const { code } = await createRecoveryCode(begun.engine, settings);
    let isLying = false;
    service.after = (request, response) => {
      isLying ||= request.method === 'POST' && request.path.endsWith('/log');
      if (!isLying || !request.path.endsWith('/log')) return response;
      return problem(request.method === 'POST' ? 'entry_refused' : 'device_refused');
    };
    const context = deviceAt(service);
    const attempt = () => recoverToDevice(context, vault, input(code), settings);
    await expect(attempt()).rejects.toMatchObject({ code: 'entry_refused' });
    // The used code no longer opens the current box.
    await expect(attempt()).rejects.toMatchObject({ code: 'code_refused' });
    service.after = undefined;
    await expect(attempt()).rejects.toMatchObject({ code: 'vault_exists' });
    const engine = await openEngine(context, vault);
    await engine.pull(settings);
    expect(await textAt(engine, 'note')).toBe('hello');
    expect(engine.view.state.members.has(engine.keys.id)).toBe(true);
    expect((await createRecoveryCode(engine, settings)).code).not.toBe(code);
  });

  test('a device that has keys but no verified entry does not open the vault', async () => {
    const begun = await begin();
    const context = deviceAt(begun.service);
    await context.storage.keys.create(begun.engine.scope);
    await expect(openEngine(context, begun.vault)).rejects.toMatchObject({ code: 'vault_unknown' });
  });

  test('a device that was removed keeps its copy', async () => {
    const begun = await begin();
    const context = deviceAt(begun.service);
    const engine = engineOf(await join(begun, context));
    const { code } = await createRecoveryCode(begun.engine, begun.settings);
    await removeDevice(begun.engine, engine.keys.id, begun.settings);
    await engine.close();
    const again = recoverToDevice(context, begun.vault, input(code), begun.settings);
    expect(await outcome(again)).toBe('vault_exists');
    const kept = await openEngine(context, begun.vault);
    expect(await textAt(kept, 'note')).toBe('hello');
    await forgetVault(context, kept);
    const recovered = await recoverToDevice(context, begun.vault, input(code), begun.settings);
    expect(await textAt(recovered.engine, 'note')).toBe('hello');
  });
});
