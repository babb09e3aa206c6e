/** The chain of docs/format-devices.md, section 13, and its checkpoint of section 9. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createCheckpoint } from '../../../core/devices/apply-content.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { encodeEntry, isRosterKind } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { openEarlierUmk } from '../../../core/devices/epoch-keys.ts';
import { keyWrapsHash, openKeyWraps, readKeyWraps } from '../../../core/devices/key-wraps.ts';
import { verifyInclusion } from '../../../core/devices/merkle-frontier.ts';
import { openRecoveryBox, recoveryBoxHash } from '../../../core/devices/recovery-code.ts';
import { parseRecoveryCode } from '../../../core/devices/recovery-code-text.ts';
import { encodeRosterBody, parseRosterBody } from '../../../core/devices/roster-body.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import {
  entryAt,
  epochKey,
  hex,
  loadDevices,
  scope,
  signedEntry,
  text,
  toHex,
  unreadExamples,
} from './page-examples.ts';
import { summary } from './vault-simulator.ts';

const count = 16;
const states: ChainState[] = [initialState(scope)];
const outcomes: string[] = [];
let devices: ReadonlyMap<string, DeviceKeys>;
const device = (name: string): DeviceKeys => devices.get(name) ?? expect.fail(name);
const stateAt = (seq: number): ChainState => states[seq] ?? expect.fail(`no state ${seq}`);
const ids = (...names: string[]) => names.map((name) => device(name).id);

beforeAll(async () => {
  devices = await loadDevices();
  for (let seq = 1; seq <= count; seq++) {
    const outcome = await applyEntry(stateAt(seq - 1), signedEntry(seq));
    if (outcome.result === 'stop') expect.fail(`${seq}: ${outcome.reason}`);
    outcomes.push(summary(outcome));
    states.push(outcome.state);
  }
});

/** Entries that have wraps: the name of the example, the epoch, and the devices that open it. */
const wrapped: readonly [seq: number, example: string, epoch: number, names: string][] = [
  [1, 'wraps', 1, 'A'],
  [2, 'wraps 2', 1, 'B'],
  [7, 'wraps 7', 1, 'C'],
  [9, 'wraps 9', 2, 'AB'],
  [10, 'wraps 10', 3, 'ABR'],
  [11, 'wraps 11', 4, 'AR'],
  [12, 'wraps 12', 5, 'ST'],
];

