/**
 * A hostile service against real devices: the log and requests. Numbers and titles are the rows of the threat model of
 * device vaults. The other rows are in hostile-records, hostile-pairing and hostile-recovery.
 */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../core/devices/apply-content.ts';
import { signEntry, zeroHash } from '../../core/devices/chain-entry.ts';
import { recordsRoot } from '../../core/devices/chain-state.ts';
import { generateDeviceKeys } from '../../core/devices/device-keys.ts';
import { deriveEpochKey, newUmk } from '../../core/devices/epoch-keys.ts';
import { draftEntry, draftRoster } from '../../core/devices/write-entry.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { groupOrder } from '../core/devices/p256-order.ts';
import { memberOf } from '../core/devices/vault-simulator.ts';
import { rejectionOf } from '../sdk/fake-fetch.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { stops } from './hostile-entries.ts';
import { type AttackedDevice, anotherDevice, answer, firstDevice, withEntry, withOneMore } from './hostile-proxy.ts';
import { createUser } from './signed-device-requests.ts';

const stack = useLocalStack();
/** Writes what the other one reads over the proxy. */
let writer: AttackedDevice;
let reader: AttackedDevice;

beforeAll(async () => {
  writer = await firstDevice(stack, await createUser(stack));
  reader = await anotherDevice(writer);
});

beforeEach(() => {
  reader.alter = undefined;
});

const put = (device: AttackedDevice, id: string, text: string) => device.vault.records('memory').put({ text }, { id });

/** Two entries that the reader has not read yet. */
async function news(): Promise<void> {
  await reader.vault.sync();
  await put(writer, 'a', crypto.randomUUID());
  await put(writer, 'b', crypto.randomUUID());
}

test('3: an extra device in the list', async () => {
  const { vault } = reader.vault.scope;
  await reader.vault.sync();
  const devices = await reader.vault.devices();
  // The list of vaults is the word of the service, which says so.
  reader.alter = async (_, forward) =>
    answer({ vaults: (await (await forward()).json()).vaults.map((one: object) => ({ ...one, devices: 9 })) });
  expect((await reader.vaults.list()).find((one) => one.vault === vault)?.devices).toBe(9);
  expect(await reader.vault.devices()).toEqual(devices);
  const extra = await generateDeviceKeys(false);
  const { state, currentKey } = writer.vault.engine.view;
  const add = {
    kind: 'add',
    member: memberOf(extra, 'admin'),
    pairing: 'pa01pa01pa01pa01',
    transcript: zeroHash,
  } as const;
  const { body } = await draftRoster(state, add, currentKey(), undefined);
  // By the device itself, and in the name of an admin.
  const forged = draftEntry(state, extra.id, 'add', body, '2026-11-29T00:00:00.000Z');
  const bySelf = await signEntry(forged, extra.ecdsa.privateKey);
  const byAdmin = await signEntry({ ...forged, signer: writer.keys.id }, extra.ecdsa.privateKey);
  await reader.stopsAt((page) => withOneMore(page, bySelf), stops('not_a_member'));
  await reader.stopsAt((page) => withOneMore(page, byAdmin), stops('bad_signature'));
  expect(await reader.vault.devices()).toEqual(devices);
});

test('8: entries dropped or reordered; an entry of a removed device under an old head', async () => {
  await news();
  await reader.stopsAt((page) => ({ ...page, entries: page.entries.slice(1) }), stops('bad_sequence'));
  await news();
  await reader.stopsAt((page) => ({ ...page, entries: page.entries.toReversed() }), stops('bad_sequence'));
  const removed = await anotherDevice(writer);
  const old = await removed.entry('heartbeat', new Uint8Array(0));
  await writer.vault.remove(removed.keys.id);
  await reader.vault.sync();
  await reader.stopsAt((page) => withOneMore(page, old), stops('bad_sequence'));
  const { state } = writer.vault.engine.view;
  const next = await removed.entry('heartbeat', new Uint8Array(0), {
    seq: state.head.seq + 1,
    prev: state.head.hash,
    epoch: state.epoch,
  });
  await reader.stopsAt((page) => withOneMore(page, next), stops('not_a_member'));
});

