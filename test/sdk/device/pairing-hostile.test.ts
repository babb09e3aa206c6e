/** Pairing over a service that alters messages and logs. The numbers are those of the attacks in the design. */
import { describe, expect, test } from 'vitest';
import { entryHash, parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { generateDeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { pairingCommitment } from '../../../core/devices/pairing.ts';
import {
  encodePairingQr,
  parsePairingQr,
  qrKeysHash,
  qrMessageMac,
  qrTranscriptHash,
} from '../../../core/devices/pairing-qr.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import type { CodeComparison } from '../../../sdk/src/device/device-types.ts';
import { approveByQr } from '../../../sdk/src/device/pairing/approve-by-qr.ts';
import { joinByQr, showJoinQr } from '../../../sdk/src/device/pairing/join-by-qr.ts';
import {
  encodeCommit,
  encodeDisplayedKeys,
  encodeOffer,
  encodeQrApproval,
  encodeReveal,
  encodeScannerRequest,
  parseOffer,
  parseQrApproval,
  parseScannerRequest,
} from '../../../sdk/src/device/pairing/pairing-messages.ts';
import type { PairingPlace } from '../../../sdk/src/device/pairing/pairing-ports.ts';
import { verifyAdmission } from '../../../sdk/src/device/pairing/verify-admission.ts';
import { addDevice } from '../../../sdk/src/device/roster/add-device.ts';
import { done, outcome, pairByApproveQr, pairByCode, pairByJoinQr, vault } from './pairing-flows.ts';
import { FakeClock, newCandidate, settings } from './roster-fakes.ts';

/** Replaces one message of a place. */
const withMessage = (
  place: PairingPlace,
  side: 'new' | 'approver',
  index: number,
  message: Uint8Array<ArrayBuffer>,
) => ({
  ...place,
  [side]: place[side].map((one, at) => (at === index ? message : one)),
});

describe('a hostile service', () => {
  test('1: another key in place of the new device: the codes differ, or the commitment does not hold', async () => {
    const attacker = publicKeysOf(await generateDeviceKeys(false));
    const nonce = new Uint8Array(32).fill(9);
    // It replaces the reveal only: the saved commitment refuses it.
    const late = await vault();
    late.service.alterPairing = (place, reader) =>
      reader === 'approver' ? withMessage(place, 'new', 1, encodeReveal({ keys: attacker, nonce })) : place;
    expect(await pairByCode(late)).toMatchObject({ approved: 'pairing_refused' });
    // It replaces the commitment after the approver saw it.
    const swapped = await vault();
    const commit = encodeCommit(await pairingCommitment(nonce, attacker));
    const reveal = encodeReveal({ keys: attacker, nonce });
    swapped.service.alterPairing = (place, reader) => {
      if (reader !== 'approver' || place.new.length < 2) return place;
      return { ...place, new: [commit, reveal] };
    };
    expect(await pairByCode(swapped)).toMatchObject({ approved: 'pairing_refused' });
    // It replaces both from the start: persons see two codes and say no.
    const early = await vault();
    early.service.alterPairing = (place, reader) => {
      if (reader !== 'approver') return place;
      return { ...place, new: place.new.map((_, at) => (at === 0 ? commit : reveal)) };
    };
    const codes: string[] = [];
    const compare = async ({ code }: CodeComparison) => codes.push(code) < 2 || code === codes[0];
    const ended = await pairByCode(early, { atNew: compare, atApprover: compare });
    expect(new Set(codes).size).toBe(2);
    expect(Object.values(ended)).toContain('not_confirmed');
    for (const { engine, device } of [late, swapped, early]) {
      expect(engine.state.members.size).toBeLessThanOrEqual(2);
      expect(engine.state.members.has(device.keys.id)).toBe(false);
    }
  });

  test('1: another key in place of the approver, or another head: the codes differ', async () => {
    const keys = publicKeysOf(await generateDeviceKeys(false));
    for (const change of [{ keys }, { head: new Uint8Array(32).fill(1) }, { nonce: new Uint8Array(32) }]) {
      const pair = await vault();
      pair.service.alterPairing = (place, reader) => {
        const offer = place.approver[0] && parseOffer(place.approver[0]);
        if (reader === 'approver' || offer === undefined) return place;
        return withMessage(place, 'approver', 0, encodeOffer({ ...offer, ...change }));
      };
      const codes: string[] = [];
      const note = async ({ code }: CodeComparison) => codes.push(code) > 0;
      // Even if both persons fail to compare, the new device refuses what it finds in the log.
      expect(await pairByCode(pair, { atNew: note, atApprover: note })).toMatchObject({ joined: 'admission_refused' });
      expect(codes[0]).not.toBe(codes[1]);
    }
  });

  test('1: another key, head or MAC in a pairing by QR code', async () => {
    const keys = publicKeysOf(await generateDeviceKeys(false));
    const altered = new Uint8Array(32).fill(7);
    const flows = [
      ['qr-new', pairByJoinQr],
      ['qr-approver', pairByApproveQr],
    ] as const;
    for (const [mode, pairByQr] of flows) {
      for (const change of [{ keys }, { head: altered }, { mac: altered }]) {
        const pair = await vault();
        pair.service.alterPairing = (place, reader) => {
          const approval = place.approver[0] && parseQrApproval(mode, place.approver[0]);
          if (reader === 'approver' || approval === undefined) return place;
          return withMessage(place, 'approver', 0, encodeQrApproval(mode, { ...approval, ...change }));
        };
        expect(await pairByQr(pair)).toEqual({ joined: 'pairing_refused', approved: 'done' });
      }
    }
    const toScanner = await vault();
    toScanner.service.alterPairing = (place, reader) =>
      reader === 'approver' ? withMessage(place, 'new', 0, encodeDisplayedKeys(keys)) : place;
    expect(await pairByJoinQr(toScanner)).toEqual({ joined: 'pairing_expired', approved: 'pairing_refused' });
    expect(toScanner.engine.state.head.seq).toBe(1);
    for (const change of [{ keys }, { mac: altered }]) {
      const pair = await vault();
      pair.service.alterPairing = (place, reader) => {
        const request = place.new[0] && parseScannerRequest(place.new[0]);
        if (reader === 'new' || request === undefined) return place;
        return withMessage(place, 'new', 0, encodeScannerRequest({ ...request, ...change }));
      };
      expect(await pairByApproveQr(pair)).toEqual({ joined: 'pairing_expired', approved: 'pairing_refused' });
      expect(pair.engine.state.head.seq).toBe(1);
    }
  });

  test('1: who saw the QR code of the approver, and knows its secret, has other keys than those in the code', async () => {
    const pair = await vault();
    const other = await newCandidate(pair.service);
    expect(await pairByCode({ ...pair, device: other })).toEqual(done);
    // The service lets another admin approve, which also saw the code.
    const pairing = 'pa01pa01pa01pa01';
    const secret = new Uint8Array(32).fill(5);
    const keysHash = await qrKeysHash(publicKeysOf(pair.engine.keys));
    const text = encodePairingQr({ displayer: 'approver', pairing, secret, keysHash });
    const newKeys = publicKeysOf(pair.device.keys);
    const [keys, head] = [publicKeysOf(other.keys), pair.engine.state.head.hash];
    const signed = { scope: pair.device.scope, pairing, newKeys, approverKeys: keys, head };
    const message = encodeQrApproval('qr-approver', { keys, head, mac: await qrMessageMac(secret, signed) });
    await other.engine.pull();
    const agree = async () => ({ transcript: await qrTranscriptHash(signed) });
    await addDevice(other.engine, { pairing, agree, keys: newKeys, role: 'admin', label: '' }, settings);
    pair.service.alterPairing = (place, reader) =>
      reader === 'new' ? { ...place, approver: place.new.length > 0 ? [message] : [] } : place;
    const join = { device: pair.device, requests: pair.service.newDevice, clock: new FakeClock() };
    expect(await outcome(joinByQr(join, text, settings))).toBe('pairing_refused');
    // With the keys of that admin in the code, the same answer is accepted.
    const theirs = encodePairingQr({ displayer: 'approver', pairing, secret, keysHash: await qrKeysHash(keys) });
    pair.service.pairings.clear();
    expect(await outcome(joinByQr(join, theirs, settings))).toBe('done');
  });

  test('a message of the other way, or of another form, is refused in a pairing by QR code', async () => {
    const filled = { head: new Uint8Array(32), mac: new Uint8Array(32) };
    for (const [mode, pairByQr] of [
      ['qr-approver', pairByJoinQr],
      ['qr-new', pairByApproveQr],
    ] as const) {
      const pair = await vault();
      const keys = publicKeysOf(pair.engine.keys);
      for (const message of [encodeQrApproval(mode, { keys, ...filled }), encodeDisplayedKeys(keys)]) {
        const device = await newCandidate(pair.service);
        pair.service.alterPairing = (place, reader) =>
          reader === 'new' ? withMessage(place, 'approver', 0, message) : place;
        expect(await pairByQr({ ...pair, device })).toMatchObject({ joined: 'pairing_refused' });
        pair.service.pairings.clear();
      }
    }
  });

  test('malformed messages are refused on both sides', async () => {
    const bad = encodeFieldBytes('code', new Uint8Array(31));
    for (const [reader, side, index, sufferer] of [
      ['new', 'approver', 0, 'joined'],
      ['approver', 'new', 0, 'approved'],
      ['approver', 'new', 1, 'approved'],
    ] as const) {
      const pair = await vault();
      pair.service.alterPairing = (place, by) => (by === reader ? withMessage(place, side, index, bad) : place);
      expect((await pairByCode(pair))[sufferer]).toBe('pairing_refused');
      expect(pair.engine.state.head.seq).toBe(1);
    }
  });

  test('a reveal before the nonce of the approver is refused, although it fits its commitment', async () => {
    const pair = await vault();
    const keys = publicKeysOf(await generateDeviceKeys(false));
    const nonce = new Uint8Array(32);
    const early = [encodeCommit(await pairingCommitment(nonce, keys)), encodeReveal({ keys, nonce })];
    pair.service.alterPairing = (place, reader) => (reader === 'approver' ? { ...place, new: early } : place);
    expect(await pairByCode(pair)).toEqual({ joined: 'pairing_expired', approved: 'pairing_refused' });
  });

  test('2: the approval of the right pairing, signed by another admin', async () => {
    const pair = await vault();
    const other = await newCandidate(pair.service);
    expect(await pairByCode({ ...pair, device: other })).toEqual(done);
    const { device, engine } = pair;
    const pairing = 'pa01pa01pa01pa01';
    const transcript = new Uint8Array(32);
    const head = engine.state.head.hash;
    const keys = publicKeysOf(device.keys);
    const agree = async () => ({ transcript });
    await addDevice(engine, { pairing, agree, keys, role: 'admin', label: '' }, settings);
    await device.engine.pull();
    const admission = { pairing, transcript, head, approverKeys: publicKeysOf(engine.keys) };
    await verifyAdmission(device.engine, admission);
    const swapped = { ...admission, approverKeys: publicKeysOf(other.keys) };
    expect(await outcome(verifyAdmission(device.engine, swapped))).toBe('admission_refused');
    const sameAgain = { ...admission, pairing: 'pa02pa02pa02pa02' };
    expect(await outcome(verifyAdmission(device.engine, sameAgain))).toBe('admission_refused');
  });

  test('2, 3, 5: a device that was added by another pairing, an older approval, or nobody', async () => {
    // The service lets a second admin, which is its accomplice, add the device in a pairing of its own.
    const pair = await vault();
    const accomplice = await newCandidate(pair.service);
    expect(await pairByCode({ ...pair, device: accomplice })).toEqual(done);
    const foreign = { engine: accomplice.engine, requests: pair.service.approver, clock: new FakeClock() };
    const atApprover = async () => {
      const grant = {
        role: 'admin',
        label: '',
        pairing: 'pa01pa01pa01pa01',
        agree: async () => ({ transcript: new Uint8Array(32) }),
      } as const;
      await addDevice(foreign.engine, { ...grant, keys: publicKeysOf(pair.device.keys) }, settings);
      return false;
    };
    expect(await pairByCode(pair, { atApprover })).toEqual({ joined: 'admission_refused', approved: 'not_confirmed' });
  });

  test('2: the wraps of the approval are withheld or altered', async () => {
    for (const wraps of [undefined, new Uint8Array(40)]) {
      const pair = await vault();
      pair.service.alterLog = (log) => log.map((entry, at) => (at === 1 ? { ...entry, wraps } : entry));
      expect(await pairByCode(pair)).toMatchObject({ joined: 'admission_refused' });
    }
  });

  test('4: the approval binds the vault of the caller', async () => {
    // The new device has another scope than the approver: the transcript differs, so do the codes and the entry.
    const pair = await vault();
    const device = { ...pair.device, scope: { ...pair.device.scope, user: '0'.repeat(16) } };
    const codes: string[] = [];
    const note = async ({ code }: CodeComparison) => codes.push(code) > 0;
    const ended = await pairByCode({ ...pair, device }, { atNew: note, atApprover: note });
    expect(ended.joined).toBe('admission_refused');
    expect(codes[0]).not.toBe(codes[1]);
  });

  test('5: the approver joined after the head that it showed', async () => {
    const pair = await vault();
    const second = await newCandidate(pair.service);
    expect(await pairByCode({ ...pair, device: second })).toEqual(done);
    const approver = { engine: second.engine, requests: pair.service.approver, clock: new FakeClock() };
    // The second admin shows a head from before it was one.
    const first = parseSignedEntry((await second.engine.entry(1)) ?? expect.fail());
    const hash = typeof first === 'string' ? expect.fail() : await entryHash(first.unsigned);
    const state = second.engine.state;
    const showsOld = new Proxy(second.engine, {
      get: (target, name) => {
        if (name === 'view') return { ...target.view, state: { ...state, head: { seq: 1, hash } } };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const ended = await pairByCode({ ...pair, approver: { ...approver, engine: showsOld } });
    expect(ended).toEqual({ joined: 'admission_refused', approved: 'done' });
  });

  test('16: an older log for the new device, which lacks the head of the approver', async () => {
    const pair = await vault();
    const second = await newCandidate(pair.service);
    expect(await pairByCode({ ...pair, device: second })).toEqual(done);
    // The service cuts the log before the approval: the device never becomes a member of what it sees.
    pair.service.alterLog = (log) => log.slice(0, 2);
    expect(await pairByCode(pair)).toMatchObject({ joined: 'pairing_unknown' });
    expect(pair.device.engine.state.members.has(pair.device.keys.id)).toBe(false);
  });

  test('the QR text carries nothing that the service ever gets', async () => {
    const pair = await vault();
    const shown = Promise.withResolvers<string>();
    const join = { device: pair.device, requests: pair.service.newDevice, clock: new FakeClock() };
    const joined = outcome(showJoinQr(join, ({ text }) => shown.resolve(text), settings));
    const { secret } = parsePairingQr(await shown.promise) ?? expect.fail();
    expect(await outcome(approveByQr(pair.approver, await shown.promise, {}, settings))).toBe('done');
    expect(await joined).toBe('done');
    const sent = [...pair.service.pairings.values()].flatMap((place) => [...place.new, ...place.approver]);
    const hex = Buffer.from(secret).toString('hex');
    expect(sent.map((message) => Buffer.from(message).toString('hex')).filter((text) => text.includes(hex))).toEqual(
      [],
    );
  });
});
