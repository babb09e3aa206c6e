/** Which entries of a valid signer have no effect, and that all readers go on after them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { zeroHash } from '../../../core/devices/chain-entry.ts';
import { type DeviceKeys, generateDeviceKeys } from '../../../core/devices/device-keys.ts';
import { deriveEpochKey, newUmk } from '../../../core/devices/epoch-keys.ts';
import { encodeChanges, openChange, sealChange } from '../../../core/devices/record-changes.ts';
import { encodeRosterBody, type RosterBody } from '../../../core/devices/roster-body.ts';
import { concatBytes, encodeFieldBytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { accepted, memberOf, summary, VaultSimulator } from './vault-simulator.ts';

let vault: VaultSimulator;
let admin: DeviceKeys;
let data: DeviceKeys;
beforeEach(async () => {
  vault = new VaultSimulator();
  admin = await vault.begin();
  data = await vault.add(admin, 'data');
});

const pairing = { pairing: 'pa01pa01pa01pa01', transcript: zeroHash };
const addDraft = async () => ({
  kind: 'add' as const,
  member: memberOf(await generateDeviceKeys(false), 'data'),
  ...pairing,
});

/** Writes a roster body as it is. */
const writeBody = (signer: DeviceKeys, body: RosterBody) =>
  vault.write(signer, vault.draft(signer, body.kind, encodeRosterBody(body)));
const common = () => ({ prevRoster: vault.state.roster.hash, wraps: zeroHash, commitment: vault.key.commitment });

/** Expects that the entry is void: the head moves, the roster, the epoch and the records do not. */
async function expectVoid(outcome: ReturnType<VaultSimulator['write']>, reason: string): Promise<void> {
  const before = vault.state;
  expect(summary(await outcome)).toBe(`void ${reason}`);
  const { head, roster, epoch, usedIds, records, recoveryBox, closed, rotationDue } = vault.state;
  expect(head.seq).toBe(before.head.seq + 1);
  expect({ roster, epoch, usedIds, records, recoveryBox, closed, rotationDue }).toEqual({
    roster: before.roster,
    epoch: before.epoch,
    usedIds: before.usedIds,
    records: before.records,
    recoveryBox: before.recoveryBox,
    closed: before.closed,
    rotationDue: before.rotationDue,
  });
  expect([...vault.state.members.keys()]).toEqual([...before.members.keys()]);
  accepted(await vault.put(admin, 'after', 'the vault goes on'));
}

describe('roles', () => {
  test('a data member signs no roster entry but its own leaving', async () => {
    for (const kind of ['remove', 'rotate', 'close', 'add', 'recovery'] as const) {
      const draft = {
        remove: { kind: 'remove' as const, device: admin.id },
        rotate: { kind: 'rotate' as const },
        close: { kind: 'close' as const },
        add: await addDraft(),
        recovery: {
          kind: 'recovery' as const,
          recovery: memberOf(await generateDeviceKeys(false), 'recovery'),
          box: zeroHash,
        },
      }[kind];
      await expectVoid(vault.writeRoster(data, draft), 'forbidden');
    }
    accepted(await vault.writeRoster(data, { kind: 'leave' }));
  });

  test('the recovery member signs `recover` only, and nobody else does', async () => {
    const recovery = await vault.recovery(admin);
    const body = encodeChanges([await vault.change(recovery, 'memory', 'x', 'text')]);
    await expectVoid(vault.write(recovery, vault.draft(recovery, 'records', body)), 'forbidden');
    await expectVoid(vault.write(recovery, vault.draft(recovery, 'heartbeat', new Uint8Array(0))), 'forbidden');
    await expectVoid(vault.checkpoint(recovery), 'forbidden');
    for (const draft of [{ kind: 'leave' }, { kind: 'rotate' }, { kind: 'close' }, await addDraft()] as const) {
      await expectVoid(vault.writeRoster(recovery, draft), 'forbidden');
    }
    const members = {
      member: memberOf(await generateDeviceKeys(false), 'admin'),
      recovery: memberOf(await generateDeviceKeys(false), 'recovery'),
    };
    await expectVoid(vault.writeRoster(admin, { kind: 'recover', ...members, box: zeroHash }), 'forbidden');
    accepted(await vault.writeRoster(recovery, { kind: 'recover', ...members, box: zeroHash }));
    expect([...vault.state.members.keys()]).toEqual([members.member.id, members.recovery.id]);
  });

  test('a body gives no member a role that its kind of entry cannot give', async () => {
    const member = memberOf(await generateDeviceKeys(false), 'recovery');
    await expectVoid(writeBody(admin, { kind: 'add', ...common(), member, ...pairing }), 'malformed_body');
    const wrong = memberOf(await generateDeviceKeys(false), 'admin');
    await expectVoid(
      writeBody(admin, { kind: 'recovery', ...common(), recovery: wrong, box: zeroHash }),
      'malformed_body',
    );
  });

  test('one admin always stays', async () => {
    await expectVoid(vault.writeRoster(admin, { kind: 'leave' }), 'last_admin');
    await expectVoid(vault.writeRoster(admin, { kind: 'remove', device: admin.id }), 'own_device');
    const second = await vault.add(admin, 'admin');
    accepted(await vault.writeRoster(second, { kind: 'leave' }));
    accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    await expectVoid(vault.writeRoster(admin, { kind: 'leave' }), 'last_admin');
  });
});

