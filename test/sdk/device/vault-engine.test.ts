/** The engine against the fake service: several devices, restarts, lost answers, keys of epochs. */
import { beforeEach, expect, test, vi } from 'vitest';
import { entryHash, parseSignedEntry, signEntry } from '../../../core/devices/chain-entry.ts';
import { createKeyWraps, encodeKeyWraps, keyWrapsHash, readKeyWraps } from '../../../core/devices/key-wraps.ts';
import { encodeRosterBody } from '../../../core/devices/roster-body.ts';
import { draftEntry, draftRoster, nextEpochKey } from '../../../core/devices/write-entry.ts';
import { newEngine, openEngine } from '../../../sdk/src/device/open-vault.ts';
import { json, problem, rejectionOf } from '../fake-fetch.ts';
import {
  addDevice,
  deviceAt,
  FakeDeviceService,
  memberOf,
  pairing,
  recordDraft,
  reopened,
  rosterDraft,
  servedBy,
  settingsOf,
  textAt,
  vaultAt,
} from './engine-fixtures.ts';

let service: FakeDeviceService;
beforeEach(() => {
  service = new FakeDeviceService();
});

test('a new vault has its device as the only member, and opens again', async () => {
  const { context, engine, settings } = await vaultAt(service);
  expect(engine.view.state.head.seq).toBe(1);
  expect([...engine.view.state.members.keys()]).toEqual([engine.keys.id]);
  await engine.append(recordDraft(engine.keys, 'a', 'one'), settings);
  const again = await reopened(context, engine);
  expect(again.keys.id).toBe(engine.keys.id);
  expect(again.view.state.head).toEqual({ ...servedBy(service, engine).state.head });
  expect(await textAt(again, 'a')).toBe('one');
  await again.append(recordDraft(engine.keys, 'a', 'two'), settings);
  expect(await textAt(again, 'a')).toBe('two');
});

test('a vault whose first answer was lost is the same vault after a restart', async () => {
  const context = deviceAt(service);
  const { createVault } = await import('../../../sdk/src/device/open-vault.ts');
  service.after = () => {
    throw new Error('lost');
  };
  expect(await rejectionOf(createVault(context, undefined, settingsOf(context)))).toMatchObject({
    code: 'connection_failed',
  });
  service.after = undefined;
  const [vault = ''] = service.vaults.keys();
  const engine = await openEngine(context, vault);
  expect(engine.view.state.head.seq).toBe(0);
  await engine.pull(settingsOf(context));
  expect(engine.view.state.head.seq).toBe(1);
  await engine.append(recordDraft(engine.keys, 'a', 'one'), settingsOf(context));
  expect(await textAt(engine, 'a')).toBe('one');
});

test('two devices read what the other one wrote, and a third one all history of all epochs', async () => {
  const { engine: first, settings } = await vaultAt(service);
  await first.append(recordDraft(first.keys, 'a', 'epoch 1'), settings);
  const { engine: second } = await addDevice(service, first);
  expect(await textAt(second, 'a')).toBe('epoch 1');
  await second.append(rosterDraft({ kind: 'rotate' }), settings);
  await second.append(recordDraft(second.keys, 'b', 'epoch 2'), settings);
  await second.append(rosterDraft({ kind: 'rotate' }), settings);
  await second.append(recordDraft(second.keys, 'c', 'epoch 3'), settings);
  const notices = await first.pull(settings);
  expect(notices.map(({ kind, seq }) => [kind, seq])).toEqual([
    ['roster_changed', 4],
    ['roster_changed', 6],
  ]);
  const { engine: third, context } = await addDevice(service, first, 'data');
  const again = await reopened(context, third);
  for (const engine of [first, again])
    expect([await textAt(engine, 'a'), await textAt(engine, 'b'), await textAt(engine, 'c')]).toEqual([
      'epoch 1',
      'epoch 2',
      'epoch 3',
    ]);
});

