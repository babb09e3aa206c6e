/**
 * A hostile service against real devices: pairing and recovery. Numbers and titles are the rows of the threat model of
 * device vaults. The other rows are in hostile-service, hostile-records and hostile-recovery.
 */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { PairingInfo } from '../../contract/devices/wire.ts';
import { type DeviceKeys, generateDeviceKeys, publicKeysOf } from '../../core/devices/device-keys.ts';
import { pairingCommitment, pairingTranscriptHash } from '../../core/devices/pairing.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import {
  encodeCommit,
  encodeOffer,
  encodeReveal,
  parseOffer,
  parseReveal,
} from '../../sdk/src/device/pairing/pairing-messages.ts';
import { accepted, memberOf, VaultSimulator } from '../core/devices/vault-simulator.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { AttackedDevice, anotherDevice, answer, bytesOf, firstDevice, pairByCode } from './hostile-proxy.ts';
import { createUser, sendSigned } from './signed-device-requests.ts';

const stack = useLocalStack();
let admin: AttackedDevice;
const nonce = new Uint8Array(32).fill(7);

beforeAll(async () => {
  admin = await firstDevice(stack, await createUser(stack));
  await admin.vault.records('memory').put({ text: 'for members' }, { id: 'a' });
});
beforeEach(() => {
  admin.alter = undefined;
});

const newDevice = () => new AttackedDevice(stack, admin.user);
const isUnknown = async (device: AttackedDevice) =>
  expect(await rejectionOf(device.vaults.open(admin.vault.scope.vault))).toMatchObject({ code: 'vault_unknown' });

/** Alters pairings in what a device reads. */
function servePairings(device: AttackedDevice, alter: (pairing: PairingInfo) => PairingInfo): void {
  device.alter = async ({ path }, forward) => {
    const response = await forward();
    if (!path.includes('/pairings') || !response.ok) return response;
    const body = await response.json();
    return answer('pairings' in body ? { pairings: body.pairings.map(alter) } : 'pairing' in body ? alter(body) : body);
  };
}

/** The last message that a device sent to a place of a pairing. */
function messageOf(device: AttackedDevice, place: string): Uint8Array {
  const sent = device.seen.findLast(({ method, path }) => method === 'PUT' && path.endsWith(place));
  return bytesOf(JSON.parse(sent?.body ?? expect.fail(`nothing at ${place}`)).message);
}

/** The admin device adds nobody, and its head stays. */
async function addsNobody(work: () => Promise<unknown>): Promise<void> {
  const before = [admin.vault.headCode(), await admin.vault.devices()];
  await work();
  await admin.reopen();
  expect([admin.vault.headCode(), await admin.vault.devices()]).toEqual(before);
  admin.alter = undefined;
  expect(await admin.vault.sync()).toMatchObject({ pulled: 0 });
}

test("1: another key in place of a device's at pairing", async () => {
  const attacker = publicKeysOf(await generateDeviceKeys(false));
  const reveal = toBase64(encodeReveal({ keys: attacker, nonce }));
  const commit = toBase64(encodeCommit(await pairingCommitment(nonce, attacker)));
  // From the start, to the admin device: two codes, and persons who compare them.
  await addsNobody(async () => {
    servePairings(admin, (one) => ({
      ...one,
      new: one.new.length === 1 ? [commit] : one.new.length === 2 ? [commit, reveal] : [],
    }));
    const device = newDevice();
    const { joined, approved, codes } = await pairByCode(admin, device);
    expect(codes[0]).not.toBe(codes[1]);
    expect([joined, approved]).toEqual(['not_confirmed', 'not_confirmed']);
    await isUnknown(device);
  });
  // Only after it saw the keys: the commitment refuses it.
  await addsNobody(async () => {
    servePairings(admin, (one) => (one.new.length < 2 ? one : { ...one, new: [one.new[0] ?? '', reveal] }));
    expect(await pairByCode(admin, newDevice())).toMatchObject({ approved: 'pairing_refused' });
  });
  // In place of the admin device's, to the new one.
  await addsNobody(async () => {
    const device = newDevice();
    const offer = toBase64(encodeOffer({ keys: attacker, nonce, head: nonce }));
    servePairings(device, (one) => (one.approver.length === 0 ? one : { ...one, approver: [offer] }));
    const { joined, approved } = await pairByCode(admin, device);
    expect([joined, approved]).toEqual(['not_confirmed', 'not_confirmed']);
    await isUnknown(device);
  });
});