describe('members', () => {
  test('an unknown device is not removed, and a second genesis has no effect', async () => {
    await expectVoid(vault.writeRoster(admin, { kind: 'remove', device: '0'.repeat(32) }), 'unknown_device');
    await expectVoid(
      vault.writeRoster(admin, { kind: 'genesis', member: memberOf(admin, 'admin') }),
      'misplaced_genesis',
    );
  });

  test('an id is never used again, neither by a member nor by a former one', async () => {
    await vault.remove(admin, data);
    for (const keys of [data, admin]) {
      const member = memberOf(keys, 'data');
      await expectVoid(vault.writeRoster(admin, { kind: 'add', member, ...pairing }), 'device_reused');
      const recovery = memberOf(keys, 'recovery');
      await expectVoid(vault.writeRoster(admin, { kind: 'recovery', recovery, box: zeroHash }), 'device_reused');
    }
    const recovery = await vault.recovery(admin);
    const fresh = await generateDeviceKeys(false);
    for (const [one, two] of [
      [fresh, fresh],
      [data, fresh],
      [fresh, data],
    ] as const) {
      const members = { member: memberOf(one, 'admin'), recovery: memberOf(two, 'recovery') };
      await expectVoid(vault.writeRoster(recovery, { kind: 'recover', ...members, box: zeroHash }), 'device_reused');
    }
  });

  test('a member whose keys are equal or off the curve, or whose label has another length, is refused', async () => {
    const keys = await generateDeviceKeys(false);
    const member = memberOf(keys, 'data');
    const offCurve = concatBytes(member.ecdh.subarray(0, 64), Uint8Array.of((member.ecdh[64] ?? 0) ^ 1));
    for (const bad of [
      { ...member, ecdh: member.ecdsa },
      { ...member, ecdh: offCurve },
      { ...member, ecdsa: offCurve },
      { ...member, label: new Uint8Array(27) },
      { ...member, label: new Uint8Array(285) },
    ]) {
      await expectVoid(writeBody(admin, { kind: 'add', ...common(), member: bad, ...pairing }), 'malformed_body');
    }
    const largest = { ...member, label: new Uint8Array(284) };
    accepted(await writeBody(admin, { kind: 'add', ...common(), member: largest, ...pairing }));
  });

  test('there are at most 32, with the recovery member', async () => {
    for (let n = 2; n < 31; n++) await vault.add(admin, 'data');
    await vault.recovery(admin);
    expect(vault.state.members.size).toBe(32);
    await expectVoid(vault.writeRoster(admin, await addDraft()), 'too_many_members');
    await vault.recovery(admin);
    await vault.remove(admin, data);
    await vault.add(admin, 'data');
    const last = [...vault.state.members.values()].find(({ role }) => role === 'recovery') ?? expect.fail();
    accepted(await vault.writeRoster(admin, { kind: 'remove', device: last.id }));
    expect(vault.state.recoveryBox).toBeUndefined();
    await vault.add(admin, 'data');
    const recovery = memberOf(await generateDeviceKeys(false), 'recovery');
    await expectVoid(vault.writeRoster(admin, { kind: 'recovery', recovery, box: zeroHash }), 'too_many_members');
  });

  test('a new recovery member replaces the one before', async () => {
    const [one, two] = [await vault.recovery(admin), await vault.recovery(admin)];
    expect(vault.state.members.has(one.id)).toBe(false);
    expect(vault.state.members.get(two.id)?.role).toBe('recovery');
  });
});

