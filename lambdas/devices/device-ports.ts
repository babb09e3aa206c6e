/** Ports of the services for device vaults. */
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';

/** The roster of a vault as stored (docs/device-service.md, section 7). */
export interface StoredRoster {
  readonly scope: VaultScope;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Sequence number of the head, for conditions. */
  readonly seq: number;
  /** Bytes of the log up to the head. */
  readonly logBytes: number;
  /** Encoded chain state without records. */
  readonly state: Uint8Array;
  /** MAC over all that grants access; not verified yet. */
  readonly mac: unknown;
  /** RFC 3339: from then on, the vault can be deleted. */
  readonly deletableAt?: string | undefined;
}

/** Wraps and recovery boxes: stored before the entry that contains their hash. */
export type AttachmentKind = 'wraps' | 'recovery';

export interface RosterStore {
  get(scope: VaultScope): Promise<StoredRoster | undefined>;
  /** The rosters of a user. A damaged one has no fields but the id of its vault. */
  list(owner: UserRef): Promise<readonly (StoredRoster | { readonly damaged: string })[]>;
  /** Returns false and changes nothing if there is a roster. */
  create(roster: StoredRoster): Promise<boolean>;
  /** Replaces the roster whose head is `before`. Returns false and changes nothing if it has another head. */
  replace(roster: StoredRoster, before: number): Promise<boolean>;
  /** Sets or removes the time from which the vault can be deleted. Does nothing if there is no roster. */
  setDeletable(scope: VaultScope, at: string | undefined): Promise<void>;
  delete(scope: VaultScope): Promise<void>;
  /** @param hash SHA-256 of the bytes */
  putAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array, bytes: Uint8Array): Promise<void>;
  /** The attachments that exist, by the hexadecimal form of their hash. */
  getAttachments(
    scope: VaultScope,
    kind: AttachmentKind,
    hashes: readonly Uint8Array[],
  ): Promise<ReadonlyMap<string, Uint8Array>>;
  deleteAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array): Promise<void>;
  /**
   * Deletes up to a limit of the items that belong to a vault beside its roster.
   * @returns whether nothing is left
   */
  deleteOthers(scope: VaultScope, limit: number): Promise<boolean>;
}

export interface LogPage {
  /** Signed entries by ascending sequence number. There can be gaps. */
  readonly entries: readonly { readonly seq: number; readonly signed: Uint8Array }[];
  readonly more: boolean;
}

export interface LogStore {
  /** Returns false and changes nothing if the place is taken. */
  put(scope: VaultScope, seq: number, signed: Uint8Array): Promise<boolean>;
  get(scope: VaultScope, seq: number): Promise<Uint8Array | undefined>;
  /** Entries after `after`, up to `limit` entries and about `maxBytes` bytes. */
  list(scope: VaultScope, after: number, limit: number, maxBytes: number): Promise<LogPage>;
  /** @returns whether nothing is left */
  deleteSome(scope: VaultScope, limit: number): Promise<boolean>;
}

/** Messages of a pairing by their place, for example `new1`. */
export type PairingPlace = 'new1' | 'new2' | 'approver1';

export interface StoredPairing {
  readonly pairing: string;
  readonly expiresAt: string;
  readonly messages: Readonly<Partial<Record<PairingPlace, Uint8Array>>>;
}

export interface PairingStore {
  get(scope: VaultScope, pairing: string): Promise<StoredPairing | undefined>;
  list(scope: VaultScope): Promise<readonly StoredPairing[]>;
  /** Returns false and changes nothing if there is a pairing with this id. */
  create(scope: VaultScope, pairing: StoredPairing): Promise<boolean>;
  /**
   * Adds a message to an existing pairing. Returns false and changes nothing if there is no such pairing, or another
   * message in this place.
   */
  add(scope: VaultScope, pairing: string, place: PairingPlace, message: Uint8Array): Promise<boolean>;
  /** Returns whether it existed. */
  delete(scope: VaultScope, pairing: string): Promise<boolean>;
}

/** What a request of a device reads in one round trip. Nothing of it is verified. */
export interface DeviceRequestData {
  readonly orgKeyring: unknown;
  readonly userKeyring: unknown;
  readonly roster: StoredRoster | undefined;
}

export interface DeviceRequestReader {
  read(scope: VaultScope): Promise<DeviceRequestData>;
}
