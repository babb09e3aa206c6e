/** The state of a verified directory, and the outcome of one more entry (docs/format-directory.md, section 2). */

import { PersistentMap } from '../devices/persistent-map.ts';
import { type Bytes, equalBytes, toHex } from '../encoding/bytes.ts';
import { emptyFrontier, type MerkleFrontier } from '../encoding/merkle-shape.ts';
import { isOpaqueName, zeroHash } from './directory-ids.ts';
import type { FormProblem, SignedDirectoryEntry } from './entry.ts';
import type { DeviceFacts, FleetFacts, OrgKeys } from './entry-bodies.ts';

/** Names one entry. */
export interface DirectoryHead {
  readonly seq: number;
  readonly hash: Bytes;
}

export type SubjectStatus = 'active' | 'suspended' | 'revoked';

interface Added {
  readonly id: string;
  /** Sequence number and hash of the entry that added it. */
  readonly since: number;
  readonly entry: Bytes;
}

interface Changing {
  readonly status: SubjectStatus;
  /** Sequence number of the entry that last changed the status or the confirmation. */
  readonly changed: number;
}

interface Confirmable {
  /** Whether a device of the person countersigned it, or it needs no countersignature. */
  readonly confirmed: boolean;
}

export type Device = DeviceFacts & Added & Changing & Confirmable;

export type Fleet = FleetFacts & Added & Changing & Confirmable;

/** A device of a fleet that the chain knows, because it was suspended or revoked. */
export interface FleetMember extends Changing {
  readonly id: string;
  readonly fleet: string;
}

export interface Link extends Added {
  readonly a: string;
  readonly b: string;
  /** Persons whose confirmation is missing, in ascending order. */
  readonly waiting: readonly string[];
}

export interface DirectoryState extends OrgKeys {
  readonly org: string;
  readonly head: DirectoryHead;
  /** Hash of the first entry. */
  readonly genesis: Bytes;
  /** Former authority and recovery keys. */
  readonly retired: readonly Bytes[];
  readonly devices: PersistentMap<Device>;
  readonly fleets: ReadonlyMap<string, Fleet>;
  readonly members: PersistentMap<FleetMember>;
  readonly links: ReadonlyMap<string, Link>;
  /** Over the hashes of all entries. */
  readonly entries: MerkleFrontier;
  /** Index: every used key in hex, and the id of its device, if it is one. Follows from the rest. */
  readonly keys: PersistentMap<string>;
  /** Index: ids of invites that were used. */
  readonly invites: PersistentMap<true>;
  /** Index: the owner's devices of a person. */
  readonly owners: PersistentMap<readonly string[]>;
}

/** The state before the first entry. @throws RangeError for an org id of another form */
export function initialDirectory(org: string): DirectoryState {
  if (!isOpaqueName(org)) throw new RangeError('not the id of an org');
  return {
    org,
    head: { seq: 0, hash: zeroHash },
    genesis: zeroHash,
    authorities: [],
    recovery: zeroHash,
    retired: [],
    devices: PersistentMap.empty(),
    fleets: new Map(),
    members: PersistentMap.empty(),
    links: new Map(),
    entries: emptyFrontier,
    keys: PersistentMap.empty(),
    invites: PersistentMap.empty(),
    owners: PersistentMap.empty(),
  };
}

export const isUsedKey = ({ keys }: DirectoryState, key: Uint8Array): boolean => keys.get(toHex(key)) !== undefined;

export const isAuthority = ({ authorities }: OrgKeys, key: Uint8Array): boolean =>
  authorities.some((authority) => equalBytes(authority, key));

/** The device with this signature key. */
export const deviceOfKey = (state: DirectoryState, ik: Uint8Array): Device | undefined => {
  const device = state.devices.get(state.keys.get(toHex(ik)) ?? '');
  return device !== undefined && equalBytes(device.ik, ik) ? device : undefined;
};

/** The device that may sign entries with this key: an owner's, confirmed and active. */
export function signingOwner(state: DirectoryState, key: Uint8Array): Device | undefined {
  const device = deviceOfKey(state, key);
  return device?.role === 'owner' && device.confirmed && device.status === 'active' ? device : undefined;
}

/** `new` without an owner's device, `established` with a confirmed one that is not revoked, `lost` otherwise. */
export function personState(state: DirectoryState, person: string): 'new' | 'established' | 'lost' {
  const owners = state.owners.get(person) ?? [];
  if (owners.length === 0) return 'new';
  const isEstablished = owners.some((id) => {
    const device = state.devices.get(id);
    return device?.confirmed === true && device.status !== 'revoked';
  });
  return isEstablished ? 'established' : 'lost';
}

/** The value with the keys of an org marked as used. */
export const withUsedKeys = (
  keys: PersistentMap<string>,
  used: readonly Uint8Array[],
  id = '',
): PersistentMap<string> => used.reduce((marked: PersistentMap<string>, key) => marked.set(toHex(key), id), keys);

/** The state with a new device, and its place in every index. */
export function withDevice(state: DirectoryState, device: Device): DirectoryState {
  const { id, ik, dh, person, role, invite } = device;
  const owners = state.owners.get(person) ?? [];
  return {
    ...state,
    devices: state.devices.set(id, device),
    keys: withUsedKeys(state.keys, [ik, dh], id),
    invites: invite === '' ? state.invites : state.invites.set(invite, true),
    owners: role === 'owner' ? state.owners.set(person, [...owners, id]) : state.owners,
  };
}

/** The state with a new fleet. */
export const withFleet = (state: DirectoryState, fleet: Fleet): DirectoryState => ({
  ...state,
  fleets: new Map(state.fleets).set(fleet.id, fleet),
  keys: withUsedKeys(state.keys, [fleet.key], fleet.id),
});

/**
 * Why an entry is a bad envelope. `unsupported_suite` and `unknown_op` mean that this reader must be updated; all others
 * that the server or its copy of the chain is faulty.
 */
export type StopReason =
  | FormProblem
  | 'other_org'
  | 'bad_sequence'
  | 'bad_previous_hash'
  | 'bad_genesis'
  | 'unknown_signer'
  | 'bad_signature'
  | 'bad_checkpoint';

/** Why the content of an entry has no effect. */
export type VoidReason =
  | 'expired'
  | 'misplaced_genesis'
  | 'malformed_body'
  | 'forbidden'
  | 'key_reused'
  | 'invite_reused'
  | 'no_owner'
  | 'bad_certificate'
  | 'unknown_subject'
  | 'not_active'
  | 'not_suspended'
  | 'revoked'
  | 'not_pending'
  | 'other_entry'
  | 'already_linked'
  | 'not_linked';

/** `accept` and `void` have the state with the entry as head. `stop` has none: the head of the caller does not move. */
export type Outcome =
  | { readonly result: 'stop'; readonly code: 'bad_envelope'; readonly reason: StopReason }
  | {
      readonly result: 'void';
      readonly state: DirectoryState;
      readonly entry: SignedDirectoryEntry;
      readonly reason: VoidReason;
    }
  | { readonly result: 'accept'; readonly state: DirectoryState; readonly entry: SignedDirectoryEntry };