test('9: tail frozen or forked', async () => {
  await news();
  await reader.vault.sync();
  await reader.stopsAt(({ head }) => ({ entries: [], head: head - 1, more: false }), stops('older_log'));
  await news();
  await reader.stopsAt((page) => ({ ...page, entries: page.entries.slice(0, 1) }), stops('missing_entries'));
  // A frozen tail without an announcement is unseen, and the silence of the writer shows.
  await news();
  reader.serveLog((page) => ({ entries: [], head: reader.vault.headCode().seq, more: page.more }));
  expect(await reader.vault.sync()).toMatchObject({ pulled: 0 });
  const heard = async () => (await reader.vault.devices()).find(({ id }) => id === writer.keys.id)?.lastHeard;
  const before = await heard();
  reader.alter = undefined;
  await reader.vault.sync();
  expect(await heard()).not.toBe(before);
  // A fork: each side has entries that the other one does not see. Head codes of the same number tell them apart.
  const forked = await anotherDevice(writer);
  const { seq } = forked.vault.headCode();
  forked.alter = async ({ method }, forward) => (method === 'POST' ? answer({ seq: seq + 1 }) : await forward());
  await put(forked, 'fork', 'here');
  await put(writer, 'fork', 'there');
  const [here, there] = [forked.vault.headCode(), writer.vault.headCode()];
  expect(here.seq).toBe(there.seq);
  expect(here.code).not.toBe(there.code);
  // The two cannot be joined again.
  await put(writer, 'fork', 'more');
  await forked.refuses(() => forked.vault.sync(), stops('bad_previous_hash'));
});

test('12: weaker KDF, memory bomb: a huge entry', async () => {
  await news();
  const huge = toBase64(new Uint8Array(4_000_000));
  await reader.stopsAt((page) => ({ ...page, entries: [{ entry: huge }] }), stops('malformed'));
  // More than the service can send is not read to its end.
  const endless = toBase64(new Uint8Array(8_000_000));
  await reader.stopsAt((page) => ({ ...page, entries: [{ entry: endless }] }), {
    code: 'connection_failed',
    detail: expect.stringContaining('ANSWER_TOO_LARGE'),
  });
});

test('14: removed device reads on, or evicts others', async () => {
  const removed = await anotherDevice(writer);
  const { state, currentKey } = removed.vault.engine.view;
  const eviction = await draftRoster(
    state,
    { kind: 'remove', device: writer.keys.id },
    await deriveEpochKey(state.scope, state.epoch + 1, newUmk()),
    currentKey(),
  );
  await writer.vault.remove(removed.keys.id);
  await put(writer, 'after', 'the removal');
  expect(await rejectionOf(removed.vault.sync())).toMatchObject({ code: 'device_refused' });
  // A service that serves it anyway gives it ciphertext.
  const page = async () =>
    answer(await writer.vault.engine.requests.readLog(removed.vault.headCode().seq, removedSettings));
  removed.alter = async ({ method }, forward) => (method === 'GET' ? await page() : await forward());
  await removed.vault.sync();
  expect(removed.vault.engine.view.key(removed.vault.engine.view.state.epoch)).toBeUndefined();
  expect(await rejectionOf(removed.vault.records('memory').get('after'))).toMatchObject({ code: 'no_key' });
  expect(await rejectionOf(put(removed, 'x', 'y'))).toMatchObject({ code: 'not_a_member' });
  // It evicts the others: refused by the service, and by every device.
  const evicting = await removed.entry('remove', eviction.body);
  const { requests } = removed.vault.engine;
  removed.alter = undefined;
  const sent = requests.append(
    { entry: toBase64(evicting), wraps: toBase64(eviction.wraps ?? expect.fail()) },
    1,
    removedSettings,
  );
  expect(await rejectionOf(sent)).toMatchObject({ code: 'device_refused' });
  await reader.stopsAt((one) => withOneMore(one, evicting), stops('not_a_member'));
  // A device for records only is a member, but its eviction has no effect.
  const data = await anotherDevice(writer, 'data');
  const devices = (await writer.vault.devices()).map(({ id }) => id);
  const own = data.vault.engine.view;
  const next = await deriveEpochKey(own.state.scope, own.state.epoch + 1, newUmk());
  const { body } = await draftRoster(own.state, { kind: 'remove', device: writer.keys.id }, next, own.currentKey());
  await data.push('remove', body);
  expect((await reader.vault.sync()).notices).toContainEqual(
    expect.objectContaining({ kind: 'entry_void', detail: expect.stringContaining('forbidden') }),
  );
  expect((await reader.vault.devices()).map(({ id }) => id)).toEqual(devices);
});
const removedSettings = { signal: undefined, timeout: 30_000, maxRetries: 0, callerHeaders: {}, outcomeHint: '' };

