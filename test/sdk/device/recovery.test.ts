/** The recovery code, and recovery over a service that sends other boxes and logs. */
import { describe, expect, test } from 'vitest';
import { parseSignedEntry, signEntry, zeroHash } from '../../../core/devices/chain-entry.ts';
import { generateDeviceKeys } from '../../../core/devices/device-keys.ts';
import { deriveEpochKey, newUmk } from '../../../core/devices/epoch-keys.ts';
import { encodeRosterBody } from '../../../core/devices/roster-body.ts';
import { draftEntry } from '../../../core/devices/write-entry.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { createRecoveryCode, draftRecoveryCode } from '../../../sdk/src/device/recovery/create-recovery-code.ts';
import { recoverVault } from '../../../sdk/src/device/recovery/recover.ts';
import { renderRecoveryPage } from '../../../sdk/src/device/recovery/recovery-page.ts';
import type { RecoveryDevice } from '../../../sdk/src/device/recovery/recovery-ports.ts';
import { appendWithNewEpoch } from '../../../sdk/src/device/roster/append-roster.ts';
import { removeDevice, rotateVault } from '../../../sdk/src/device/roster/change-roster.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';
import { otherScope, scope } from '../../core/devices/vault-simulator.ts';
import { beginVault, MemoryEngine, MemoryService, type StoredEntry, settings } from './roster-fakes.ts';

const now = new Date('2026-11-29T12:00:00Z');

async function vault() {
  const service = new MemoryService();
  const engine = await beginVault(service);
  return { service, engine, code: await createRecoveryCode(engine, settings, now) };
}

/** A new device with the user's credential. `kept` is what it stored. */
function newDevice(service: MemoryService) {
  const kept: { engine: MemoryEngine | undefined } = { engine: undefined };
  const device: RecoveryDevice = {
    scope,
    box: async () => service.recoveryBox ?? Promise.reject(createError('recovery_not_found', {})),
    engineOf: async (keys) => new MemoryEngine(service, keys),
    prepare: async (verified) => {
      const engine = new MemoryEngine(service, await generateDeviceKeys(false));
      if (verified instanceof MemoryEngine) engine.copyFrom(verified);
      kept.engine = engine;
      return engine.keys;
    },
    open: async () => kept.engine ?? expect.fail('nothing was prepared'),
  };
  return { device, kept };
}

function entryOf(stored: StoredEntry | undefined) {
  const entry = parseSignedEntry(stored?.signed ?? new Uint8Array(0));
  return typeof entry === 'string' ? expect.fail(entry) : entry;
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof DeviceVaultError ? error.code : Promise.reject(error)),
  );