test('2: an UMK of the server’s choice', async () => {
  // Persons see equal codes. Then the service shows a chain of its own, in which a device of its own approves.
  const device = newDevice();
  const own: { chain?: VaultSimulator; keys?: DeviceKeys } = {};
  const forge = async () => {
    const chain = new VaultSimulator(admin.vault.scope);
    const service = await chain.begin();
    const offer = parseOffer(new Uint8Array(messageOf(admin, '/approver/1'))) ?? expect.fail();
    const reveal = parseReveal(new Uint8Array(messageOf(device, '/new/2'))) ?? expect.fail();
    const sent = device.seen.findLast(({ path }) => path.endsWith('/new/2')) ?? expect.fail();
    const pairing = sent.path.split('/').at(-3) ?? '';
    const transcript = await pairingTranscriptHash({
      scope: admin.vault.scope,
      pairing,
      newKeys: reveal.keys,
      newNonce: reveal.nonce,
      approverKeys: offer.keys,
      approverNonce: offer.nonce,
      head: offer.head,
    });
    const id = device.seen.findLast(({ path }) => path.includes('/log'))?.headers.get('signature-input') ?? '';
    const member = { ...memberOf(service, 'admin'), ...reveal.keys, id: /\.(\w{32})"/.exec(id)?.[1] ?? expect.fail() };
    accepted(await chain.writeRoster(service, { kind: 'add', member, pairing, transcript }));
    return chain;
  };
  device.alter = async ({ method, path }, forward) => {
    if (method !== 'GET' || !path.includes('/log')) return await forward();
    own.chain ??= await forge();
    const entries = own.chain.log.map(({ signed, wraps }) => ({
      entry: toBase64(signed),
      ...(wraps && { wraps: toBase64(wraps) }),
    }));
    return answer({ entries, head: entries.length, more: false });
  };
  const { joined, codes } = await pairByCode(admin, device);
  expect(codes[0]).toBe(codes[1]);
  expect(joined).toBe('admission_refused');
  await isUnknown(device);
  // Other wraps in place of those of the approval.
  const other = newDevice();
  const [genesis] = own.chain?.log ?? [];
  const wraps = toBase64(genesis?.wraps ?? expect.fail());
  other.alter = async ({ method, path }, forward) => {
    const response = await forward();
    if (method !== 'GET' || !path.includes('/log') || !response.ok) return response;
    const page = await response.json();
    return answer({ ...page, entries: page.entries.map((one: object) => ('wraps' in one ? { ...one, wraps } : one)) });
  };
  expect(await pairByCode(admin, other)).toMatchObject({ joined: 'bad_envelope' });
  await isUnknown(other);
});

/** The service shows the admin device the pairing of another user, and brings the messages to and fro. */
function bridge(device: AttackedDevice): void {
  const stored: Record<string, string[]> = { new: [], approver: [] };
  let known = '';
  const place = () => ({ pairing: known, expiresAt: new Date(Date.now() + 600_000).toISOString(), ...stored });
  for (const one of [admin, device]) {
    one.alter = async ({ method, path, body }, forward) => {
      const [, rest] = path.split('/pairings');
      if (rest === undefined) return await forward();
      if (method === 'DELETE') return answer({ deleted: true });
      const [, pairing = known, side = ''] = rest.split('/');
      known = pairing;
      if (method === 'PUT') stored[side]?.push(JSON.parse(body ?? '').message);
      return answer(rest === '' ? { pairings: [place()] } : place());
    };
  }
}

test('4: approval of a request of another user (the kind of CVE-2026-60104)', async () => {
  const victim = await firstDevice(stack, await createUser(stack));
  const { vault } = victim.vault.scope;
  // Persons who compare see different codes, because the user and the vault are part of it.
  await addsNobody(async () => {
    const device = new AttackedDevice(stack, victim.user);
    bridge(device);
    const { joined, approved, codes } = await pairByCode(admin, device, { vault });
    expect(codes[0]).not.toBe(codes[1]);
    expect([joined, approved]).toEqual(['not_confirmed', 'not_confirmed']);
  });
  // Persons who do not compare: the device of the other user takes no log but that of its own vault.
  const blind = new AttackedDevice(stack, victim.user);
  bridge(blind);
  const toBlind = blind.alter ?? expect.fail();
  blind.alter = async (request, forward) => {
    if (!request.path.includes('/log')) return await toBlind(request, forward);
    return answer(await admin.vault.engine.requests.readLog(0, { ...quiet }));
  };
  const { joined } = await pairByCode(admin, blind, { vault, person: async () => true });
  expect(joined).toBe('bad_envelope');
  expect(await rejectionOf(blind.vaults.open(vault))).toMatchObject({ code: 'vault_unknown' });
  admin.alter = undefined;
  const stranger = (await admin.vault.devices()).at(-1) ?? expect.fail();
  await admin.vault.remove(stranger.id);
  // An honest service refuses both ways.
  const path = `/v1/device-vaults/${vault}/pairings`;
  const message = toBase64(utf8Bytes('x'));
  const { org, user } = admin.user;
  const signed = sendSigned(stack, admin.keys, { org, user, vault }, 'PUT', `${path}/pa01pa01pa01pa01/approver/1`, {
    message,
  });
  await expectProblem(await signed, 'device_refused');
  const put = await stack.http('PUT', `${path}/pa01pa01pa01pa01/new/1`, { key: admin.user.key, body: { message } });
  await expectProblem(put, 'device_vault_not_found');
});
const quiet = { signal: undefined, timeout: 30_000, maxRetries: 0, callerHeaders: {}, outcomeHint: '' };

test('5: replay of an old approval or wrap', async () => {
  const device = await anotherDevice(admin);
  const approval =
    admin.seen.findLast(({ method, path }) => method === 'POST' && path.endsWith('/log')) ?? expect.fail();
  const old = { pairing: 'pa05pa05pa05pa05', expiresAt: new Date(Date.now() + 600_000).toISOString() };
  const wraps = JSON.parse(approval.body ?? '').wraps;
  await admin.vault.remove(device.keys.id);
  const head = admin.vault.headCode();
  // The same request, signed as it was, within its time: the answer is the same, and the vault too.
  const headers = Object.fromEntries(approval.headers);
  const again = await fetch(stack.vault.url + approval.path, { method: 'POST', headers, body: approval.body ?? '' });
  expect(again.status).toBe(200);
  expect(await admin.vault.sync()).toMatchObject({ pulled: 0 });
  expect((await admin.vault.devices()).map(({ id }) => id)).not.toContain(device.keys.id);
  // As the next entry, to another device; and its wraps with those of a new epoch.
  const other = await anotherDevice(admin);
  const { entry } = JSON.parse(approval.body ?? '');
  await other.stopsAt((page) => ({ ...page, entries: [...page.entries, { entry, wraps }], head: page.head + 1 }), {
    code: 'bad_envelope',
    reason: 'bad_sequence',
  });
  await admin.vault.rotate();
  await other.stopsAt((page) => ({ ...page, entries: page.entries.map((one) => ({ ...one, wraps })) }), {
    code: 'bad_envelope',
    reason: 'other_wraps',
  });
  expect(head.seq).toBeLessThan(admin.vault.headCode().seq);
  // Messages of a pairing that is over: the reveal was made for another offer.
  const commit = toBase64(messageOf(device, '/new/1'));
  const reveal = toBase64(messageOf(device, '/new/2'));
  await addsNobody(async () => {
    admin.alter = async () => answer({ pairings: [{ ...old, new: [commit, reveal], approver: [] }] });
    const approved = admin.vault.approve(old.pairing, { confirm: async () => true });
    expect(await rejectionOf(approved)).toMatchObject({ code: 'pairing_refused' });
  });
});

test('16: an old roster brought back, also to a fresh device', async () => {
  const member = await anotherDevice(admin);
  const removed = await anotherDevice(admin);
  const table = stack.table('DeviceCustodyRostersTable');
  const { org, user, vault } = admin.vault.scope;
  const key = { org, id: `${user}/vault/${vault}` };
  const old = await stack.getItem(table, key);
  await admin.vault.remove(removed.keys.id);
  await member.vault.sync();
  const { seq } = member.vault.headCode();
  await member.stopsAt(() => ({ entries: [], head: seq - 1, more: false }), {
    code: 'bad_envelope',
    reason: 'older_log',
  });
  // The whole roster in the table: for the service, the removed device is a member again, for a moment.
  await stack.putItem(table, old);
  const entry = toBase64(await removed.entry('heartbeat', new Uint8Array(0)));
  const { requests, view } = removed.vault.engine;
  const late = await rejectionOf(requests.append({ entry }, view.state.head.seq + 1, quiet));
  expect(late).toMatchObject({ code: 'log_conflict' });
  expect(await member.vault.sync()).toMatchObject({ pulled: 0 });
  await admin.vault.records('memory').put({ text: 'later' }, { id: 'later' });
  expect(await rejectionOf(removed.vault.sync())).toMatchObject({ code: 'device_refused' });
  // A fresh device is shown a chain in which the removal never was.
  const device = newDevice();
  device.serveLog((page) => ({ ...page, entries: page.entries.filter((_, at) => at !== seq - 1) }));
  expect(await pairByCode(admin, device)).toMatchObject({ joined: 'bad_envelope' });
  await isUnknown(device);
});

test('19: off-curve or low-order points', async () => {
  const { keys } = admin;
  const good = publicKeysOf(keys);
  const offCurve = good.ecdh.map((byte, at) => (at === 64 ? byte ^ 1 : byte));
  const zero = new Uint8Array(65);
  for (const ecdh of [offCurve, zero, good.ecdsa]) {
    const device = newDevice();
    const offer = toBase64(encodeOffer({ keys: { ...good, ecdh }, nonce, head: nonce }));
    servePairings(device, (one) => (one.approver.length === 0 ? one : { ...one, approver: [offer] }));
    await addsNobody(async () => {
      const ended = new AbortController();
      admin.alter = async (request, forward) => {
        if (request.method === 'PUT') setTimeout(() => ended.abort(), 2_500);
        return await forward();
      };
      const waiting = Promise.withResolvers<string>();
      const { vault } = admin.vault.scope;
      const join = device.vaults.join({
        vault,
        confirm: async () => true,
        onWaiting: ({ pairing }) => waiting.resolve(pairing),
      });
      const refused = rejectionOf(join);
      const approve = admin.vault.approve(await waiting.promise, { confirm: async () => true, signal: ended.signal });
      expect(await rejectionOf(approve)).toMatchObject({ code: 'aborted' });
      expect(await refused).toMatchObject({ code: 'pairing_refused' });
    });
    await isUnknown(device);
  }
});