test('the log is read in pages, and a device that joins late opens records of earlier pages', async () => {
  service.pageSize = 2;
  const { engine: first, settings } = await vaultAt(service);
  for (const text of ['1', '2', '3', '4']) await first.append(recordDraft(first.keys, 'a', text), settings);
  const { engine: second, context } = await addDevice(service, first);
  expect(second.view.state.head).toEqual(first.view.state.head);
  expect(await textAt(second, 'a')).toBe('4');
  expect(await textAt(await reopened(context, second), 'a')).toBe('4');
  const seen: unknown[] = [];
  for (const text of ['5', '6', '7']) await first.append(recordDraft(first.keys, 'a', text), settings);
  const third = await addDevice(service, first);
  await third.engine.pull(settings, (progress) => seen.push(progress));
  expect(seen).toEqual([{ verified: 10, announced: 10 }]);
});

test('a removed device opens nothing that is written later, and no request of it is answered', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  await first.append(rosterDraft({ kind: 'remove', device: second.keys.id }), settings);
  await first.append(recordDraft(first.keys, 'a', 'later'), settings);
  expect(await rejectionOf(second.pull(settings))).toMatchObject({ code: 'device_refused' });
  // Also with the log in its hands.
  const stolen = servedBy(service, first);
  stolen.state = { ...stolen.state, members: second.view.state.members };
  await second.pull(settings);
  expect(second.view.state.head).toEqual(first.view.state.head);
  expect(second.view.key(2)).toBeUndefined();
  expect(await textAt(second, 'a')).toBeUndefined();
  expect(await rejectionOf(second.append(recordDraft(second.keys, 'b', 'x'), settings))).toMatchObject({
    code: 'not_a_member',
  });
});

test('after a race, the loser reads the entry of the winner and appends after it', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  const texts = ['1', '2', '3', '4'];
  await Promise.all([
    ...texts.map((text) => first.append(recordDraft(first.keys, `a${text}`, text), settings)),
    ...texts.map((text) => second.append(recordDraft(second.keys, `b${text}`, text), settings)),
  ]);
  await Promise.all([first.pull(settings), second.pull(settings)]);
  expect(first.view.state.head).toEqual(second.view.state.head);
  expect(first.view.state.head.seq).toBe(10);
  for (const text of texts)
    expect([await textAt(second, `a${text}`), await textAt(first, `b${text}`)]).toEqual([text, text]);
});

test('records of a race are sealed again when the winner raised the epoch', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  await first.append(rosterDraft({ kind: 'rotate' }), settings);
  await second.append(recordDraft(second.keys, 'a', 'text'), settings);
  expect(second.view.state.records.get('memory:a')?.epoch).toBe(2);
});

test('an entry whose answer was lost is found in the log', async () => {
  const { context, engine, settings } = await vaultAt(service);
  service.after = (request, response) => {
    if (request.method === 'POST') throw new Error('lost');
    return response;
  };
  const { seq } = await engine.append(recordDraft(engine.keys, 'a', 'one'), settings);
  expect(seq).toBe(2);
  // Also if the device is off before it can look.
  service.before = ({ method }) => {
    if (method === 'GET') throw new Error('offline');
    return undefined;
  };
  expect(await rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'two'), settings))).toMatchObject({
    code: 'connection_failed',
  });
  service.after = undefined;
  service.before = undefined;
  expect(await textAt(engine, 'a')).toBe('one');
  const again = await reopened(context, engine);
  await again.append(recordDraft(engine.keys, 'b', 'three'), settings);
  expect(await textAt(again, 'a')).toBe('two');
  expect(servedBy(service, engine).log).toHaveLength(4);
});