test('19: malleable signatures', async () => {
  await news();
  const highS = (signed: Bytes): Bytes => {
    const s = BigInt(`0x${Buffer.from(signed.subarray(-32)).toString('hex')}`);
    const other = (groupOrder - s).toString(16).padStart(64, '0');
    return new Uint8Array([...signed.subarray(0, -32), ...Buffer.from(other, 'hex')]);
  };
  await reader.stopsAt((page) => withEntry(page, 0, highS), stops('bad_signature'));
});

test('20: a checkpoint that omits records, forged acknowledgements that drop tombstones', async () => {
  await writer.vault.records('memory').put({ text: 'x' }, { id: 'dead' });
  await writer.vault.records('memory').delete('dead');
  const { state } = writer.vault.engine.view;
  const honest = await createCheckpoint(state);
  const without = state.records.values().filter(({ id }) => id !== 'dead');
  await writer.push('checkpoint', encodeCheckpoint({ ...honest, records: await recordsRoot([...without]) }));
  expect((await reader.vault.sync()).notices).toContainEqual(
    expect.objectContaining({ kind: 'entry_void', detail: expect.stringContaining('bad_checkpoint') }),
  );
  await writer.push('checkpoint', encodeCheckpoint(await createCheckpoint(writer.vault.engine.view.state)));
  const { checkpoint } = writer.vault.engine.view.state;
  // The maker of a checkpoint cannot acknowledge it, and nobody else's name can be used.
  await writer.push('acknowledge', encodeAcknowledgement(checkpoint ?? expect.fail()));
  expect((await reader.vault.sync()).notices).toContainEqual(
    expect.objectContaining({ kind: 'entry_void', detail: expect.stringContaining('bad_acknowledgement') }),
  );
  // The reader has acknowledged it by itself.
  await writer.vault.sync();
  const acknowledge = await writer.entry('acknowledge', encodeAcknowledgement(checkpoint ?? expect.fail()), {
    signer: reader.keys.id,
  });
  await reader.stopsAt((page) => withOneMore(page, acknowledge), stops('bad_signature'));
  // Entries that the service pruned on its own are missing.
  await news();
  await reader.stopsAt((page) => ({ ...page, entries: page.entries.slice(-1) }), stops('bad_sequence'));
});

test('21: a phished session overwrites recovery or deletes the vault', async () => {
  const { key } = writer.user;
  const path = `/v1/device-vaults/${writer.vault.scope.vault}`;
  for (const method of ['PUT', 'POST']) {
    const overwritten = await stack.http(method, `${path}/recovery`, { key, body: { box: 'AAAA' } });
    expect([404, 405]).toContain(overwritten.status);
  }
  const entry = toBase64(await writer.entry('heartbeat', new Uint8Array(0)));
  await expectProblem(await stack.http('POST', `${path}/log`, { key, body: { entry } }), 'device_refused');
  const deleted = await (await stack.http('DELETE', path, { key })).json();
  expect(deleted).toMatchObject({ deleted: false });
  expect(Date.parse(deleted.deletableAt) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
  expect((await reader.vault.sync()).notices).toContainEqual(expect.objectContaining({ kind: 'deletion_requested' }));
  await put(reader, 'still', 'there');
  await reader.vault.keep();
  expect((await reader.vault.sync()).notices).toEqual([]);
  expect((await reader.vaults.list())[0]?.deletableAt).toBeUndefined();
});
