/** Answers that a device must refuse: the head and everything stored stay as they are, and an honest answer works after. */
import { beforeEach, expect, test } from 'vitest';
import type { ReadDeviceLogResponse } from '../../../contract/devices/wire.ts';
import { encodeEntry, signEntry } from '../../../core/devices/chain-entry.ts';
import { generateDeviceKeys } from '../../../core/devices/device-keys.ts';
import { draftEntry } from '../../../core/devices/write-entry.ts';
import { encodeFieldBytes, fromBase64, toBase64 } from '../../../core/encoding/bytes.ts';
import { json, problem, rejectionOf } from '../fake-fetch.ts';
import {
  addDevice,
  FakeDeviceService,
  recordDraft,
  rosterDraft,
  servedBy,
  settingsOf,
  vaultAt,
} from './engine-fixtures.ts';
import { watchedStorage } from './watched-storage.ts';

let service: FakeDeviceService;
beforeEach(() => {
  service = new FakeDeviceService();
});

/** A device that has entries 1 to 3, at a service that has 4 to 7: a record, a rotation with wraps, two records. */
async function behind() {
  const { engine: writer, settings } = await vaultAt(service);
  const storage = watchedStorage();
  const { engine, context } = await addDevice(service, writer, 'admin', storage);
  await writer.append(recordDraft(writer.keys, 'a', '1'), settings);
  await engine.pull(settings);
  for (const text of ['2', '3']) {
    await writer.append(recordDraft(writer.keys, 'a', text), settings);
    if (text === '2') await writer.append(rosterDraft({ kind: 'rotate' }), settings);
  }
  await writer.append(recordDraft(writer.keys, 'b', '4'), settings);
  return { writer, engine, context, settings, storage };
}

type Alter = (page: ReadDeviceLogResponse, all: Awaited<ReturnType<typeof behind>>) => unknown;

const alteredByte = (text: string, at: number): string => {
  const bytes = fromBase64(text) ?? expect.fail();
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return toBase64(bytes);
};
const withEntry = (page: ReadDeviceLogResponse, index: number, change: (text: string) => string) => ({
  ...page,
  entries: page.entries.map((one, at) => (at === index ? { ...one, entry: change(one.entry) } : one)),
});

const attacks: [name: string, reason: string | undefined, Alter][] = [
  ['an entry left out', 'bad_sequence', (page) => ({ ...page, entries: page.entries.toSpliced(1, 1) })],
  ['entries in another order', 'bad_sequence', (page) => ({ ...page, entries: page.entries.toReversed() })],
  ['an entry twice', 'bad_sequence', (page) => ({ ...page, entries: [...page.entries.slice(0, 1), ...page.entries] })],
  ['an altered signature', 'bad_signature', (page) => withEntry(page, 1, (text) => alteredByte(text, -1))],
  ['no base64', 'malformed', (page) => withEntry(page, 0, (text) => `${text}!`)],
  ['no entry', 'malformed', (page) => withEntry(page, 0, () => toBase64(new Uint8Array(9)))],
  ['the tail cut off, but announced', 'missing_entries', (page) => ({ ...page, entries: page.entries.slice(0, 2) })],
  ['an older log', 'older_log', (page) => ({ ...page, entries: [], head: 2 })],
  ['more, but nothing', 'missing_entries', (page) => ({ ...page, entries: [], more: true })],
  ['more, but no more announced', 'missing_entries', (page) => ({ ...page, more: true })],
  [
    'wraps of another entry',
    'other_wraps',
    async (page, { writer }) => {
      const wraps = servedBy(service, writer).log[0]?.wraps ?? expect.fail();
      return { ...page, entries: page.entries.map((one) => (one.wraps ? { ...one, wraps: toBase64(wraps) } : one)) };
    },
  ],
  [
    'an entry of another vault of the same user',
    'other_vault',
    async (page) => {
      const other = await vaultAt(service);
      for (const text of ['1', '2', '3', '4'])
        await other.engine.append(recordDraft(other.engine.keys, 'a', text), other.settings);
      const entry = servedBy(service, other.engine).log[3]?.entry ?? expect.fail();
      return withEntry(page, 0, () => toBase64(entry));
    },
  ],
  [
    'an entry of a device that is no member',
    'not_a_member',
    async (page, { engine }) => {
      const stranger = await generateDeviceKeys(false);
      const draft = draftEntry(
        engine.view.state,
        stranger.id,
        'heartbeat',
        new Uint8Array(0),
        '2026-11-29T00:00:00.000Z',
      );
      return { ...page, entries: [{ entry: toBase64(await signEntry(draft, stranger.ecdsa.privateKey)) }], head: 4 };
    },
  ],
  [
    'an entry of a member, signed by another one',
    'bad_signature',
    async (page, { engine, writer }) => {
      const draft = draftEntry(
        engine.view.state,
        writer.keys.id,
        'heartbeat',
        new Uint8Array(0),
        '2026-11-29T00:00:00.000Z',
      );
      return { ...page, entries: [{ entry: toBase64(await signEntry(draft, engine.keys.ecdsa.privateKey)) }], head: 4 };
    },
  ],
  [
    'an entry after another head',
    'bad_previous_hash',
    async (page, { engine, writer }) => {
      const { state } = engine.view;
      const fork = { ...state, head: { ...state.head, hash: new Uint8Array(32).fill(1) } };
      const draft = draftEntry(fork, writer.keys.id, 'heartbeat', new Uint8Array(0), '2026-11-29T00:00:00.000Z');
      return { ...page, entries: [{ entry: toBase64(await signEntry(draft, writer.keys.ecdsa.privateKey)) }], head: 4 };
    },
  ],
  [
    'a later suite',
    'unsupported_suite',
    async (page, { engine, writer }) => {
      const draft = draftEntry(
        engine.view.state,
        writer.keys.id,
        'heartbeat',
        new Uint8Array(0),
        '2026-11-29T00:00:00.000Z',
      );
      const later = encodeEntry(draft);
      // The digit of the version.
      later[4 + 'anima:entry:v'.length] = '2'.charCodeAt(0);
      const signed = encodeFieldBytes(later, new Uint8Array(64));
      return { ...page, entries: [{ entry: toBase64(signed) }], head: 4 };
    },
  ],
  ['another shape', undefined, (page) => ({ ...page, head: '7' })],
  ['an entry that is no text', undefined, (page) => ({ ...page, entries: [{ entry: 1 }] })],
];

