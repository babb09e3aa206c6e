/**
 * Row 20 of the threat model of device vaults, with a pruned log: a proxy plays the service. The reader has read a part of
 * the log, and is behind the checkpoint.
 */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type {
  ReadBundleEntriesResponse,
  ReadBundleRecordsResponse,
  ReadDeviceLogResponse,
} from '../../contract/devices/wire.ts';
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../core/devices/apply-content.ts';
import { entryHash, parseSignedEntry, signEntry } from '../../core/devices/chain-entry.ts';
import { recordsRoot } from '../../core/devices/chain-state.ts';
import { inclusionProof } from '../../core/devices/merkle-frontier.ts';
import { type Change, encodeChange, parseChange, parseChanges } from '../../core/devices/record-changes.ts';
import { draftEntry } from '../../core/devices/write-entry.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { accepted, VaultSimulator } from '../core/devices/vault-simulator.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { stops } from './hostile-entries.ts';
import { type AttackedDevice, anotherDevice, answer, bytesOf, firstDevice } from './hostile-proxy.ts';
import { createUser } from './signed-device-requests.ts';

const stack = useLocalStack();
/** Makes the checkpoint. */
let maker: AttackedDevice;
/** Acknowledges it. */
let other: AttackedDevice;
/** Is behind it, and attacked. */
let reader: AttackedDevice;
let checkpoint = 0;
/** The first version of the record `a`. */
let older: Change;

const put = (device: AttackedDevice, id: string, text: string) => device.vault.records('memory').put({ text }, { id });

beforeAll(async () => {
  maker = await firstDevice(stack, await createUser(stack));
  other = await anotherDevice(maker);
  reader = await anotherDevice(maker);
  const removed = await anotherDevice(maker);
  await put(maker, 'a', 'one');
  const entry = parseSignedEntry((await maker.vault.engine.entry(maker.vault.headCode().seq)) ?? expect.fail());
  older = parseChanges(typeof entry === 'object' ? entry.body : new Uint8Array(0))?.[0] ?? expect.fail();
  await put(maker, 'dead', 'x');
  await reader.vault.sync();
  await maker.vault.records('memory').delete('dead');
  await put(maker, 'a', 'two');
  await put(maker, 'b', 'only here');
  await maker.vault.remove(removed.keys.id);
  await put(maker, 'c', 'in the new epoch');
  maker.vault.upkeep.every = 1;
  await maker.vault.sync();
  await other.vault.sync();
  const { acknowledged } = other.vault.engine.view.state;
  checkpoint = acknowledged?.seq ?? expect.fail('not acknowledged');
  maker.vault.upkeep.every = Number.POSITIVE_INFINITY;
  const pruned = await maker.vault.prune();
  expect(pruned.checkpoint).toBe(checkpoint);
  await put(maker, 'd', 'after the checkpoint');
});

beforeEach(() => {
  reader.alter = undefined;
});

interface Alterations {
  readonly log?: (page: ReadDeviceLogResponse) => unknown;
  readonly entries?: (page: ReadBundleEntriesResponse) => unknown;
  readonly records?: (page: ReadBundleRecordsResponse) => unknown;
}

/** The reader refuses what the proxy changes, and keeps what it has. */
async function refuses({ log, entries, records }: Alterations, expected: object): Promise<void> {
  reader.alter = async ({ method, path }, forward) => {
    const response = await forward();
    const [alter] = [
      path.includes('/entries')
        ? entries
        : path.includes('/records')
          ? records
          : path.includes('/log')
            ? log
            : undefined,
    ];
    if (method !== 'GET' || alter === undefined || !response.ok) return response;
    return answer(await alter((await response.json()) as never));
  };
  const { seq } = reader.vault.headCode();
  await reader.refuses(() => reader.vault.sync(), expected);
  expect(reader.vault.headCode().seq).toBe(seq);
  expect(seq).toBeLessThan(checkpoint);
}