describe('order and epochs', () => {
  test('the hash of the roster entry before is required', async () => {
    const member = memberOf(await generateDeviceKeys(false), 'data');
    const body = { kind: 'add' as const, ...common(), prevRoster: vault.state.genesis, member, ...pairing };
    await expectVoid(writeBody(admin, body), 'bad_previous_roster');
  });

  test('`add` repeats the commitment of the current epoch', async () => {
    const member = memberOf(await generateDeviceKeys(false), 'data');
    await expectVoid(
      writeBody(admin, { kind: 'add', ...common(), commitment: zeroHash, member, ...pairing }),
      'bad_commitment',
    );
  });

  test('after a leaving, nothing that uses the epoch is accepted until it has risen', async () => {
    const second = await vault.add(admin, 'admin');
    accepted(await vault.writeRoster(data, { kind: 'leave' }));
    expect(vault.state.rotationDue).toBe(true);
    const { epoch } = vault.state;
    expect(summary(await vault.put(admin, 'x', 'text'))).toBe('stop rotation_due');
    expect(summary(await vault.writeRoster(admin, await addDraft()))).toBe('stop rotation_due');
    accepted(await vault.write(second, vault.draft(second, 'heartbeat', new Uint8Array(0))));
    accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    expect(vault.state).toMatchObject({ epoch: epoch + 1, rotationDue: false });
    accepted(await vault.put(admin, 'x', 'text'));
  });

  test('the last 64 of 1,024 roster entries are for removals and recoveries', async () => {
    const at = (count: number) => {
      vault.state = { ...vault.state, roster: { ...vault.state.roster, count } };
    };
    at(959);
    accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    expect(vault.state.roster.count).toBe(960);
    await expectVoid(vault.writeRoster(admin, { kind: 'rotate' }), 'roster_full');
    await expectVoid(vault.writeRoster(admin, await addDraft()), 'roster_full');
    accepted(await vault.writeRoster(data, { kind: 'leave' }));
    accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    at(957);
    const other = await vault.add(admin, 'data');
    const last = await vault.add(admin, 'data');
    at(1023);
    await vault.remove(admin, other);
    await expectVoid(vault.writeRoster(admin, { kind: 'remove', device: last.id }), 'roster_full');
    accepted(await vault.writeRoster(admin, { kind: 'close' }));
  });
});

