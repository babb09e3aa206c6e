/**
 * A hostile service, or a faulty member, that alters records. Numbers and titles are the rows of the threat model of device
 * vaults.
 */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { parseSignedEntry, signEntry } from '../../core/devices/chain-entry.ts';
import { generateDeviceKeys } from '../../core/devices/device-keys.ts';
import { deriveEpochKey, newUmk } from '../../core/devices/epoch-keys.ts';
import { sealRecord } from '../../core/devices/published-boxes.ts';
import { type Change, encodeChanges, parseChanges, sealChange } from '../../core/devices/record-changes.ts';
import { draftEntry } from '../../core/devices/write-entry.ts';
import { type Bytes, utf8Bytes } from '../../core/encoding/bytes.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { alteredField, changeOf, stops, withChange } from './hostile-entries.ts';
import { type AttackedDevice, anotherDevice, firstDevice, withEntry, withOneMore } from './hostile-proxy.ts';
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
const dataOf = async (device: AttackedDevice, id: string) => (await device.vault.records('memory').get(id))?.data;

/** Two entries that the reader has not read yet. */
async function news(): Promise<void> {
  await reader.vault.sync();
  await put(writer, 'a', crypto.randomUUID());
  await put(writer, 'b', crypto.randomUUID());
}

test('6: items swapped between ids, types, users', async () => {
  await news();
  const swap = (change: Change): Change => ({ ...change, id: 'a' });
  await reader.stopsAt((page) => withEntry(page, -1, (signed) => withChange(signed, swap)), stops('bad_signature'));
  await news();
  const type = (change: Change): Change => ({ ...change, type: 'todo' });
  await reader.stopsAt((page) => withEntry(page, 0, (signed) => withChange(signed, type)), stops('bad_signature'));
  // The log of another vault of the user, and of another user.
  for (const user of [writer.user, await createUser(stack)]) {
    const other = await firstDevice(stack, user);
    await news();
    const foreign = await other.vault.engine.entry(1);
    await reader.stopsAt((page) => withEntry(page, 0, () => foreign ?? expect.fail()), stops('other_vault'));
  }
  // A member that signs what it swapped: the boxes do not open in another place, on any device.
  const before = await dataOf(reader, 'a');
  const { version, parent } = await changeOf(writer, 'a', 'unused');
  const { box, dek } = await changeOf(writer, 'c', 'of another record', { version, parent });
  await writer.pushChanges({ type: 'memory', id: 'a', version, parent, box, dek });
  const { notices } = await reader.vault.sync();
  expect(notices.map(({ kind }) => kind)).toEqual(['content_void']);
  expect(await dataOf(reader, 'a')).toEqual(before);
});

test('7: one record rolled back', async () => {
  await put(writer, 'rolled', 'old');
  await reader.vault.sync();
  const old = (await writer.vault.engine.entry(writer.vault.headCode().seq)) ?? expect.fail();
  await put(writer, 'rolled', 'new');
  await reader.stopsAt((page) => withEntry(page, 0, () => old), stops('bad_sequence'));
  const [change] = parseChanges((parseSignedEntry(old) as { body: Bytes }).body) ?? [];
  await reader.stopsAt(
    (page) =>
      withOneMore(
        page,
        withChange(old, () => change ?? expect.fail()),
      ),
    stops('bad_sequence'),
  );
  // A member that writes the old version again: void for all.
  await writer.pushChanges(change ?? expect.fail());
  const { notices } = await reader.vault.sync();
  expect(notices).toMatchObject([{ kind: 'change_void', detail: expect.stringContaining('bad_version') }]);
  // As the next version, with the old boxes: the version inside is another one.
  const { version, parent } = await changeOf(writer, 'rolled', 'unused');
  await writer.pushChanges({ ...(change ?? expect.fail()), version, parent });
  expect((await reader.vault.sync()).notices).toMatchObject([{ kind: 'content_void' }]);
  expect(await dataOf(reader, 'rolled')).toEqual({ text: 'new' });
});

test('10: plaintext where ciphertext is due', async () => {
  await news();
  const plain = utf8Bytes(JSON.stringify({ data: { text: 'from the service, in clear' } }));
  const replaced = (change: Change): Change => ({ ...change, box: plain });
  await reader.stopsAt((page) => withEntry(page, -1, (signed) => withChange(signed, replaced)), stops('bad_signature'));
  const before = await dataOf(reader, 'a');
  await writer.pushChanges({ ...(await changeOf(writer, 'a', 'x')), box: plain });
  expect((await reader.vault.sync()).notices).toMatchObject([{ kind: 'content_void' }]);
  expect(await dataOf(reader, 'a')).toEqual(before);
});