const bad = stops('bad_bundle');
const recordsIn = ({ records }: ReadBundleRecordsResponse) =>
  records.map((one) => ({ ...one, parsed: parseChange(bytesOf(one.change)) ?? expect.fail() }));

test('20: a bundle that omits a record, or a tombstone', async () => {
  for (const id of ['b', 'dead', 'a'])
    await refuses(
      {
        records: (page) => ({
          ...page,
          records: page.records.filter((_, at) => recordsIn(page)[at]?.parsed.id !== id),
        }),
      },
      bad,
    );
  await refuses({ records: (page) => ({ ...page, records: [] }) }, bad);
});

test('20: a bundle that adds a record', async () => {
  const added = { epoch: 1, change: toBase64(encodeChange({ ...older, id: 'z' })) };
  await refuses({ records: (page) => ({ ...page, records: [...page.records, added] }) }, bad);
  // The same one twice, and an answer that never ends.
  await refuses({ records: (page) => ({ ...page, records: [...page.records, page.records.at(-1)] }) }, bad);
  await refuses({ records: (page) => ({ ...page, more: true }) }, bad);
});

test('20: a bundle that rolls a record back', async () => {
  const old = { epoch: 1, change: toBase64(encodeChange(older)) };
  const rolledBack = (page: ReadBundleRecordsResponse) => ({
    ...page,
    records: recordsIn(page).map(({ parsed, ...one }) => (parsed.id === 'a' ? old : one)),
  });
  await refuses({ records: rolledBack }, bad);
  // Under another epoch, or with another content.
  const altered =
    (change: (one: { epoch: number; change: string }) => object) => (page: ReadBundleRecordsResponse) => ({
      ...page,
      records: page.records.map((one, at) => (at === 0 ? { ...one, ...change(one) } : one)),
    });
  await refuses({ records: altered(({ epoch }) => ({ epoch: epoch + 1 })) }, bad);
  const flipped = ({ change }: { change: string }) => {
    const bytes = bytesOf(change);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return { change: toBase64(bytes) };
  };
  await refuses({ records: altered(flipped) }, bad);
});

/** Answers everything with the bundle of a vault that the service made itself. */
async function forgedVault(): Promise<Alterations> {
  const forged = new VaultSimulator(reader.vault.scope);
  const device = await forged.begin();
  const second = await forged.add(device, 'admin');
  while (forged.state.head.seq < checkpoint)
    accepted(await forged.write(device, forged.draft(device, 'heartbeat', new Uint8Array(0))));
  const { subtrees } = forged.state.entries;
  accepted(await forged.checkpoint(device));
  const { seq } = forged.state.head;
  accepted(await forged.acknowledge(second));
  const served = ({ signed, wraps }: (typeof forged.log)[number]) => ({
    entry: toBase64(signed),
    ...(wraps && { wraps: toBase64(wraps) }),
  });
  const bundle = [...forged.log.slice(0, 2), ...forged.log.slice(seq - 1, seq)].map(served);
  const rest = forged.log.slice(seq).map(served);
  return {
    log: (page) =>
      page.pruned === undefined
        ? { entries: rest, head: seq + 1, more: false }
        : { ...page, head: seq + 1, pruned: { checkpoint: seq, proof: page.pruned.proof } },
    entries: () => ({ entries: bundle, subtrees: subtrees.map(toBase64), more: false }),
    records: () => ({ records: [], more: false }),
  };
}

test('20: a bundle with another first entry', async () => {
  const { log, entries, records } = await forgedVault();
  // The service has no bundle of the forged checkpoint, so the proxy answers in its place.
  reader.alter = async ({ path }, forward) => {
    if (path.includes('/entries')) return answer(entries?.(undefined as never));
    if (path.includes('/records')) return answer(records?.(undefined as never));
    const response = await forward();
    return path.includes('/log') ? answer(log?.(await response.json())) : response;
  };
  await reader.refuses(() => reader.vault.sync(), stops('other_genesis'));
});