describe('the chain of docs/format-devices.md', () => {
  test('is in the chain, with the hashes of the page, and one void entry', async () => {
    for (let seq = 1; seq <= count; seq++) {
      const { signed, unsigned, ...entry } = entryAt(seq);
      expect(encodeEntry(entry)).toEqual(unsigned);
      expect(entry.time).toBe(`2026-11-21T00:00:${String(seq).padStart(2, '0')}.000Z`);
      expect(toHex(stateAt(seq).head.hash)).toBe(text(`hash ${seq}`));
      expect(outcomes[seq - 1]).toBe(seq === 15 ? 'void malformed_body' : 'accept');
    }
    expect(await applyEntry(stateAt(13), signedEntry(14))).toMatchObject({
      changes: [{ change: { type: 'memory', version: 3 } }, { change: { type: 'todo', id: 'item-1' } }],
      voided: [{ index: 2, reason: 'bad_version' }],
    });
  });

  test('has the members, epochs and commitments of the page', async () => {
    const membersAt = (seq: number) => [...stateAt(seq).members.keys()];
    expect([1, 2, 7, 8].map(membersAt)).toEqual([ids('A'), ids('A', 'B'), ids('A', 'B', 'C'), ids('A', 'B')]);
    expect([10, 11, 12].map(membersAt)).toEqual([ids('A', 'B', 'R'), ids('A', 'R'), ids('S', 'T')]);
    const commitments = await Promise.all([1, 2, 3, 4, 5].map(async (epoch) => (await epochKey(epoch)).commitment));
    expect(stateAt(count).epochs.map(({ commitment }) => commitment)).toEqual(commitments);
    expect(await parseRosterBody('add', entryAt(7).body)).toMatchObject({
      member: { id: device('C').id, role: 'data' },
      pairing: text('pairing id 7'),
      transcript: hex('transcript hash 7'),
    });
  });

  test('has the wraps of the page, which open for their devices only, and lead back to the first epoch', async () => {
    for (const [seq, example, epoch, names] of wrapped) {
      const encoded = hex(example);
      const hash = await keyWrapsHash(encoded);
      const { kind, body } = entryAt(seq);
      if (!isRosterKind(kind)) expect.fail(kind);
      expect(await parseRosterBody(kind, body)).toMatchObject({ wraps: hash });
      const key = await epochKey(epoch);
      const expected = { epoch, commitment: key.commitment, hash };
      const { history, wraps } = await readKeyWraps(scope, encoded, hash);
      expect(wraps.map(({ device: id }) => id)).toEqual(ids(...names).toSorted());
      for (const name of names)
        expect((await openKeyWraps(scope, device(name), encoded, expected)).key.umk).toEqual(key.umk);
      expect(history?.epoch ?? 0).toBe(epoch - 1);
      if (history === undefined) continue;
      const earlier = await epochKey(history.epoch);
      expect((await openEarlierUmk(key, history.epoch, history.box, earlier.commitment)).umk).toEqual(earlier.umk);
    }
  });

  test('has a second recovery code, of entry 12', async () => {
    const secret = (await parseRecoveryCode(text('T recovery code'))) ?? expect.fail('no code');
    const box = hex('T recovery box');
    const { keys, genesis, head, epoch, umk } = await openRecoveryBox(secret, scope, box);
    expect([keys.id, toHex(genesis), head.seq, toHex(head.hash), epoch, toHex(umk)]).toEqual([
      text('T id'),
      text('hash 1'),
      11,
      text('hash 11'),
      5,
      text('UMK 5'),
    ]);
    expect(stateAt(count).recoveryBox).toEqual(await recoveryBoxHash(box));
    expect(box).toHaveLength(366);
    expect(hex('sealed recovery box')).toHaveLength(366);
  });

  test('section 9: the checkpoint, its acknowledgement, and an inclusion proof', async () => {
    const checkpoint = await createCheckpoint(stateAt(4));
    expect(toHex(checkpoint.roster)).toBe(text('checkpoint roster'));
    expect(toHex(checkpoint.entries)).toBe(text('checkpoint entries'));
    expect(toHex(checkpoint.records)).toBe(text('checkpoint records'));
    expect(stateAt(6).acknowledged?.seq).toBe(5);
    const proof = [hex('inclusion 1'), hex('inclusion 2')];
    expect(await verifyInclusion(hex('hash 2'), 1, 4, proof, checkpoint.entries)).toBe(true);
    expect(await verifyInclusion(hex('hash 3'), 1, 4, proof, checkpoint.entries)).toBe(false);
  });

  test('ends in the state that the page describes', async () => {
    const state = stateAt(count);
    expect([stateAt(8).rotationDue, stateAt(9).rotationDue, state.rotationDue]).toEqual([true, false, false]);
    expect([state.roster.count, state.epoch, state.closed]).toEqual([9, 5, true]);
    expect([...state.members.values()].map(({ role }) => role)).toEqual(['admin', 'recovery']);
    expect([...state.usedIds].sort()).toEqual(ids('A', 'B', 'C', 'R', 'S', 'T').sort());
    expect([state.checkpoint?.seq, state.acknowledged?.seq]).toEqual([5, 5]);
    const heads = state.records.values().map(({ type, id, version }) => [type, id, version]);
    expect(heads.toSorted()).toEqual([
      ['memory', 'note-1', 3],
      ['todo', 'item-1', 1],
    ]);
    const end = await createCheckpoint(state);
    expect([toHex(end.entries), toHex(end.records)]).toEqual([text('final entries'), text('final records')]);
  });

  test('is not continued by the entries that the page names', async () => {
    const stops = async (seq: number, signed: Uint8Array) => summary(await applyEntry(stateAt(seq), signed));
    expect(await stops(12, signedEntry(14))).toBe('stop bad_sequence');
    expect(await stops(12, signedEntry(13, 14))).toBe('stop bad_signature');
    const next = { ...entryAt(15), seq: 17, prev: stateAt(count).head.hash };
    expect(await stops(count, encodeFieldBytes(encodeEntry(next), hex('signature 15')))).toBe('stop closed');
  });

  test('has every body of a roster entry as this project encodes it', async () => {
    const entries = Array.from({ length: count }, (_, at) => entryAt(at + 1));
    const roster = entries.flatMap(({ kind, body }) => (isRosterKind(kind) ? [{ kind, body }] : []));
    expect(roster).toHaveLength(9);
    for (const { kind, body } of roster)
      expect(encodeRosterBody((await parseRosterBody(kind, body)) ?? expect.fail())).toEqual(body);
  });

  test('every example of these sections is read by a test', () => {
    expect(unreadExamples((section) => section === 9 || section >= 13)).toEqual([]);
  });
});