test('an entry that was never stored is not sent again by itself', async () => {
  const { context, engine, settings } = await vaultAt(service);
  service.before = () => {
    throw new Error('offline');
  };
  expect(await rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'lost'), settings))).toMatchObject({
    code: 'connection_failed',
  });
  service.before = undefined;
  const again = await reopened(context, engine);
  await again.append(recordDraft(engine.keys, 'b', 'kept'), settings);
  expect([await textAt(again, 'a'), await textAt(again, 'b')]).toEqual([undefined, 'kept']);
});

test('an append gives up after eight conflicts', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  const { engine, settings } = await vaultAt(service);
  service.before = ({ method }) => (method === 'POST' ? problem('log_conflict') : undefined);
  const error = rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'x'), settings));
  expect(await error).toMatchObject({ code: 'too_many_conflicts' });
  expect(service.seen.filter((line) => line.startsWith('POST') && line.endsWith('/log'))).toHaveLength(8);
  random.mockRestore();
});

test('an entry without effect is not sent', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: agent } = await addDevice(service, first, 'data');
  const sent = service.seen.length;
  const rotate = agent.append(rosterDraft({ kind: 'rotate' }), settings);
  expect(await rejectionOf(rotate)).toMatchObject({ code: 'change_refused', reason: 'forbidden' });
  await first.pull(settings);
  expect(service.seen).toHaveLength(sent + 1);
});

test('while a rotation is due, no record is sent', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: agent } = await addDevice(service, first, 'data');
  await agent.append(rosterDraft({ kind: 'leave' }), settings);
  await first.pull(settings);
  const put = () => first.append(recordDraft(first.keys, 'a', 'x'), settings);
  expect(await rejectionOf(put())).toMatchObject({ code: 'rotation_due' });
  await first.append(rosterDraft({ kind: 'rotate' }), settings);
  await put();
  await first.append(rosterDraft({ kind: 'close' }), settings);
  expect(await rejectionOf(put())).toMatchObject({ code: 'vault_closed' });
});

test('a void entry and void content are reported, and the version before stays', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  await first.append(recordDraft(first.keys, 'a', 'good'), settings);
  const served = servedBy(service, first);
  const { applyEntry } = await import('../../../core/devices/apply-entry.ts');
  const append = async (kind: 'heartbeat' | 'records', body: Uint8Array<ArrayBuffer>) => {
    const entry = draftEntry(served.state, first.keys.id, kind, body, '2026-11-29T00:00:00.000Z');
    const signed = await signEntry(entry, first.keys.ecdsa.privateKey);
    const outcome = await applyEntry(served.state, signed);
    if (outcome.result === 'stop') expect.fail(outcome.reason);
    served.log.push({ entry: signed });
    served.state = outcome.state;
  };
  await append('heartbeat', new Uint8Array(1));
  await second.pull(settings);
  // The content names another device than the signer.
  const { body } = await recordDraft(second.keys, 'a', 'forged')(second.view);
  await append('records', body);
  await append('records', (await recordDraft(first.keys, 'b', 'x')(second.view)).body.slice(0, -1));
  const notices = await second.pull(settings);
  expect(notices.map(({ kind }) => kind)).toEqual(['content_void', 'entry_void']);
  expect(await textAt(second, 'a')).toBe('good');
  await second.append(recordDraft(second.keys, 'a', 'next'), settings);
  expect(await textAt(second, 'a')).toBe('next');
  expect(second.view.state.records.get('memory:a')?.version).toBe(3);
});

test('a device without wraps has no key, says so, and opens everything when the wraps are there', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second, context } = await addDevice(service, first);
  await first.append(rosterDraft({ kind: 'rotate' }), settings);
  await first.append(recordDraft(first.keys, 'a', 'text'), settings);
  const rotation = servedBy(service, first).log[2] ?? expect.fail();
  const { wraps } = rotation;
  rotation.wraps = undefined;
  expect((await second.pull(settings)).map(({ kind }) => kind)).toContain('no_key');
  expect(await textAt(second, 'a')).toBeUndefined();
  expect(await rejectionOf(second.append(recordDraft(second.keys, 'b', 'x'), settings))).toMatchObject({
    code: 'no_key',
  });
  const again = await reopened(context, second);
  rotation.wraps = new Uint8Array(wraps ?? expect.fail()).fill(7, 40);
  await again.pull(settings);
  expect(await textAt(again, 'a')).toBeUndefined();
  rotation.wraps = wraps;
  await again.pull(settings);
  expect(await textAt(again, 'a')).toBe('text');
});