test.each(attacks)('%s', async (_, reason, alter) => {
  const all = await behind();
  const { engine, writer, settings, storage } = all;
  const before = engine.view.state.head;
  const stored = new Map(storage.items);
  service.after = async ({ path, device }, response) => {
    if (device !== engine.keys.id || !path.endsWith('/log')) return response;
    return json(await alter(await response.json(), all));
  };
  const error = await rejectionOf(engine.pull(settings));
  if (reason === undefined) expect(error).toMatchObject({ code: 'unexpected_response' });
  else
    expect(error).toMatchObject({ code: reason === 'unsupported_suite' ? 'update_required' : 'bad_envelope', reason });
  expect(engine.view.state.head).toEqual(before);
  expect(storage.items).toEqual(stored);
  service.after = undefined;
  await engine.pull(settings);
  expect(engine.view.state.head).toEqual(writer.view.state.head);
});

test('an entry of a removed device under the head that it knew', async () => {
  const { engine: writer, settings } = await vaultAt(service);
  const { engine: removed } = await addDevice(service, writer);
  const { engine } = await addDevice(service, writer);
  await removed.pull(settings);
  const draft = draftEntry(
    removed.view.state,
    removed.keys.id,
    'heartbeat',
    new Uint8Array(0),
    '2026-11-29T00:00:00.000Z',
  );
  const late = await signEntry({ ...draft, seq: draft.seq + 1 }, removed.keys.ecdsa.privateKey);
  await writer.append(rosterDraft({ kind: 'remove', device: removed.keys.id }), settings);
  await engine.pull(settings);
  const head = engine.view.state.head;
  service.after = async (_, response) => {
    const page: ReadDeviceLogResponse = await response.json();
    return json({ ...page, entries: [{ entry: toBase64(late) }], head: head.seq + 1 });
  };
  expect(await rejectionOf(engine.pull(settings))).toMatchObject({ code: 'bad_envelope' });
  // Also if it is made to follow the removal.
  const after = draftEntry(
    writer.view.state,
    removed.keys.id,
    'heartbeat',
    new Uint8Array(0),
    '2026-11-29T00:00:00.000Z',
  );
  const forged = await signEntry(after, removed.keys.ecdsa.privateKey);
  service.after = async (_, response) => {
    const page: ReadDeviceLogResponse = await response.json();
    return json({ ...page, entries: [{ entry: toBase64(forged) }], head: head.seq + 1 });
  };
  expect(await rejectionOf(engine.pull(settings))).toMatchObject({ code: 'bad_envelope', reason: 'not_a_member' });
  expect(engine.view.state.head).toEqual(head);
});

test('a confirmation of an entry that is not in the log is found at the next reading', async () => {
  const { writer, engine, settings } = await behind();
  await engine.pull(settings);
  service.before = ({ method, body }) => (method === 'POST' && 'entry' in body ? json({ seq: 8 }) : undefined);
  await engine.append(recordDraft(engine.keys, 'c', 'x'), settings);
  service.before = undefined;
  expect(await rejectionOf(engine.pull(settings))).toMatchObject({ code: 'bad_envelope', reason: 'older_log' });
  await writer.append(recordDraft(writer.keys, 'd', 'y'), settings);
  await writer.append(recordDraft(writer.keys, 'd', 'z'), settings);
  expect(await rejectionOf(engine.pull(settings))).toMatchObject({
    code: 'bad_envelope',
    reason: 'bad_previous_hash',
  });
});

test('a confirmation of another entry is not believed', async () => {
  const { engine, settings } = await vaultAt(service);
  service.before = ({ method }) => (method === 'POST' ? json({ seq: 7 }) : undefined);
  expect(await rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'x'), settings))).toMatchObject({
    code: 'unexpected_response',
  });
  expect(engine.view.state.head.seq).toBe(1);
});

test('a refused entry is an error, and the next one takes its place', async () => {
  const { engine, settings, context } = await vaultAt(service);
  service.before = ({ method }) => (method === 'POST' ? problem('entry_refused', { detail: 'bad_epoch' }) : undefined);
  expect(await rejectionOf(engine.append(recordDraft(engine.keys, 'a', 'x'), settings))).toMatchObject({
    code: 'entry_refused',
  });
  service.before = undefined;
  expect(engine.view.state.head.seq).toBe(1);
  await engine.append(recordDraft(engine.keys, 'a', 'y'), settingsOf(context));
  expect(engine.view.state.head.seq).toBe(2);
});

test('a service that creates another vault than the one that was asked for', async () => {
  service.after = ({ path }, response) =>
    path === '/v1/device-vaults' ? json({ vault: 'va02va02va02va02', createdAt: '' }, 201) : response;
  expect(await rejectionOf(vaultAt(service))).toMatchObject({ code: 'bad_envelope', reason: 'other_vault' });
});