describe('changes of records', () => {
  test('each change is void or takes effect by itself', async () => {
    const one = await vault.change(data, 'memory', 'a', '1');
    const bad = [
      { change: { ...one, type: 'template' }, reason: 'unknown_type' },
      { change: { ...one, id: 'a:b' }, reason: 'bad_record_id' },
      { change: { ...one, id: '' }, reason: 'bad_record_id' },
      { change: { ...one, id: 'a'.repeat(65) }, reason: 'bad_record_id' },
      { change: { ...one, version: 2 }, reason: 'bad_version' },
      { change: { ...one, version: 0 }, reason: 'bad_version' },
      { change: { ...one, parent: new Uint8Array(32).fill(1) }, reason: 'bad_parent' },
      { change: { ...one, parent: new Uint8Array(31) }, reason: 'malformed_body' },
      { change: { ...one, dek: one.dek.subarray(1) }, reason: 'malformed_body' },
      { change: { ...one, box: one.box.subarray(0, 27) }, reason: 'malformed_body' },
    ];
    const outcome = await vault.writeRecords(data, [...bad.map(({ change }) => change), one, one]);
    if (outcome.result !== 'accept') expect.fail(summary(outcome));
    expect(outcome.changes.map(({ change }) => change)).toEqual([one]);
    expect(outcome.voided).toEqual([
      ...bad.map(({ reason }, index) => ({ index, reason })),
      { index: bad.length + 1, reason: 'bad_version' },
    ]);
    expect(vault.state.records.size).toBe(1);
  });

  test('the versions of a record count from 1, and each names the change before', async () => {
    for (const text of ['1', '2', '3']) accepted(await vault.put(data, 'a', text));
    expect(vault.state.records.get('memory:a')).toMatchObject({ version: 3 });
    const stale = await vault.change(data, 'memory', 'a', '4');
    accepted(await vault.put(admin, 'a', 'other 4'));
    const outcome = await vault.writeRecords(data, [stale]);
    expect(outcome).toMatchObject({ result: 'accept', changes: [], voided: [{ index: 0, reason: 'bad_version' }] });
  });

  test('an entry without changes, or with more than 100, has no effect', async () => {
    await expectVoid(vault.writeRecords(data, []), 'malformed_body');
    await expectVoid(vault.write(data, vault.draft(data, 'records', Uint8Array.of(1, 2))), 'malformed_body');
    const changes = await Promise.all(
      Array.from({ length: 101 }, (_, n) => vault.change(data, 'todo', `t${n}`, 'text')),
    );
    await expectVoid(vault.writeRecords(data, changes), 'too_many_changes');
    expect(accepted(await vault.writeRecords(data, changes.slice(0, 100))).changes).toHaveLength(100);
  });

  test('content opens only as what the chain says: version, parent, writer and Lamport time', async () => {
    const change = await vault.change(data, 'memory', 'a', 'text');
    const entry = { seq: vault.state.head.seq + 1, signer: data.id };
    expect(Buffer.from((await openChange(vault.key, change, entry)).body).toString()).toBe('text');
    const failure = (promise: Promise<unknown>) => expect(promise).rejects.toThrow(DecryptionError);
    await failure(openChange(vault.key, { ...change, version: 2 }, entry));
    await failure(openChange(vault.key, { ...change, parent: new Uint8Array(32).fill(1) }, entry));
    await failure(openChange(vault.key, { ...change, id: 'b' }, entry));
    await failure(openChange(vault.key, { ...change, type: 'todo' }, entry));
    await failure(openChange(vault.key, change, { ...entry, signer: admin.id }));
    await failure(openChange(await deriveEpochKey(vault.state.scope, 1, newUmk()), change, entry));
    const content = {
      version: 1,
      parent: zeroHash,
      device: data.id,
      live: false,
      mediaType: '',
      body: new Uint8Array(0),
    };
    const record = { type: 'memory', id: 'a' };
    const atBound = await sealChange(vault.key, record, { ...content, lamport: 100 * entry.seq });
    expect((await openChange(vault.key, atBound, entry)).live).toBe(false);
    const above = await sealChange(vault.key, record, { ...content, lamport: 100 * entry.seq + 1 });
    await failure(openChange(vault.key, above, entry));
  });

  test('the body of a heartbeat is empty', async () => {
    await expectVoid(vault.write(data, vault.draft(data, 'heartbeat', utf8Bytes('x'))), 'malformed_body');
    const before = vault.state.members.get(data.id)?.lastSeq;
    accepted(await vault.write(data, vault.draft(data, 'heartbeat', encodeFieldBytes())));
    expect(vault.state.members.get(data.id)?.lastSeq).toBe(vault.state.head.seq);
    expect(before).toBeLessThan(vault.state.head.seq);
  });
});