test('20: a bundle with another roster', async () => {
  const withoutOne = (index: number) => (page: ReadBundleEntriesResponse) => ({
    ...page,
    entries: page.entries.filter((_, at) => at !== page.entries.length + index),
  });
  // The removal, an entry `add`, and the checkpoint itself.
  for (const index of [-2, -3, -1]) await refuses({ entries: withoutOne(index) }, bad);
  await refuses({ entries: (page) => ({ ...page, entries: page.entries.toReversed() }) }, bad);
  await refuses({ entries: (page) => ({ ...page, entries: [] }) }, bad);
  await refuses({ entries: (page) => ({ ...page, subtrees: page.subtrees.slice(1) }) }, bad);
  // Keys of the service in place of those of the new epoch.
  const [wraps] = (await maker.vault.engine.requests.readLog(0, { ...quiet }, 1)).entries;
  await refuses(
    {
      entries: (page) => ({
        ...page,
        entries: page.entries.map((one, at) =>
          at === page.entries.length - 2 ? { ...one, wraps: wraps?.wraps } : one,
        ),
      }),
    },
    stops('other_wraps'),
  );
});
const quiet = { signal: undefined, timeout: 30_000, maxRetries: 0, callerHeaders: {}, outcomeHint: '' };

/** An entry in place of the acknowledgement, which follows the checkpoint. */
async function inPlaceOfAcknowledgement(signer: string, by: AttackedDevice): Promise<Bytes> {
  const signed = (await other.vault.engine.entry(checkpoint)) ?? expect.fail();
  const entry = parseSignedEntry(signed);
  if (typeof entry === 'string') expect.fail(entry);
  const head = other.vault.engine.view.state.checkpoint ?? expect.fail();
  const { state } = other.vault.engine.view;
  const body = encodeAcknowledgement(head);
  const draft = draftEntry({ ...state, head }, signer, 'acknowledge', body, '2026-11-29T00:00:00.000Z');
  return await signEntry(draft, by.keys.ecdsa.privateKey);
}

test('20: a forged acknowledgement, and one of the maker itself', async () => {
  const serve = (entry: Bytes) => (page: ReadDeviceLogResponse) =>
    page.pruned === undefined ? { entries: [{ entry: toBase64(entry) }], head: checkpoint + 1, more: false } : page;
  const forged = await inPlaceOfAcknowledgement(other.keys.id, maker);
  await refuses({ log: serve(forged) }, stops('bad_signature'));
  const own = await inPlaceOfAcknowledgement(maker.keys.id, maker);
  await refuses({ log: serve(own) }, stops('unacknowledged'));
});

test('20: a checkpoint that nobody acknowledged, or whose acknowledgement is held back', async () => {
  const heldBack = (page: ReadDeviceLogResponse) =>
    page.pruned === undefined ? { entries: [], head: checkpoint, more: false } : page;
  await refuses({ log: heldBack }, stops('unacknowledged'));
  const announced = (page: ReadDeviceLogResponse) =>
    page.pruned === undefined ? { entries: [], head: page.head, more: false } : page;
  await refuses({ log: announced }, stops('missing_entries'));
});

test('20: a proof of another head, and none', async () => {
  const { requests } = reader.vault.engine;
  const { pruned } = await requests.readLog(reader.vault.headCode().seq - 1, quiet);
  const other = pruned?.proof ?? expect.fail();
  const withProof = (proof: readonly string[]) => (page: ReadDeviceLogResponse) =>
    page.pruned === undefined ? page : { ...page, pruned: { ...page.pruned, proof } };
  for (const proof of [other, [], [...other, other[0] ?? ''], ['AAAA']])
    await refuses({ log: withProof(proof) }, stops('bad_inclusion'));
});

test('20: a bundle that is older than the stored head', async () => {
  const seq = reader.vault.headCode().seq;
  for (const old of [seq, seq - 1, 0])
    await refuses(
      {
        log: (page) => (page.pruned === undefined ? page : { ...page, pruned: { ...page.pruned, checkpoint: old } }),
      },
      stops('older_checkpoint'),
    );
});

