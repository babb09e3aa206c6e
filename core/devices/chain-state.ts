/** The state of a verified chain, and the outcome of one more entry (docs/format-devices.md, section 6). */

import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { emptyFrontier, type MerkleFrontier } from '../encoding/merkle-shape.ts';
import { type FormProblem, type SignedEntry, zeroHash } from './chain-entry.ts';
import { merkleRoot } from './merkle-frontier.ts';
import { PersistentMap } from './persistent-map.ts';
import type { Change } from './record-changes.ts';
import type { NewMember } from './roster-body.ts';
import { assertVaultScope, type VaultScope } from './vault-scope.ts';

/** Names one entry. */
export interface EntryRef {
  readonly seq: number;
  readonly hash: Bytes;
}

export interface Member extends NewMember {
  /** Sequence number of the entry that made it a member. */
  readonly since: number;
  /** Sequence number and time of the last entry that it signed. It had seen all entries before. */
  readonly lastSeq: number;
  readonly lastTime: string;
}

/** The public facts about an epoch. */
export interface Epoch {
  readonly commitment: Bytes;
  /** Hash of the wraps of the entry that began the epoch. */
  readonly wraps: Bytes;
}

/** The newest version of a record. */
export interface RecordHead {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly hash: Bytes;
  readonly epoch: number;
}

export interface ChainState {
  readonly scope: VaultScope;
  readonly head: EntryRef;
  /** Hash of the first entry. */
  readonly genesis: Bytes;
  /** The last roster entry that took effect, and the number of them. */
  readonly roster: { readonly hash: Bytes; readonly count: number };
  /** The current epoch; its facts are at index `epoch − 1` of `epochs`. */
  readonly epoch: number;
  readonly epochs: readonly Epoch[];
  /** Whether a member left and the epoch has not risen since. */
  readonly rotationDue: boolean;
  readonly members: ReadonlyMap<string, Member>;
  /** Ids of all present and former members. */
  readonly usedIds: ReadonlySet<string>;
  /** Hash of the current recovery box. */
  readonly recoveryBox: Bytes | undefined;
  readonly records: PersistentMap<RecordHead>;
  /** Over the hashes of all entries. */
  readonly entries: MerkleFrontier;
  /** The last checkpoint, and the last one that another member acknowledged. */
  readonly checkpoint: (EntryRef & { readonly signer: string }) | undefined;
  readonly acknowledged: EntryRef | undefined;
  readonly closed: boolean;
}

/** The state before the first entry. @throws RangeError for ids of another form */
export const initialState = (scope: VaultScope): ChainState => ({
  scope: assertVaultScope(scope),
  head: { seq: 0, hash: zeroHash },
  genesis: zeroHash,
  roster: { hash: zeroHash, count: 0 },
  epoch: 0,
  epochs: [],
  rotationDue: false,
  members: new Map(),
  usedIds: new Set(),
  recoveryBox: undefined,
  records: PersistentMap.empty(),
  entries: emptyFrontier,
  checkpoint: undefined,
  acknowledged: undefined,
  closed: false,
});

/**
 * Why an entry is a bad envelope. `unsupported_suite` and `unknown_kind` mean that this reader must be updated; all
 * others that the server or its copy of the chain is faulty.
 */
export type StopReason =
  | FormProblem
  | 'other_vault'
  | 'bad_sequence'
  | 'bad_previous_hash'
  | 'closed'
  | 'not_a_member'
  | 'bad_epoch'
  | 'rotation_due'
  | 'bad_signature'
  | 'bad_genesis';

/** Why the content of an entry, or of one change, has no effect. */
export type VoidReason =
  | 'malformed_body'
  | 'forbidden'
  | 'misplaced_genesis'
  | 'bad_previous_roster'
  | 'roster_full'
  | 'too_many_members'
  | 'unknown_device'
  | 'own_device'
  | 'device_reused'
  | 'last_admin'
  | 'bad_commitment'
  | 'bad_checkpoint'
  | 'bad_acknowledgement'
  | 'too_many_changes'
  | 'unknown_type'
  | 'bad_record_id'
  | 'bad_version'
  | 'bad_parent';

/** A change that took effect. Whether its content opens is decided by the devices that have the key. */
export interface AppliedChange {
  readonly change: Change;
  readonly hash: Bytes;
}

export interface VoidChange {
  /** Position in the body, from 0. */
  readonly index: number;
  readonly reason: VoidReason;
}

/**
 * `accept` and `void` carry the state with the entry as head. `stop` carries none: the head of the caller does not move.
 */
export type Outcome =
  | { readonly result: 'stop'; readonly code: 'bad_envelope'; readonly reason: StopReason }
  | { readonly result: 'void'; readonly state: ChainState; readonly entry: SignedEntry; readonly reason: VoidReason }
  | {
      readonly result: 'accept';
      readonly state: ChainState;
      readonly entry: SignedEntry;
      readonly changes: readonly AppliedChange[];
      readonly voided: readonly VoidChange[];
    };

/** Key of a record in `records`. Neither part contains a colon. */
export const recordKey = ({ type, id }: { readonly type: string; readonly id: string }): string => `${type}:${id}`;

/** The records by their keys. */
export const toRecordMap = (heads: readonly RecordHead[]): PersistentMap<RecordHead> =>
  PersistentMap.from(heads.map((head) => [recordKey(head), head]));

const byTypeAndId = (a: RecordHead, b: RecordHead): number => (recordKey(a) < recordKey(b) ? -1 : 1);

/** The leaf of a record in the tree of a checkpoint. */
export const encodeRecordLeaf = ({ type, id, version, hash, epoch }: RecordHead): Bytes =>
  encodeFieldBytes(type, id, u64Bytes(version), hash, u32Bytes(epoch));

/** The root over the newest versions of all records, tombstones included. */
export const recordsRoot = (heads: readonly RecordHead[]): Promise<Bytes> =>
  merkleRoot([...heads].sort(byTypeAndId).map(encodeRecordLeaf));