test('an epoch without the key of the one before is reported by members and by later ones, which read what they can', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  await first.append(recordDraft(first.keys, 'a', 'epoch 1'), settings);
  await first.append(async ({ state }) => {
    const key = await nextEpochKey(state);
    return { kind: 'rotate', key, ...(await draftRoster(state, { kind: 'rotate' }, key, undefined)) };
  }, settings);
  await first.append(recordDraft(first.keys, 'b', 'epoch 2'), settings);
  expect((await second.pull(settings)).map(({ kind, seq }) => [kind, seq])).toEqual([
    ['roster_changed', 4],
    ['history_missing', 4],
  ]);
  expect(await textAt(second, 'a')).toBe('epoch 1');
  const third = await newEngine(deviceAt(service), first.scope.vault);
  const change = { kind: 'add', member: memberOf(third.keys, 'data'), ...pairing() } as const;
  await first.append(rosterDraft(change), settings);
  expect((await third.pull(settings)).map(({ kind }) => kind)).toContain('history_missing');
  expect([await textAt(third, 'a'), await textAt(third, 'b')]).toEqual([undefined, 'epoch 2']);
  expect((await third.records.get({ type: 'memory', id: 'a' }))?.isUndecided).toBe(true);
  expect((await third.pull(settings)).map(({ kind }) => kind)).toEqual([]);
});

test('a history box is used only from the right wraps of the right entry, and also ends a missing key', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  const { scope } = first;
  const hashed = async (wraps: Uint8Array<ArrayBuffer>) => ({ wraps: await keyWrapsHash(wraps) });
  // These wraps name another epoch than their entry begins. Their history box itself would open.
  await first.append(async (view) => {
    const key = await nextEpochKey(view.state);
    const good = await createKeyWraps(key, [...view.state.members.values()], view.key(1));
    const parsed = await readKeyWraps(scope, good, await keyWrapsHash(good));
    const wraps = encodeKeyWraps({ ...parsed, epoch: 3 });
    const common = { prevRoster: view.state.roster.hash, commitment: key.commitment, ...(await hashed(wraps)) };
    return { kind: 'rotate', key, wraps, body: encodeRosterBody({ kind: 'rotate', ...common }) };
  }, settings);
  expect((await second.pull(settings)).map(({ kind }) => kind)).toContain('no_key');
  // The wraps of this entry `add` have a history box that opens. It is ignored.
  const third = await newEngine(deviceAt(service), scope.vault);
  await first.append(async (view) => {
    const member = memberOf(third.keys, 'data');
    const wraps = await createKeyWraps(view.currentKey(), [member], view.key(1));
    const { commitment } = view.currentKey();
    const common = { prevRoster: view.state.roster.hash, commitment, ...(await hashed(wraps)) };
    return { kind: 'add', wraps, body: encodeRosterBody({ kind: 'add', ...common, member, ...pairing() }) };
  }, settings);
  expect((await third.pull(settings)).map(({ kind }) => kind)).toContain('history_missing');
  expect([1, 2].map((epoch) => third.view.key(epoch) !== undefined)).toEqual([false, true]);
  await first.append(rosterDraft({ kind: 'rotate' }), settings);
  await second.pull(settings);
  expect([1, 2, 3].map((epoch) => second.view.key(epoch) !== undefined)).toEqual([true, true, true]);
});