describe('a recovery code', () => {
  test('opens the vault on a new device, which is then its only member, and is no longer valid', async () => {
    const { service, engine, code } = await vault();
    const { device, kept } = newDevice(service);
    await rotateVault(engine, settings);
    const before = engine.view.currentKey();
    const typed = code.code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
    const recovered = await recoverVault(device, { code: typed, label: 'Rescue', now }, settings);
    const { state } = recovered.engine.view;
    expect([...state.members.values()].map(({ role }) => role)).toEqual(['admin', 'recovery']);
    expect(state.members.has(recovered.engine.keys.id)).toBe(true);
    // All earlier epochs open, and a new one began.
    expect(recovered.engine.view.key(before.epoch)?.umk).toEqual(before.umk);
    expect(recovered.engine.view.currentKey().epoch).toBe(before.epoch + 1);
    expect(recovered.code.code).not.toBe(code.code);
    expect(kept.engine).toBe(recovered.engine);
    // The old device is out, and the old code opens nothing any more.
    await expect(engine.pull()).rejects.toMatchObject({ code: 'device_refused' });
    expect(await refusal(recoverVault(newDevice(service).device, { code: code.code }, settings))).toBe('code_refused');
    // The new code works.
    const again = await recoverVault(newDevice(service).device, { code: recovered.code.code }, settings);
    expect(again.engine.view.key(1)?.umk).toEqual(engine.view.key(1)?.umk);
  });

  test('begins an epoch, and replaces the code before', async () => {
    const { service, engine, code } = await vault();
    expect(code.code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(code.head.seq).toBe(1);
    expect(engine.state.epoch).toBe(2);
    const oldBox = service.recoveryBox;
    const next = await createRecoveryCode(engine, settings, now);
    expect([...engine.state.members.values()].filter(({ role }) => role === 'recovery').length).toBe(1);
    expect(await refusal(recoverVault(newDevice(service).device, { code: code.code }, settings))).toBe('code_refused');
    // The service sends the old box to the holder of the old code.
    service.recoveryBox = oldBox;
    const { device, kept } = newDevice(service);
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('code_replaced');
    expect(await refusal(recoverVault(device, { code: next.code }, settings))).toBe('code_refused');
    // It also lets the old recovery member read the log.
    service.answersAll = true;
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('code_replaced');
    expect(kept.engine).toBeUndefined();
  });

  test('is refused for a mistyped character before a request, and for another vault', async () => {
    const { service, code } = await vault();
    service.requests.length = 0;
    const last = code.code.at(-1) === '0' ? '1' : '0';
    const { device, kept } = newDevice(service);
    for (const typed of ['', 'x', `${code.code.slice(0, -1)}${last}`, `${code.code}-0000`])
      expect(await refusal(recoverVault(device, { code: typed }, settings))).toBe('code_mistyped');
    expect(service.requests).toEqual([]);
    const other = await vault();
    expect(await refusal(recoverVault(device, { code: other.code.code }, settings))).toBe('code_refused');
    const elsewhere = { ...device, scope: otherScope };
    expect(await refusal(recoverVault(elsewhere, { code: code.code }, settings))).toBe('code_refused');
    service.recoveryBox = undefined;
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('recovery_missing');
    expect(kept.engine).toBeUndefined();
  });

  test('13: another box, another log, and a log that ends before the code', async () => {
    const { service, engine, code } = await vault();
    const box = service.recoveryBox ?? expect.fail();
    for (let at = 0; at < box.length; at += 37) {
      service.recoveryBox = box.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(await refusal(recoverVault(newDevice(service).device, { code: code.code }, settings))).toBe(
        'code_refused',
      );
    }
    service.recoveryBox = box;
    const { device, kept } = newDevice(service);
    const other = await vault();
    service.alterLog = () => other.service.log;
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('chain_rolled_back');
    service.alterLog = (log) => log.slice(0, 1);
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('chain_rolled_back');
    service.alterLog = () => [];
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('chain_rolled_back');
    // A continuation of the same first entry in which another code was made.
    const fork = new MemoryService();
    fork.log.push(...service.log.slice(0, 1));
    const forked = new MemoryEngine(fork, engine.keys);
    await forked.pull();
    await createRecoveryCode(forked, settings, now);
    service.alterLog = () => fork.log;
    expect(await refusal(recoverVault(device, { code: code.code }, settings))).toBe('chain_rolled_back');
    expect(kept.engine).toBeUndefined();
    expect(service.log.length).toBe(2);
  });

  test('13: the same entry after another one', async () => {
    const service = new MemoryService();
    const engine = await beginVault(service);
    const beat = async (by: MemoryEngine, date: string) => {
      const entry = draftEntry(by.state, by.keys.id, 'heartbeat', new Uint8Array(0), `${date}T00:00:00.000Z`);
      by.service.log.push({ signed: await signEntry(entry, by.keys.ecdsa.privateKey), wraps: undefined });
      await by.pull();
    };
    await beat(engine, '2026-11-21');
    const { code } = await createRecoveryCode(engine, settings, now);
    const fork = new MemoryService();
    fork.log.push(...service.log.slice(0, 1));
    const forked = new MemoryEngine(fork, engine.keys);
    await forked.pull();
    await beat(forked, '2026-11-22');
    const { body } = entryOf(service.log[2]);
    await forked.append(async () => ({ kind: 'recovery', body, wraps: service.log[2]?.wraps }));
    service.alterLog = () => fork.log;
    const { device } = newDevice(service);
    expect(await refusal(recoverVault(device, { code }, settings))).toBe('chain_rolled_back');
    service.alterLog = (log) => log;
    expect(await refusal(recoverVault(device, { code }, settings))).toBe('done');
  });

  test('13: a box that is not the one of the entry, or has another UMK', async () => {
    for (const fault of ['box', 'umk'] as const) {
      const service = new MemoryService();
      const engine = await beginVault(service);
      let code = '';
      await appendWithNewEpoch(
        engine,
        async (view, next) => {
          const other = { ...next, umk: new Uint8Array(32).fill(9) };
          const drafted = await draftRecoveryCode(view, fault === 'umk' ? other : next);
          ({ code } = drafted);
          const box = fault === 'box' ? zeroHash : drafted.boxHash;
          return { change: { kind: 'recovery', recovery: drafted.member, box }, recoveryBox: drafted.box };
        },
        settings,
      );
      const { device, kept } = newDevice(service);
      expect(await refusal(recoverVault(device, { code }, settings))).toBe('chain_rolled_back');
      expect(kept.engine).toBeUndefined();
    }
  });

  test('13: a box whose epoch is not the one that its entry begins', async () => {
    const service = new MemoryService();
    const engine = await beginVault(service);
    let code = '';
    await engine.append(async (view) => {
      const later = await deriveEpochKey(scope, view.state.epoch + 2, newUmk());
      const drafted = await draftRecoveryCode(view, later);
      ({ code } = drafted);
      const common = { prevRoster: view.state.roster.hash, wraps: zeroHash, commitment: later.commitment };
      const body = { kind: 'recovery' as const, ...common, recovery: drafted.member, box: drafted.boxHash };
      return { kind: 'recovery', body: encodeRosterBody(body), recoveryBox: drafted.box };
    });
    const { device, kept } = newDevice(service);
    expect(await refusal(recoverVault(device, { code }, settings))).toBe('chain_rolled_back');
    expect(kept.engine).toBeUndefined();
  });

  test('does not end an epoch whose key is withheld', async () => {
    const { service, engine, code } = await vault();
    await rotateVault(engine, settings);
    service.alterLog = (log) => log.map((entry, at) => (at === 2 ? { ...entry, wraps: undefined } : entry));
    const { device, kept } = newDevice(service);
    await expect(recoverVault(device, { code: code.code }, settings)).rejects.toThrow(/no key/);
    expect(kept.engine).toBeUndefined();
    expect(service.log.length).toBe(3);
  });

  test('survives a lost answer: the new device finds its entry in the log', async () => {
    const { service, code } = await vault();
    const { device, kept } = newDevice(service);
    const lossy: RecoveryDevice = {
      ...device,
      engineOf: async (keys) => {
        const engine = new MemoryEngine(service, keys);
        const append = engine.append.bind(engine);
        engine.append = async (draft) => {
          await append(draft);
          throw createError('connection_failed', {});
        };
        return engine;
      },
    };
    const recovered = await recoverVault(lossy, { code: code.code }, settings);
    expect(recovered.engine.view.state.members.size).toBe(2);
    const again = await recoverVault(newDevice(service).device, { code: recovered.code.code }, settings);
    expect(again.engine.view.state.epoch).toBe(4);
    expect(kept.engine).toBe(recovered.engine);
  });

  test('makes another code if an earlier attempt than the last one was stored', async () => {
    const { service, code } = await vault();
    const { device } = newDevice(service);
    const confused: RecoveryDevice = {
      ...device,
      engineOf: async (keys) => {
        const engine = new MemoryEngine(service, keys);
        const append = engine.append.bind(engine);
        engine.append = async (draft) => {
          await append(async (view) => {
            const stored = await draft(view);
            // Its answer is lost, so it drafts once more.
            await draft(view);
            return stored;
          });
          throw createError('connection_failed', {});
        };
        return engine;
      },
    };
    const recovered = await recoverVault(confused, { code: code.code }, settings);
    expect(recovered.engine.view.state.epoch).toBe(4);
    const again = await recoverVault(newDevice(service).device, { code: recovered.code.code }, settings);
    expect(again.engine.view.state.members.size).toBe(2);
  });

  test('keeps the prepared keys whatever the service answers to the entry', async () => {
    const { service, code } = await vault();
    const { device, kept } = newDevice(service);
    const failing = (problem: Error): RecoveryDevice => ({
      ...device,
      engineOf: async (keys) => {
        const engine = new MemoryEngine(service, keys);
        engine.append = () => Promise.reject(problem);
        return engine;
      },
    });
    for (const answer of ['connection_failed', 'entry_refused', 'device_refused', 'device_vault_full'] as const) {
      kept.engine = undefined;
      const problem = createError(answer, {});
      await expect(recoverVault(failing(problem), { code: code.code }, settings)).rejects.toBe(problem);
      expect(kept.engine).toBeDefined();
    }
  });

  test('is for admins, and removing the recovery member ends it', async () => {
    const { service, engine, code } = await vault();
    const recovery = [...engine.state.members.values()].find(({ role }) => role === 'recovery') ?? expect.fail();
    await removeDevice(engine, recovery.id, settings);
    expect(engine.state.recoveryBox).toBeUndefined();
    expect(await refusal(recoverVault(newDevice(service).device, { code: code.code }, settings))).toBe('code_replaced');
  });
});

describe('the printable page', () => {
  const page = renderRecoveryPage({
    code: 'TXEB-0SGW-3QJY-0P08-PFJC-WHGB-GZND-660J',
    vault: '<b>"v&\'</b>',
    head: { seq: 12, hash: 'ab'.repeat(32) },
    createdAt: now,
  });

  test('has the code, vault, date and head, all escaped, and loads nothing', () => {
    expect(page.match(/<li>[0-9A-Z]{4}<\/li>/g)).toHaveLength(8);
    expect(page).toContain('<dd>&lt;b&gt;&quot;v&amp;&#39;&lt;/b&gt;</dd>');
    expect(page).toContain('<dd>2026-11-29</dd>');
    expect(page).toContain(`<dd>12: ${Array(8).fill('abababab').join(' ')}</dd>`);
    expect(page).toContain('@media print');
    expect(page).not.toMatch(/<script|<img|<link|src=|href=|url\(|@import|\bon\w+=/i);
    expect(page).toContain(`default-src 'none'`);
  });
});
