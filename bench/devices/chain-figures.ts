/** Sealing, opening and verifying in Node. */
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { parseSignedEntry, zeroHash } from '../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../core/devices/chain-state.ts';
import { generateDeviceKeys, publicKeysOf } from '../../core/devices/device-keys.ts';
import { deriveEpochKey, newUmk } from '../../core/devices/epoch-keys.ts';
import { encodeChanges, openChange, sealChange } from '../../core/devices/record-changes.ts';
import { draftRoster, nextEpochKey, writeEntry } from '../../core/devices/write-entry.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { type Figure, medianMs } from './figure.ts';

export const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'v0v1v2v3v4v5v6v7' };
const time = '2026-11-21T00:00:00.000Z';
const device = await generateDeviceKeys(false);

async function applied(state: ChainState, signed: Bytes): Promise<ChainState> {
  const outcome = await applyEntry(state, signed);
  if (outcome.result !== 'accept') throw new Error(`The log of the benchmark is not valid: ${outcome.reason}.`);
  return outcome.state;
}

/** A log of `entries` entries with one change each, the first of which begins the vault. */
export async function signedLog(entries: number): Promise<readonly Bytes[]> {
  const key = await nextEpochKey(initialState(scope));
  const member = { id: device.id, ...publicKeysOf(device), role: 'admin' as const, label: new Uint8Array(0) };
  let state = initialState(scope);
  const { body } = await draftRoster(state, { kind: 'genesis', member }, key, undefined);
  const log = [await writeEntry(state, device, 'genesis', body, time)];
  state = await applied(state, log[0] ?? new Uint8Array(0));
  for (let n = 1; n < entries; n++) {
    const change = await sealChange(key, { type: 'memory', id: `record-${n}` }, contentOf(1));
    const signed = await writeEntry(state, device, 'records', encodeChanges([change]), time);
    state = await applied(state, signed);
    log.push(signed);
  }
  return log;
}

const contentOf = (lamport: number) => ({
  version: 1,
  parent: zeroHash,
  device: device.id,
  lamport,
  live: true,
  mediaType: 'text/plain',
  body: new Uint8Array(1024).fill(120),
});

export async function measureBoxes(): Promise<Figure[]> {
  const key = await deriveEpochKey(scope, 1, newUmk());
  const ref = { type: 'memory', id: 'a' };
  const seal = () => sealChange(key, ref, contentOf(1));
  const change = await seal();
  const state = { ...initialState(scope), epoch: 1 };
  const signed = await writeEntry(state, device, 'records', encodeChanges([change]), time);
  const entry = parseSignedEntry(signed);
  if (typeof entry === 'string') throw new Error('The entry of the benchmark has another form.');
  return [
    { name: 'seal a record of 1 KiB and its DEK, Node', ms: await medianMs(21, 200, seal), goalMs: 0.1 },
    { name: 'open it, Node', ms: await medianMs(21, 200, () => openChange(key, change, entry)) },
    {
      name: 'sign an entry, Node',
      ms: await medianMs(21, 50, () => writeEntry(state, device, 'heartbeat', new Uint8Array(0), time)),
    },
  ];
}

export async function measureVerification(log: readonly Bytes[]): Promise<Figure> {
  const started = performance.now();
  let state = initialState(scope);
  for (const signed of log) state = await applied(state, signed);
  return { name: `verify ${log.length} entries, Node`, ms: performance.now() - started };
}
