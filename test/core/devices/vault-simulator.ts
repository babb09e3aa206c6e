/** A device vault in memory: writes valid entries of every kind, and keeps what a server would keep. */
import { expect } from 'vitest';
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../../core/devices/apply-content.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { type Entry, type EntryKind, signEntry, zeroHash } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState, type Outcome, recordKey } from '../../../core/devices/chain-state.ts';
import { type DeviceKeys, generateDeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import type { EpochKey } from '../../../core/devices/epoch-keys.ts';
import { type Change, encodeChanges, sealChange } from '../../../core/devices/record-changes.ts';
import type { NewMember, Role } from '../../../core/devices/roster-body.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import {
  type DraftedRoster,
  draftEntry,
  draftRoster,
  nextEpochKey,
  type RosterChange,
} from '../../../core/devices/write-entry.ts';
import { type Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';

export const scope: VaultScope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'va01va01va01va01' };
export const otherScope: VaultScope = { ...scope, vault: 'va02va02va02va02' };
export const time = '2026-11-21T00:00:00.000Z';

export const memberOf = (keys: DeviceKeys, role: Role): NewMember => ({
  id: keys.id,
  ...publicKeysOf(keys),
  role,
  label: new Uint8Array(0),
});

/** The entry of a step, and the wraps that the server stores beside it. */
export interface Step {
  readonly before: ChainState;
  readonly signed: Bytes;
  readonly outcome: Outcome;
  readonly wraps?: Bytes;
}

export class VaultSimulator {
  state: ChainState;
  readonly log: Step[] = [];
  /** Keys of all epochs, by epoch. */
  readonly keys = new Map<number, EpochKey>();

  constructor(of: VaultScope = scope) {
    this.state = initialState(of);
  }

  /** The keys of the current epoch. */
  get key(): EpochKey {
    return this.keys.get(this.state.epoch) ?? expect.fail('no key');
  }

  /** The entry that a device would write now. */
  draft(signer: DeviceKeys, kind: EntryKind, body: Uint8Array): Entry {
    return draftEntry(this.state, signer.id, kind, new Uint8Array(body), time);
  }

  /** Signs and applies an entry. The state moves unless the entry is refused. */
  async write(signer: DeviceKeys, entry: Entry, wraps?: Bytes): Promise<Outcome> {
    const signed = await signEntry(entry, signer.ecdsa.privateKey);
    const before = this.state;
    const outcome = await applyEntry(before, signed);
    this.log.push({ before, signed, outcome, ...(wraps && { wraps }) });
    if (outcome.result !== 'stop') this.state = outcome.state;
    return outcome;
  }

  /** Completes and encodes a roster body, with new keys where the epoch rises. */
  async roster(draft: RosterChange): Promise<DraftedRoster & { key: EpochKey }> {
    const isSame = ['add', 'leave', 'close'].includes(draft.kind);
    const key = isSame ? this.key : await nextEpochKey(this.state);
    return { ...(await draftRoster(this.state, draft, key, this.keys.get(key.epoch - 1))), key };
  }

  async writeRoster(signer: DeviceKeys, draft: RosterChange): Promise<Outcome> {
    const { body, wraps, key } = await this.roster(draft);
    const outcome = await this.write(signer, this.draft(signer, draft.kind, body), wraps);
    if (outcome.result === 'accept') this.keys.set(key.epoch, key);
    return outcome;
  }

  async begin(): Promise<DeviceKeys> {
    const device = await generateDeviceKeys(false);
    accepted(await this.writeRoster(device, { kind: 'genesis', member: memberOf(device, 'admin') }));
    return device;
  }

  async add(signer: DeviceKeys, role: Role, device?: DeviceKeys): Promise<DeviceKeys> {
    const added = device ?? (await generateDeviceKeys(false));
    const pairing = { pairing: 'pa01pa01pa01pa01', transcript: zeroHash };
    accepted(await this.writeRoster(signer, { kind: 'add', member: memberOf(added, role), ...pairing }));
    return added;
  }

  async remove(signer: DeviceKeys, device: DeviceKeys): Promise<void> {
    accepted(await this.writeRoster(signer, { kind: 'remove', device: device.id }));
  }

  /** Makes a recovery member. The box is not sealed here. */
  async recovery(signer: DeviceKeys): Promise<DeviceKeys> {
    const keys = await generateDeviceKeys(true);
    accepted(await this.writeRoster(signer, { kind: 'recovery', recovery: memberOf(keys, 'recovery'), box: zeroHash }));
    return keys;
  }

  /** The next version of a record. */
  async change(signer: DeviceKeys, type: string, id: string, text: string, key = this.key): Promise<Change> {
    const head = this.state.records.get(recordKey({ type, id }));
    const version = (head?.version ?? 0) + 1;
    const parent = head?.hash ?? zeroHash;
    const content = { lamport: this.state.head.seq + 1, live: true, mediaType: 'text/plain', body: utf8Bytes(text) };
    return await sealChange(key, { type, id }, { version, parent, device: signer.id, ...content });
  }

  async put(signer: DeviceKeys, id: string, text: string): Promise<Outcome> {
    return await this.writeRecords(signer, [await this.change(signer, 'memory', id, text)]);
  }

  async writeRecords(signer: DeviceKeys, changes: readonly Change[]): Promise<Outcome> {
    return await this.write(signer, this.draft(signer, 'records', encodeChanges(changes)));
  }

  async checkpoint(signer: DeviceKeys): Promise<Outcome> {
    const body = encodeCheckpoint(await createCheckpoint(this.state));
    return await this.write(signer, this.draft(signer, 'checkpoint', body));
  }

  async acknowledge(signer: DeviceKeys): Promise<Outcome> {
    const body = encodeAcknowledgement(this.state.checkpoint ?? expect.fail('no checkpoint'));
    return await this.write(signer, this.draft(signer, 'acknowledge', body));
  }
}

/** Fails unless the entry was accepted as a whole. */
export function accepted(outcome: Outcome): Outcome & { readonly result: 'accept' } {
  if (outcome.result !== 'accept') expect.fail(`${outcome.result}: ${outcome.reason}`);
  expect(outcome.voided).toEqual([]);
  return outcome;
}

/** The outcome in one word or two: for comparison. */
export const summary = (outcome: Outcome): string =>
  outcome.result === 'accept' ? 'accept' : `${outcome.result} ${outcome.reason}`;

/** A vault with one entry of every kind, in an order in which each is accepted. */
export async function fullVault() {
  const vault = new VaultSimulator();
  const first = await vault.begin();
  const second = await vault.add(first, 'admin');
  const agent = await vault.add(first, 'data');
  accepted(await vault.put(agent, 'note-1', 'one'));
  accepted(await vault.write(agent, vault.draft(agent, 'heartbeat', new Uint8Array(0))));
  accepted(await vault.checkpoint(first));
  accepted(await vault.acknowledge(second));
  accepted(await vault.writeRoster(agent, { kind: 'leave' }));
  accepted(await vault.writeRoster(first, { kind: 'rotate' }));
  const recovery = await vault.recovery(first);
  await vault.remove(first, second);
  accepted(await vault.put(first, 'note-1', 'two'));
  const rescued = await generateDeviceKeys(false);
  const nextRecovery = await generateDeviceKeys(true);
  const members = { member: memberOf(rescued, 'admin'), recovery: memberOf(nextRecovery, 'recovery') };
  accepted(await vault.writeRoster(recovery, { kind: 'recover', ...members, box: zeroHash }));
  accepted(await vault.writeRoster(rescued, { kind: 'close' }));
  return { vault, first, second, agent, recovery, rescued };
}