test('content that turns out to be void when the key arrives is reported, and the version before stays', async () => {
  const { engine: first, settings } = await vaultAt(service);
  const { engine: second } = await addDevice(service, first);
  await first.append(recordDraft(first.keys, 'a', 'good'), settings);
  await second.pull(settings);
  await first.append(rosterDraft({ kind: 'rotate' }), settings);
  // The content names another device than the signer.
  await first.append(recordDraft(second.keys, 'a', 'forged'), settings);
  await first.append(recordDraft(second.keys, 'b', 'forged'), settings);
  const rotation = servedBy(service, first).log[3] ?? expect.fail();
  const { wraps } = rotation;
  rotation.wraps = undefined;
  await second.pull(settings);
  expect((await second.records.get({ type: 'memory', id: 'a' }))?.isUndecided).toBe(true);
  rotation.wraps = wraps;
  expect((await second.pull(settings)).map(({ kind, seq }) => [kind, seq])).toEqual([
    ['content_void', 5],
    ['content_void', 6],
  ]);
  expect([await textAt(second, 'a'), await textAt(second, 'b')]).toEqual(['good', undefined]);
  expect(second.records.hasUndecided).toBe(false);
});

test('a requested deletion is reported with every reading', async () => {
  const { engine, settings } = await vaultAt(service);
  for (const [given, told] of [
    ['2026-12-06T00:00:00.000Z', 'deletable at 2026-12-06T00:00:00.000Z'],
    ['<script>', 'deletable at an unknown time'],
  ]) {
    service.after = async (_, response) => json({ ...(await response.json()), deletableAt: given });
    expect(await engine.pull(settings)).toEqual([{ seq: 1, kind: 'deletion_requested', detail: told }]);
  }
});

test('a log that does not continue is reported even if the answer to an entry was lost', async () => {
  const { engine, settings } = await vaultAt(service);
  service.after = ({ method }, response) => {
    if (method === 'POST') throw new Error('lost');
    return response;
  };
  service.before = ({ method }) => (method === 'GET' ? json({ entries: [], head: 0, more: false }) : undefined);
  const error = await rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'x'), settings));
  expect(error).toMatchObject({ code: 'bad_envelope', reason: 'older_log', detail: 'entry 0' });
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name: 'DeviceVaultError', code: 'bad_envelope' });
});

test('signed entries are kept', async () => {
  const { engine, settings } = await vaultAt(service);
  const { seq, hash } = await engine.append(recordDraft(engine.keys, 'a', 'x'), settings);
  const entry = parseSignedEntry((await engine.entry(seq)) ?? expect.fail());
  if (typeof entry === 'string') expect.fail(entry);
  expect(await entryHash(entry.unsigned)).toEqual(hash);
  expect(await engine.entry(3)).toBeUndefined();
});

test('a wrong clock is corrected once by the time of the service', async () => {
  const { engine, settings } = await vaultAt(service);
  service.clockOffset = 3_600_000;
  await engine.append(recordDraft(engine.keys, 'a', 'x'), settings);
  const sent = service.seen.length;
  await engine.pull(settings);
  expect(service.seen).toHaveLength(sent + 1);
  service.before = () => problem('request_expired', {}, { date: new Date(0).toUTCString() });
  expect(await rejectionOf(engine.pull(settings))).toMatchObject({ code: 'request_expired' });
  expect(service.seen).toHaveLength(sent + 3);
});

test('a vault is open once, and another device has no copy of it', async () => {
  const { context, engine, vault } = await vaultAt(service);
  expect(await rejectionOf(openEngine(context, vault))).toMatchObject({ code: 'vault_in_use' });
  expect(await rejectionOf(openEngine(deviceAt(service), vault))).toMatchObject({ code: 'vault_unknown' });
  await engine.close();
  expect(await rejectionOf(engine.pull(settingsOf(context)))).toMatchObject({ code: 'not_open' });
  const again = await openEngine(context, vault);
  expect(again.view.state.head.seq).toBe(1);
});
