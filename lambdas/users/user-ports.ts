/** Ports of the user services. */
import type { UserKeyring, UserTombstone } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import type { Page } from '../shared/ports.ts';

export const collections = ['memory', 'messages'] as const;
export type Collection = (typeof collections)[number];

/** A stored user record (docs/format.md, section 12). `data` is a sealed string. */
export interface StoredRecord {
  readonly collection: Collection;
  readonly id: string;
  readonly version: number;
  readonly data: string;
  readonly writeId?: string | undefined;
  /** Only for writes of `memory`: tags of the blind index, and seconds since 1970 after which the item can be deleted. */
  readonly tags?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
  /** Only for answers in `messages`: whether the provider accepted the answer. */
  readonly sent?: boolean | undefined;
}

export type RecordKey = Pick<StoredRecord, 'collection' | 'id'>;

/** Result of one read. */
export interface StoredUserData {
  /**
   * The verified keyring of the organization; `damaged` if the vault did not write its record. Used only to check its
   * lock and shred state: no user function can open a DEK.
   */
  readonly orgKeyring: StoredKeyring | 'damaged' | undefined;
  /** Raw; the services validate it. */
  readonly keyring: unknown;
  /** Existing records, by record id. */
  readonly records: ReadonlyMap<string, StoredRecord>;
}

export interface UserReader {
  /** As {@link UserRecordReader}, and verifies the organization's keyring. */
  read(owner: UserRef, records: readonly RecordKey[]): Promise<StoredUserData>;
}

export interface UserRecordReader {
  /**
   * Reads the organization's keyring, the user's keyring and up to 98 records in one strongly consistent BatchGetItem.
   */
  read(
    owner: UserRef,
    records: readonly RecordKey[],
  ): Promise<Omit<StoredUserData, 'orgKeyring'> & { readonly orgKeyring: unknown }>;
}

export interface UserKeyringStore {
  /** Stores the keyring of a new user. Returns false and changes nothing if a different record with this id exists. */
  create(keyring: UserKeyring): Promise<boolean>;
  /** Replaces the previous generation. Returns false and changes nothing if the previous generation is not stored. */
  replace(next: UserKeyring | UserTombstone): Promise<boolean>;
  /**
   * Replaces a record that is not a valid keyring with a tombstone, whatever the record contains. Returns false and
   * changes nothing if there is no record, or a different tombstone.
   * @param before `deletedAt` of the record, which can be a damaged tombstone
   */
  overwriteWithTombstone(deleted: UserTombstone, before: string | undefined): Promise<boolean>;
  /** The raw record, or undefined if there is none. */
  getRecord(owner: UserRef): Promise<unknown>;
  /** Raw records in ascending order of the user id in their key. A damaged record may contain a different user id. */
  list(org: string, after: string | undefined, limit: number): Promise<Page<{ user: string; record: unknown }>>;
}

/** An index entry: a locator and the user it maps to. */
export interface StoredLocator {
  readonly locator: string;
  readonly user: string;
  /** Id of the slot that the claim was made for. Each claim uses a new random id, even if the slot was never stored. */
  readonly slot?: string | undefined;
  /** RFC 3339 time of the claim. Set for identities and logins. */
  readonly since?: string | undefined;
  /** Set for an identity whose slot was removed: no in-flight request will store a slot for this claim. */
  readonly retired?: boolean | undefined;
  /** `expiresAt` and `tries` are set only for link codes. */
  readonly expiresAt?: string | undefined;
  readonly tries?: number | undefined;
}

export interface LocatorStore {
  find(org: string, locator: string): Promise<StoredLocator | undefined>;
  /**
   * Writes a locator if one of these holds: there is none; the stored one belongs to the same user (and, for link
   * codes, the same slot); the stored one belongs to user `before` and was claimed for slot `beforeSlot`. Otherwise
   * returns false and changes nothing.
   */
  claim(org: string, next: StoredLocator, before: string | undefined, beforeSlot?: string): Promise<boolean>;
  /**
   * Removes a locator that was claimed for this slot of this user, or for any slot of this user if `slot` is omitted.
   * Does nothing if the locator maps to another user, was claimed again, or does not exist.
   */
  remove(org: string, locator: string, user: string, slot?: string): Promise<void>;
  /**
   * Marks a locator as retired and sets its expiry. Applies to a claim for this slot of this user, or for any slot of
   * this user if `slot` is omitted. Until it expires, the locator still maps to this user. Does nothing under the
   * same conditions as {@link remove}.
   * @param ttl expiry, in seconds since 1970
   */
  retire(org: string, locator: string, user: string, ttl: number, slot?: string): Promise<void>;
  /**
   * Counts one try of a link code and returns the stored entry with the new count. Returns undefined if there is no
   * such code, it has expired, or it has no tries left.
   */
  countLinkCodeTry(org: string, locator: string, now: Date): Promise<StoredLocator | undefined>;
}

export interface UserRecordStore {
  /**
   * Writes a record if the stored one still equals `before`, or if there is none and `before` is undefined. Otherwise
   * returns false and changes nothing.
   */
  put(owner: UserRef, record: StoredRecord, before: StoredRecord | undefined): Promise<boolean>;
  /** Returns whether the record existed. */
  delete(owner: UserRef, key: RecordKey): Promise<boolean>;
  /** Records of a collection in order of their ids, starting after `after`. `descending` reverses the order. */
  list(
    owner: UserRef,
    collection: Collection,
    after: string | undefined,
    limit: number,
    descending?: boolean,
  ): Promise<Page<StoredRecord>>;
  /** Marks an answer as accepted by the provider. */
  markSent(owner: UserRef, key: RecordKey): Promise<void>;
}

/** Finds records by tags (core/users/memory-tags.ts). */
export interface TaggedRecordStore {
  /**
   * As `list` of UserRecordStore, but only records with all of the tags. Reads up to 1 MiB of stored records. `lastId` is the last record that
   * was read.
   */
  listTagged(
    owner: UserRef,
    collection: Collection,
    tags: readonly string[],
    after: string | undefined,
  ): Promise<Page<StoredRecord> & { readonly lastId: string | undefined }>;
}

/** Lists and deletes the items that remain of a deleted user or a shredded organization. */
export interface UserItemStore {
  /**
   * Up to `limit` item ids of an organization. With `start`, only ids that begin with `start` and a slash: for records,
   * `start` is the user id.
   */
  list(org: string, start: string | undefined, limit: number): Promise<Page<string>>;
  delete(org: string, ids: readonly string[]): Promise<void>;
}

/**
 * MACs for slots of identities. The keys are HMAC keys in KMS, and core/users/slot-mac-inputs.ts builds the messages.
 */
export interface CustodyMacs {
  /** Returns 32 bytes. The caller zeroes them. @throws VaultError `key_unavailable`, `unavailable` */
  deriveIdentitySecret(message: Uint8Array): Promise<Buffer>;
}
/** MACs for slots of passwords and link codes. */
export interface CodeMacs {
  /** Returns 32 bytes. The caller zeroes them. @throws VaultError `key_unavailable`, `unavailable` */
  deriveCodeSecret(message: Uint8Array): Promise<Buffer>;
}
/** MACs for locators. */
export interface RoutingMacs {
  /** Returns a locator: 43 base64url characters. @throws VaultError `key_unavailable`, `unavailable` */
  deriveLocator(message: Uint8Array): Promise<string>;
}
