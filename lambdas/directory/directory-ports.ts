/** Ports of the services of session custody. Nothing that a store returns is trusted. */

import type { SentEnrollment, SessionRole } from '../../contract/sessions/wire.ts';
import type { StoredSnapshotFields } from '../../core/records/directory-snapshot-mac.ts';

/** The newest snapshot of a state, as stored. Its parts are items of their own. */
export interface StoredSnapshot extends StoredSnapshotFields {
  readonly mac: unknown;
}

/** What a request reads in one round trip. */
export interface DirectoryRequestData {
  readonly orgKeyring: unknown;
  readonly snapshot: StoredSnapshot | undefined;
  /** Whether there is an entry after the one that the caller knows. */
  readonly hasNext: boolean;
}

export interface EntryPage {
  /** Signed entries by ascending sequence number. There can be gaps. A damaged one has no bytes, so that readers stop at it. */
  readonly entries: readonly { readonly seq: number; readonly signed: Uint8Array }[];
  readonly more: boolean;
}

export interface DirectoryStore {
  /** @param known sequence number of the last entry that the caller has verified; 0 reads the snapshot too */
  read(org: string, known: number): Promise<DirectoryRequestData>;
  /** Returns false and changes nothing if the place is taken. */
  putEntry(org: string, seq: number, signed: Uint8Array): Promise<boolean>;
  getEntry(org: string, seq: number): Promise<Uint8Array | undefined>;
  /** Entries after `after`, up to `limit` entries and about `maxBytes` bytes. */
  listEntries(org: string, after: number, limit: number, maxBytes: number): Promise<EntryPage>;
}

/** Leaves of one state, by the entry after which it is. */
export type LeavesKind = 'state' | 'leaves';

/** What the service stores of a checkpoint, for clients that start at it. */
export interface StoredCheckpoint {
  readonly seq: number;
  /** As `fields`. */
  readonly subtrees: Uint8Array;
  readonly parts: number;
}

export interface SnapshotStore {
  get(org: string): Promise<StoredSnapshot | undefined>;
  /** Stores a snapshot unless there is one that is as new or newer. Returns whether it was stored. */
  put(org: string, snapshot: StoredSnapshot): Promise<boolean>;
  getPart(org: string, kind: LeavesKind, seq: number, part: number): Promise<Uint8Array | undefined>;
  putPart(org: string, kind: LeavesKind, seq: number, part: number, leaves: Uint8Array): Promise<void>;
  deleteParts(org: string, seq: number, parts: number): Promise<void>;
  /** The newest checkpoint whose sequence number is not above `upTo`. */
  findCheckpoint(org: string, upTo: number): Promise<StoredCheckpoint | undefined>;
  putCheckpoint(org: string, checkpoint: StoredCheckpoint): Promise<void>;
}

export interface StoredInvite {
  readonly invite: string;
  readonly person: string;
  readonly role: SessionRole;
  /** BLAKE2b-256 of the lookup value. */
  readonly stored: Uint8Array;
  readonly challenge: Uint8Array;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly enrollment?: StoredEnrollment | undefined;
}

export type StoredEnrollment = Readonly<Record<keyof SentEnrollment, Uint8Array>>;

export interface InviteStore {
  /** Reads the keyring of the org and an invite in one round trip. */
  read(
    org: string,
    invite: string,
  ): Promise<{ readonly orgKeyring: unknown; readonly invite: StoredInvite | undefined }>;
  /** Up to `limit` invites, expired ones included, damaged ones left out. */
  list(org: string, limit: number): Promise<readonly StoredInvite[]>;
  /** Returns false and changes nothing if there is an invite with this id. */
  create(org: string, invite: StoredInvite): Promise<boolean>;
  /** Returns false and changes nothing if the invite is not there, or a device has used it. */
  enroll(org: string, invite: string, enrollment: StoredEnrollment, expiresAt: string): Promise<boolean>;
  /** Returns whether it existed. */
  delete(org: string, invite: string): Promise<boolean>;
}

export interface StoredBundle {
  readonly seq: number;
  readonly bundle: Uint8Array;
  /** The highest id that a one-time prekey of the device had. */
  readonly highestId: number;
  /** The certificate with which a member of a fleet published it. */
  readonly certificate?: Uint8Array | undefined;
}

export interface PrekeyStore {
  get(org: string, device: string): Promise<StoredBundle | undefined>;
  /** Replaces `before`. Returns false and changes nothing if another bundle is there. */
  replace(org: string, device: string, bundle: StoredBundle, before: StoredBundle | undefined): Promise<boolean>;
  /** The ids of the one-time prekeys that are left, in ascending order, up to `limit`. */
  list(org: string, device: string, limit: number): Promise<readonly number[]>;
  put(org: string, device: string, id: number, signed: Uint8Array): Promise<void>;
  /** Deletes a one-time prekey and returns it; undefined if it is not there, or damaged. */
  take(org: string, device: string, id: number): Promise<Uint8Array | undefined>;
  /** Counts a claim. Returns false if the device has made `limit` claims in this window. */
  countClaim(org: string, device: string, claimant: string, window: number, limit: number): Promise<boolean>;
}

export interface StoredConversation {
  readonly conversation: string;
  readonly version: number;
  readonly statement: Uint8Array;
  /** Persons and agents. */
  readonly participants: readonly string[];
}

/** What decides whether two devices may write to each other, beside the directory. */
export interface RelationData {
  /** Signed statements by conversation. */
  readonly statements: ReadonlyMap<string, Uint8Array>;
  /** Signed certificates by device. */
  readonly certificates: ReadonlyMap<string, Uint8Array>;
}

export interface ConversationStore {
  /** Stores a statement, unless one with the same or a higher version and other bytes is stored. Returns whether it is. */
  put(org: string, conversation: StoredConversation): Promise<boolean>;
  /** The stored statement of a conversation, not verified. Empty for a damaged row. */
  getStatement(org: string, conversation: string): Promise<Uint8Array | undefined>;
  /** Stores a statement in place of the one that was read, whatever its row says. */
  replace(org: string, conversation: StoredConversation, before: Uint8Array): Promise<boolean>;
  /** The newest statements of a participant, by ascending id. Damaged ones are left out. */
  list(
    org: string,
    participant: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly items: readonly StoredConversation[]; readonly next: string | undefined }>;
  readRelations(org: string, conversations: readonly string[], members: readonly string[]): Promise<RelationData>;
}

/** Deletes what belongs to devices that were revoked. */
export interface RevokedDeviceStore {
  /** Sequence number of the last entry whose revocations are done. */
  getDone(org: string): Promise<number>;
  setDone(org: string, seq: number): Promise<void>;
  /** Deletes the rows of all connections of a device, and returns the connections. */
  takeConnections(org: string, device: string): Promise<readonly string[]>;
  /** Deletes up to a limit of the items of a device. Returns whether nothing is left. */
  deleteSome(org: string, device: string, limit: number): Promise<boolean>;
}