test('11: forged deletion', async () => {
  await news();
  await reader.vault.sync();
  const before = await dataOf(reader, 'a');
  const dead = { live: false, mediaType: '', body: new Uint8Array(0) };
  const stranger = await generateDeviceKeys(false);
  const tombstone = await changeOf(writer, 'a', '', dead);
  const draft = draftEntry(
    writer.vault.engine.view.state,
    writer.keys.id,
    'records',
    encodeChanges([tombstone]),
    '2026-11-29T00:00:00.000Z',
  );
  const forged = await signEntry(draft, stranger.ecdsa.privateKey);
  await reader.stopsAt((page) => withOneMore(page, forged), stops('bad_signature'));
  // A member without the key of the vault can sign, but its tombstone does not open.
  const { scope, epoch } = writer.vault.engine.view.state;
  const { version, parent } = tombstone;
  const place = { version, parent, device: writer.keys.id, lamport: 1, ...dead };
  const otherKey = await deriveEpochKey(scope, epoch, newUmk());
  await writer.pushChanges(await sealChange(otherKey, { type: 'memory', id: 'a' }, place));
  expect((await reader.vault.sync()).notices).toMatchObject([{ kind: 'content_void' }]);
  expect(await dataOf(reader, 'a')).toEqual(before);
});

test('15: older suite or format', async () => {
  await news();
  const older = (signed: Bytes): Bytes => alteredField(signed, 0, () => utf8Bytes('anima:entry:v0'));
  await reader.stopsAt((page) => withEntry(page, 0, older), { code: 'update_required', reason: 'unsupported_suite' });
  // A member that is made to write the older form of a record: JSON without version, parent and device.
  const before = await dataOf(reader, 'a');
  const { version, parent } = await changeOf(writer, 'a', 'x');
  const { currentKey, state } = writer.vault.engine.view;
  const place = { user: state.scope.user, type: 'memory', id: 'a' };
  const published = await sealRecord(currentKey().records, place, utf8Bytes('{"text":"older"}'));
  await writer.pushChanges({ type: 'memory', id: 'a', version, parent, ...published });
  expect((await reader.vault.sync()).notices).toMatchObject([{ kind: 'content_void' }]);
  expect(await dataOf(reader, 'a')).toEqual(before);
});

test('17: error oracle, cursor pushed past bad data, a poisoned entry', async () => {
  await news();
  // The poisoned entry is left out, and the announced head says that all is there.
  await reader.stopsAt((page) => ({ ...page, entries: page.entries.slice(1), more: false }), stops('bad_sequence'));
  await news();
  const flipped = (signed: Bytes): Bytes => signed.map((byte, at) => (at === signed.length - 1 ? byte ^ 1 : byte));
  for (let time = 0; time < 2; time++) {
    reader.serveLog((page) => withEntry(page, 0, flipped));
    await reader.refuses(() => reader.vault.sync(), stops('bad_signature'));
  }
  reader.alter = undefined;
  await reader.vault.sync();
  // However content is spoiled, a device says the same.
  const spoilt = async (spoil: (change: Change) => Change) => {
    await writer.pushChanges(spoil(await changeOf(writer, 'oracle', 'x')));
    const { notices } = await reader.vault.sync();
    return notices.map(({ kind, detail }) => [kind, detail.replace(/version \d+/, '')]);
  };
  const flip = (bytes: Bytes, at: number): Bytes => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const answers = [
    await spoilt((change) => ({ ...change, box: flip(change.box, 0) })),
    await spoilt((change) => ({ ...change, box: flip(change.box, 100) })),
    await spoilt((change) => ({ ...change, dek: flip(change.dek, 20) })),
    await spoilt((change) => ({ ...change, box: change.box.slice(0, 28) })),
  ];
  expect(answers[0]).toMatchObject([['content_void', expect.any(String)]]);
  expect(answers).toEqual(answers.map(() => answers[0]));
});

test('18: lengths', async () => {
  const lengthOf = async (text: string): Promise<number> => {
    await put(writer, 'lengths', text);
    const entry = parseSignedEntry((await writer.vault.engine.entry(writer.vault.headCode().seq)) ?? expect.fail());
    const [change] = typeof entry === 'string' ? [] : (parseChanges(entry.body) ?? []);
    return change?.box.length ?? expect.fail();
  };
  const short = await Promise.resolve([
    await lengthOf(''),
    await lengthOf('y'.repeat(17)),
    await lengthOf('z'.repeat(40)),
  ]);
  expect(new Set(short)).toEqual(new Set([256 + 28]));
  const long: number[] = [];
  for (let length = 2_000; length < 2_016; length++) long.push(await lengthOf('x'.repeat(length)));
  expect(new Set(long).size).toBeLessThanOrEqual(2);
});
