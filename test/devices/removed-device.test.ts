/**
 * With everything that a removed device had, and everything that the service has, nothing opens that was written after the
 * removal: neither records nor keys nor labels. The same attack with the keys of a member opens all of it.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { isRosterKind, parseSignedEntry, type SignedEntry } from '../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../core/devices/chain-state.ts';
import { deriveEpochKey, openEarlierUmk, openLabel } from '../../core/devices/epoch-keys.ts';
import { type KeyWraps, keyWrapsHash, readKeyWraps } from '../../core/devices/key-wraps.ts';
import { importUmk, openRecord, unwrapUmkAtDevice } from '../../core/devices/published-boxes.ts';
import type { Change } from '../../core/devices/record-changes.ts';
import { parseRosterBody } from '../../core/devices/roster-body.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import type { BoxKey } from '../../core/hazmat/portable-aes-gcm.ts';
import { DeviceModel } from './device-model.ts';
import type { Remembered } from './model-device.ts';

interface Label {
  readonly seq: number;
  readonly device: string;
  readonly epoch: number;
  readonly box: Bytes;
}

/** What the service has, by the entry that it came with. */
interface Served {
  readonly states: readonly ChainState[];
  readonly changes: readonly { readonly seq: number; readonly change: Change }[];
  readonly labels: readonly Label[];
  readonly wraps: readonly KeyWraps[];
}

async function servedBy({ service, log }: DeviceModel): Promise<Served> {
  const { scope } = log;
  const states = [initialState(scope)];
  const changes: Served['changes'][number][] = [];
  const labels: Label[] = [];
  for (const signed of service.logs.of(scope)) {
    const outcome = await applyEntry(states.at(-1) ?? expect.fail(), signed);
    const entry = parseSignedEntry(signed);
    if (outcome.result !== 'accept' || typeof entry === 'string') expect.fail();
    states.push(outcome.state);
    changes.push(...outcome.changes.map(({ change }) => ({ seq: entry.seq, change })));
    labels.push(...(await labelsIn(entry, outcome.state.epoch)));
  }
  const wraps = log.attachments('wraps').map(async (one) => await readKeyWraps(scope, one, await keyWrapsHash(one)));
  return { states, changes, labels, wraps: await Promise.all(wraps) };
}

async function labelsIn({ seq, kind, body }: SignedEntry, epoch: number): Promise<readonly Label[]> {
  const roster = isRosterKind(kind) ? await parseRosterBody(kind, body) : undefined;
  if (roster === undefined || !('member' in roster) || roster.member.label.length === 0) return [];
  return [{ seq, device: roster.member.id, epoch, box: roster.member.label }];
}

const opened = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);

/** UMKs by their hexadecimal form. */
class KnownUmks {
  readonly #found = new Map<string, Bytes>();

  learn(umk: Bytes | undefined): void {
    if (umk !== undefined) this.#found.set(Buffer.from(umk).toString('hex'), umk);
  }
  all(): readonly Bytes[] {
    return [...this.#found.values()];
  }
}

/** All UMKs that follow from some of them and from the private key of a device. */
async function allUmks({ keys, umks }: Remembered, served: Served): Promise<readonly Bytes[]> {
  const known = new KnownUmks();
  for (const umk of umks) known.learn(umk);
  const { privateKey } = keys.ecdh;
  for (const { sender, wraps } of served.wraps) {
    for (const wrap of wraps) {
      for (const id of [wrap.device, keys.id])
        known.learn(await opened(unwrapUmkAtDevice({ id, privateKey }, sender, wrap)));
    }
  }
  for (let before = -1; before < known.all().length; ) {
    before = known.all().length;
    for (const wraps of served.wraps) await openHistory(known, wraps, served);
  }
  return known.all();
}

/** Tries every UMK as that of the epoch of these wraps. */
async function openHistory(known: KnownUmks, { epoch, history }: KeyWraps, { states }: Served): Promise<void> {
  const { scope, epochs } = states.at(-1) ?? expect.fail();
  const commitment = history && epochs[history.epoch - 1]?.commitment;
  if (history === undefined || commitment === undefined) return;
  for (const umk of known.all()) {
    const key = await deriveEpochKey(scope, epoch, umk.slice());
    known.learn((await opened(openEarlierUmk(key, history.epoch, history.box, commitment)))?.umk);
  }
}

interface Opened {
  readonly seq: number;
  readonly what: string;
}

/** Everything that opens with any of the keys. */
async function attack(remembered: Remembered, served: Served): Promise<readonly Opened[]> {
  const umks = await allUmks(remembered, served);
  const found: Opened[] = [];
  for (const umk of umks) {
    const key = await importUmk(umk);
    for (const { seq, change } of served.changes)
      if (await opensRecord(key, change, served)) found.push({ seq, what: 'record' });
    for (const label of served.labels)
      if (await opensLabel(umk, label, served)) found.push({ seq: label.seq, what: 'label' });
  }
  return found;
}

/** Whether a box opens with the key box of this version, or of any other version of the record. */
async function opensRecord(umk: BoxKey, { type, id, box }: Change, { states, changes }: Served): Promise<boolean> {
  const { user } = states[0]?.scope ?? expect.fail();
  const versions = changes.filter(({ change }) => change.type === type && change.id === id);
  const all = versions.map(({ change: { dek } }) => opened(openRecord(umk, { user, type, id }, { box, dek })));
  return (await Promise.all(all)).some((plaintext) => plaintext !== undefined);
}

async function opensLabel(umk: Bytes, { device, epoch, box }: Label, { states }: Served): Promise<boolean> {
  const key = await deriveEpochKey(states[0]?.scope ?? expect.fail(), epoch, umk.slice());
  return (await opened(openLabel(key, device, box))) !== undefined;
}

/** The number of the entry that made a device no member any more. */
const removalOf = (device: string, { states }: Served): number =>
  states.findIndex((state, seq) => seq > 0 && states[seq - 1]?.members.has(device) && !state.members.has(device));

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
});

test.each([1, 2, 3])('nothing that is written after its removal opens: seed %i', async (seed) => {
  const model = new DeviceModel(seed, 5);
  await model.begin();
  for (let at = 0; at < 200; at++) await model.step();
  await model.settle();
  // Something is certainly written after the last removal.
  const [member] = model.devices;
  for (const id of ['a', 'b', 'last']) await member?.vault.records('memory').put({ text: `last ${id}` }, { id });
  const served = await servedBy(model);
  expect(model.removed.length).toBeGreaterThan(0);
  for (const { remembered } of model.removed) {
    const { keys } = remembered ?? expect.fail();
    const removal = removalOf(keys.id, served);
    const items = await attack(remembered ?? expect.fail(), served);
    expect(items.filter(({ seq }) => seq > removal)).toEqual([]);
    // What it had, it keeps.
    expect(new Set(items.map(({ seq }) => seq))).toEqual(
      new Set([...served.changes, ...served.labels].map(({ seq }) => seq).filter((seq) => seq < removal)),
    );
    expect(served.changes.some(({ seq }) => seq > removal)).toBe(true);
  }
  member?.remember();
  const all = await attack(member?.remembered ?? expect.fail(), served);
  expect(all.filter(({ what }) => what === 'record')).toHaveLength(served.changes.length);
  expect(all.filter(({ what }) => what === 'label')).toHaveLength(served.labels.length);
});