test('20: two members and the service together leave out a record that the reader has', async () => {
  const { engine } = maker.vault;
  await maker.vault.sync();
  const { state } = engine.view;
  const hashes = await Promise.all(
    Array.from({ length: state.head.seq }, async (_, at) => {
      const entry = parseSignedEntry((await engine.entry(at + 1)) ?? expect.fail());
      return typeof entry === 'string' ? expect.fail(entry) : await entryHash(entry.unsigned);
    }),
  );
  const records = state.records.values().filter(({ id }) => id !== 'a');
  const body = { ...(await createCheckpoint(state)), records: await recordsRoot(records) };
  const signed = await maker.entry('checkpoint', encodeCheckpoint(body));
  const parsed = parseSignedEntry(signed);
  if (typeof parsed === 'string') expect.fail(parsed);
  const head = { seq: parsed.seq, hash: await entryHash(parsed.unsigned) };
  const time = new Date().toISOString();
  const draft = draftEntry({ ...state, head }, other.keys.id, 'acknowledge', encodeAcknowledgement(head), time);
  const acknowledged = await signEntry(draft, other.keys.ecdsa.privateKey);
  const { seq } = reader.vault.headCode();
  const proof = (await inclusionProof(hashes, seq - 1)).map(toBase64);
  const changes = await Promise.all(
    records.map(async (one) => {
      const { content } = (await engine.records.get(one)) ?? expect.fail();
      return { epoch: one.epoch, change: toBase64(encodeChange(content?.change ?? expect.fail())) };
    }),
  );
  changes.sort((one, two) => (recordOf(one) < recordOf(two) ? -1 : 1));
  const roster = (await engine.requests.bundleEntries(checkpoint, 0, quiet)).entries.slice(0, -1);
  const served = {
    entries: { entries: [...roster, { entry: toBase64(signed) }], subtrees: state.entries.subtrees.map(toBase64) },
    log: { entries: [{ entry: toBase64(acknowledged) }], head: head.seq + 1 },
    pruned: { entries: [], head: head.seq + 1, pruned: { checkpoint: head.seq, proof } },
  };
  const serve = (withRecords: readonly object[]) => {
    reader.alter = async ({ path }) => {
      if (path.includes('/entries')) return answer({ ...served.entries, more: false });
      if (path.includes('/records')) return answer({ records: withRecords, more: false });
      const isBehind = path.includes(`after=${seq}`);
      return answer({ ...(isBehind ? served.pruned : served.log), more: false });
    };
  };
  serve(changes);
  await reader.refuses(() => reader.vault.sync(), bad);
});

const recordOf = ({ change }: { change: string }): string => {
  const { type, id } = parseChange(bytesOf(change)) ?? expect.fail();
  return `${type}:${id}`;
};

test('20: after all of that, the honest bundle is taken, and what waits on the device is merged', async () => {
  reader.alter = async () => {
    throw new TypeError('no connection');
  };
  await put(reader, 'a', 'offline');
  await put(reader, 'mine', 'offline');
  reader.alter = undefined;
  await reader.vault.sync();
  const texts = (await reader.vault.records('memory').list()).map(({ id, data }) => [id, Object(data).text]);
  expect(Object.fromEntries(texts)).toEqual({
    a: expect.stringMatching(/two[\s\S]*offline|offline[\s\S]*two/),
    b: 'only here',
    c: 'in the new epoch',
    d: 'after the checkpoint',
    mine: 'offline',
  });
  await reader.reopen();
  await maker.vault.sync();
  expect(await reader.vault.records('memory').list()).toHaveLength(5);
  const history = await reader.vault.records('memory').history('a');
  expect(history.map(({ version, isFromCheckpoint }) => [version, isFromCheckpoint])).toEqual([
    [3, false],
    [2, true],
    [1, false],
  ]);
  expect(reader.vault.headCode()).toEqual(maker.vault.headCode());
});
