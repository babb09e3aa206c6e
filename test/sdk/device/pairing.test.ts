/** Pairing of two devices over a service in memory. */
import { describe, expect, test } from 'vitest';
import { entryHash, parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { type DeviceKeys, generateDeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { encodePairingQr } from '../../../core/devices/pairing-qr.ts';
import { splitKeys } from '../../../core/devices/vault-scope.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import type { CodeComparison, DeviceRole } from '../../../sdk/src/device/device-types.ts';
import { approveByCode } from '../../../sdk/src/device/pairing/approve-by-code.ts';
import { approveByQr } from '../../../sdk/src/device/pairing/approve-by-qr.ts';
import { pendingPairings } from '../../../sdk/src/device/pairing/approver.ts';
import { joinByCode } from '../../../sdk/src/device/pairing/join-by-code.ts';
import { joinByQr } from '../../../sdk/src/device/pairing/join-by-qr.ts';
import {
  encodeCommit,
  encodeDisplayedKeys,
  encodeOffer,
  encodeQrApproval,
  encodeReveal,
  encodeScannerRequest,
  parseCommit,
  parseDisplayedKeys,
  parseOffer,
  parseQrApproval,
  parseReveal,
  parseScannerRequest,
} from '../../../sdk/src/device/pairing/pairing-messages.ts';
import { listDevices } from '../../../sdk/src/device/roster/list-devices.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';
import {
  done,
  outcome,
  pairByApproveQr,
  pairByCode,
  pairByJoinQr,
  type Vault,
  vault,
  withoutWaits,
  yes,
} from './pairing-flows.ts';
import { FakeClock, MemoryEngine, newCandidate, settings } from './roster-fakes.ts';

describe('messages', () => {
  test('each is read in its own form only', async () => {
    const keys = publicKeysOf(await generateDeviceKeys(false));
    const [nonce, head, mac, commit] = [1, 2, 3, 4].map((fill) => new Uint8Array(32).fill(fill));
    if (!nonce || !head || !mac || !commit) return expect.fail();
    const approval = { keys, head, mac };
    const forms = [
      [encodeCommit(commit), parseCommit, commit],
      [encodeReveal({ keys, nonce }), parseReveal, { keys, nonce }],
      [encodeOffer({ keys, nonce, head }), parseOffer, { keys, nonce, head }],
      [encodeDisplayedKeys(keys), parseDisplayedKeys, keys],
      [encodeScannerRequest({ keys, mac }), parseScannerRequest, { keys, mac }],
      [encodeQrApproval('qr-new', approval), (m: Uint8Array) => parseQrApproval('qr-new', m), approval],
      [encodeQrApproval('qr-approver', approval), (m: Uint8Array) => parseQrApproval('qr-approver', m), approval],
    ] as const;
    for (const [message, parse, content] of forms) {
      expect(parse(message)).toEqual(content);
      expect(message.length).toBeLessThanOrEqual(1_024);
      const others = forms.filter(([other]) => other !== message).map(([other]) => parse(other));
      expect(others).toEqual(others.map(() => undefined));
      expect(parse(message.subarray(1))).toBeUndefined();
      expect(parse(Uint8Array.from([...message, 0, 0, 0, 0]))).toBeUndefined();
    }
    const offCurve = new Uint8Array(130).fill(4);
    expect(parseReveal(encodeFieldBytes('code', offCurve, nonce))).toBeUndefined();
    expect(splitKeys(offCurve.subarray(1))).toBeUndefined();
  });
});

describe('by code', () => {
  test('both show the same code, both persons confirm, and the new device opens all', async () => {
    const pair = await vault();
    const codes: string[] = [];
    const note = async ({ code }: CodeComparison) => codes.push(code) > 0;
    const ended = await pairByCode(pair, { atNew: note, atApprover: note, role: 'data', label: 'Agent' });
    expect(ended).toEqual(done);
    expect(codes[0]).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(codes).toEqual([codes[0], codes[0]]);
    expect(pair.device.engine.view.currentKey().umk).toEqual(pair.engine.view.currentKey().umk);
    const [, added] = await listDevices(pair.device.engine, Date.parse('2026-11-22T00:00:00Z'));
    expect(added).toMatchObject({ role: 'data', label: 'Agent', isThis: true, isSilent: false, since: 2 });
    const [silent] = await listDevices(pair.engine, Date.parse('2027-11-22T00:00:00Z'));
    expect(silent).toMatchObject({ role: 'admin', label: undefined, isThis: true, isSilent: true });
  });

  test('takes nine requests, without those that wait', async () => {
    const pair = await vault();
    expect(await pairByCode(pair)).toEqual(done);
    const requests = withoutWaits(pair.service.requests);
    // While the new device waits to become a member, it asks whether the pairing has ended.
    const lastMessage = requests.indexOf('new put 2');
    expect(requests.filter((name, at) => at < lastMessage || name !== 'new get').length).toBe(9);
    expect(requests.filter((name) => name.startsWith('new put'))).toEqual(['new put 1', 'new put 2']);
    expect(pair.service.pairings.size).toBe(0);
  });

  test.for(['atNew', 'atApprover'] as const)('a person who says no %s', async (side) => {
    for (const answer of [false, undefined, 'true', 1]) {
      const pair = await vault();
      const refuse = (async () => answer) as () => Promise<boolean>;
      const ended = await pairByCode(pair, { [side]: refuse });
      expect(ended[side === 'atNew' ? 'joined' : 'approved']).toBe('not_confirmed');
      if (side === 'atApprover') {
        // The new device learns of it at once, not after ten minutes.
        expect(ended.joined).toBe('pairing_unknown');
        expect(pair.engine.state.head.seq).toBe(1);
        expect(pair.service.pairings.size).toBe(0);
      }
    }
  });

  test('a pairing that nobody approves expires', async () => {
    const { service, device } = await vault();
    const join = { device, requests: service.newDevice, confirm: yes, clock: new FakeClock() };
    expect(await outcome(joinByCode(join, settings))).toBe('pairing_expired');
    expect(service.requests.filter((name) => name === 'new put 2')).toEqual([]);
  });

  test('an answer that comes after ten minutes is not taken', async () => {
    const pair = await vault();
    const clock = new FakeClock();
    pair.service.alterPairing = (place, reader) => {
      if (reader === 'new' && place.approver.length > 0) clock.advance(600_001);
      return place;
    };
    const join = { device: pair.device, requests: pair.service.newDevice, confirm: yes, clock };
    const begun = Promise.withResolvers<string>();
    const joined = outcome(joinByCode({ ...join, onWaiting: ({ pairing }) => begun.resolve(pairing) }, settings));
    const approved = outcome(approveByCode(pair.approver, await begun.promise, { confirm: yes }, settings));
    expect([await joined, await approved]).toEqual(['pairing_expired', 'pairing_expired']);
  });

  test('a person who confirms after ten minutes adds nothing, and a signal ends the question', async () => {
    const late = await vault();
    const atApprover = async () => {
      late.approver.clock.advance(600_001);
      return true;
    };
    expect(await pairByCode(late, { atApprover })).toEqual({ joined: 'pairing_unknown', approved: 'pairing_expired' });
    expect(late.engine.state.head.seq).toBe(1);
    const { service, approver, device } = await vault();
    const controller = new AbortController();
    const never = async () => {
      controller.abort();
      return await new Promise<boolean>(() => undefined);
    };
    const begun = Promise.withResolvers<string>();
    const join = { device, requests: service.newDevice, confirm: yes, clock: new FakeClock() };
    const joined = outcome(joinByCode({ ...join, onWaiting: ({ pairing }) => begun.resolve(pairing) }, settings));
    const stopped = { ...settings, signal: controller.signal };
    const approval = approveByCode(approver, await begun.promise, { confirm: never }, stopped);
    await expect(approval).rejects.toMatchObject({ code: 'aborted' });
    expect(await joined).toBe('pairing_unknown');
  });

  test('without a function that asks a person, nothing is sent', async () => {
    const { service, device, approver } = await vault();
    const confirm = true as unknown as () => Promise<boolean>;
    const join = joinByCode({ device, requests: service.newDevice, confirm }, settings);
    await expect(join).rejects.toMatchObject({ code: 'invalid_argument' });
    const approval = approveByCode(approver, 'pa01pa01pa01pa01', { confirm }, settings);
    await expect(approval).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(service.requests).toEqual([]);
  });

  test('survives a connection that fails while it waits', async () => {
    const pair = await vault();
    const fails = { new: 3, approver: 3 };
    pair.service.alterPairing = (place, reader) => {
      const isWaiting = reader === 'new' ? place.new.length === 1 : place.approver.length === 1;
      if (!isWaiting || fails[reader] === 0) return place;
      // The first answer of each side belongs to the message that it sent.
      fails[reader]--;
      if (fails[reader] === 2) return place;
      throw createError('connection_failed', {});
    };
    expect(await pairByCode(pair)).toEqual(done);
    expect(fails).toEqual({ new: 0, approver: 0 });
  });

  test('ends with pairing_unknown when the other side has ended it', async () => {
    const pair = await vault();
    pair.service.alterPairing = (place, reader) => {
      if (reader === 'new' && place.approver.length === 1) pair.service.pairings.clear();
      return place;
    };
    expect(await pairByCode(pair)).toEqual({ joined: 'pairing_unknown', approved: 'pairing_unknown' });
  });

  test('tells a person the end by the clock of the device, whatever the service says', async () => {
    const { service, device } = await vault();
    const told: string[] = [];
    const controller = new AbortController();
    const onWaiting = ({ expiresAt }: { expiresAt: string }) => {
      told.push(expiresAt);
      controller.abort();
    };
    const join = { device, requests: service.newDevice, confirm: yes, clock: new FakeClock(), onWaiting };
    await expect(joinByCode(join, { ...settings, signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(told).toEqual(['1970-01-01T00:10:00.000Z']);
  });

  test('ends with the signal', async () => {
    const { service, device } = await vault();
    const controller = new AbortController();
    const onWaiting = () => controller.abort();
    const join = { device, requests: service.newDevice, confirm: yes, clock: new FakeClock(), onWaiting };
    const ended = joinByCode(join, { ...settings, signal: controller.signal });
    await expect(ended).rejects.toMatchObject({ code: 'aborted' });
  });

  test('two pairings at once are not mixed up, and one device runs one at a time', async () => {
    const pair = await vault();
    const second = { ...pair, device: await newCandidate(pair.service) };
    const codes: string[] = [];
    const first = Promise.withResolvers<string>();
    const other = Promise.withResolvers<string>();
    const join = (one: Vault, begun: PromiseWithResolvers<string>) =>
      outcome(
        joinByCode(
          {
            device: one.device,
            requests: pair.service.newDevice,
            confirm: async ({ code }) => codes.push(code) > 0,
            onWaiting: ({ pairing }) => begun.resolve(pairing),
            clock: new FakeClock(),
          },
          settings,
        ),
      );
    const joins = [join(pair, first), join(second, other)];
    const ids = [await first.promise, await other.promise];
    expect((await pendingPairings(pair.approver, settings)).map(({ pairing }) => pairing).sort()).toEqual(ids.sort());
    const confirm = async ({ code }: CodeComparison) => codes.push(code) > 0;
    const approvals = ids.map((id) => outcome(approveByCode(pair.approver, id, { confirm }, settings)));
    expect((await Promise.all(approvals)).sort()).toEqual(['done', 'pairing_busy']);
    const busy = (await pendingPairings(pair.approver, settings))[0]?.pairing ?? expect.fail();
    expect(await outcome(approveByCode(pair.approver, busy, { confirm }, settings))).toBe('done');
    expect(await Promise.all(joins)).toEqual(['done', 'done']);
    expect(new Set(codes).size).toBe(2);
    expect(codes.length).toBe(4);
  });

  test('a lost race is drafted again', async () => {
    const pair = await vault();
    pair.service.beforeAppend = async () => {
      // Another admin, in the same state, is faster.
      const faster = new MemoryEngine(pair.service, pair.engine.keys);
      await faster.pull();
      await faster.append(async () => ({ kind: 'heartbeat', body: new Uint8Array(0) }));
    };
    expect(await pairByCode(pair)).toEqual(done);
    expect(pair.engine.state.head.seq).toBe(3);
  });

  test('the approver refuses keys of a member and of a former member, and one that is no admin', async () => {
    const pair = await vault();
    expect(await pairByCode(pair)).toEqual(done);
    expect(await pairByCode({ ...pair, device: pair.device })).toMatchObject({ approved: 'device_known' });
    const agent = await vault();
    expect(await pairByCode(agent, { role: 'data' })).toEqual(done);
    const approver = { engine: agent.device.engine, requests: agent.service.approver, clock: new FakeClock() };
    const id = 'pa01pa01pa01pa01';
    expect(await outcome(approveByCode(approver, id, { confirm: yes }, settings))).toBe('not_an_admin');
    expect(await outcome(approveByCode(agent.approver, id, { confirm: yes }, settings))).toBe('pairing_unknown');
    const bad = { confirm: yes, label: 'x'.repeat(257) };
    await expect(approveByCode(agent.approver, id, bad, settings)).rejects.toMatchObject({ code: 'invalid_argument' });
    const role = 'recovery' as DeviceRole;
    await expect(approveByCode(agent.approver, id, { confirm: yes, role }, settings)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('by QR code', () => {
  const ways = [
    ['new', pairByJoinQr],
    ['approving', pairByApproveQr],
  ] as const;

  test.for(ways)('of the %s device, in five requests without those that wait', async ([, pairByQr]) => {
    const pair = await vault();
    expect(await pairByQr(pair)).toEqual(done);
    expect(pair.device.engine.view.currentKey().umk).toEqual(pair.engine.view.currentKey().umk);
    const nameOf = (keys: DeviceKeys) => keys.id.slice(0, 4);
    expect(withoutWaits(pair.service.requests)).toEqual([
      'new put 1',
      'approver list',
      `${nameOf(pair.engine.keys)} append`,
      'new get',
      `${nameOf(pair.device.keys)} log`,
    ]);
  });

  test.for(ways)('of the %s device: after a lost race, the message has the new head', async ([, pairByQr]) => {
    const pair = await vault();
    const { service, engine } = pair;
    service.beforeAppend = async () => {
      const faster = new MemoryEngine(service, engine.keys);
      await faster.pull();
      await faster.append(async () => ({ kind: 'heartbeat', body: new Uint8Array(0) }));
    };
    expect(await pairByQr(pair)).toEqual(done);
    expect(engine.state.head.seq).toBe(3);
    const [place] = service.pairings.values();
    const [message, ...others] = place?.approver ?? [];
    expect(others).toEqual([]);
    const mode = pairByQr === pairByJoinQr ? 'qr-new' : 'qr-approver';
    const before = parseSignedEntry((await engine.entry(2)) ?? expect.fail());
    const head = typeof before === 'string' ? expect.fail(before) : await entryHash(before.unsigned);
    expect(message && parseQrApproval(mode, message)?.head).toEqual(head);
  });

  test.for(ways)('of the %s device: a pairing that has ended adds nothing', async ([, pairByQr]) => {
    const pair = await vault();
    pair.service.beforeAppend = async () => pair.service.pairings.clear();
    expect(await pairByQr(pair)).toEqual({ joined: 'pairing_unknown', approved: 'pairing_unknown' });
    expect(pair.engine.state.head.seq).toBe(1);
    expect(pair.service.log.length).toBe(1);
  });

  test('another text, and the code of the other side, are refused before anything is sent', async () => {
    const { service, device, approver } = await vault();
    const part = { pairing: 'pa01pa01pa01pa01', secret: new Uint8Array(32), keysHash: new Uint8Array(32) };
    const join = { device, requests: service.newDevice, clock: new FakeClock() };
    for (const text of ['', 'https://x.test', encodePairingQr({ displayer: 'new', ...part })])
      expect(await outcome(joinByQr(join, text, settings))).toBe('qr_refused');
    for (const text of ['', encodePairingQr({ displayer: 'approver', ...part })])
      expect(await outcome(approveByQr(approver, text, {}, settings))).toBe('qr_refused');
    expect(service.requests).toEqual([]);
  });
});
