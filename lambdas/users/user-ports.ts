/** What the rules of users need from the world, as ports.ts says it for orgs; the same holds for all stores here. */
import type { UserKeyring, UserTombstone } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Page } from '../shared/ports.ts';

export const collections = ['memory', 'messages'] as const;
export type Collection = (typeof collections)[number];

/** A record of a user as it is stored (docs/format.md, section 12); `data` is a sealed string. */
export interface StoredRecord {
  readonly collection: Collection;
  readonly id: string;
  readonly version: number;
  readonly data: string;
  readonly writeId?: string | undefined;
  /** Of answers in `messages`: whether the provider has taken it. */
  readonly sent?: boolean | undefined;
}

export type RecordKey = Pick<StoredRecord, 'collection' | 'id'>;

/** What one read brings. Keyrings are as stored, to be checked by the rules. */
export interface StoredUserData {
  /** Of the org: for its lock and its shredding alone; no function of users can open a DEK. */
  readonly orgKeyring: unknown;
  readonly keyring: unknown;
  /** By record id; of those that exist. */
  readonly records: ReadonlyMap<string, StoredRecord>;
}

export interface UserReader {
  /** The org's keyring, the user's, and up to 98 records: one BatchGetItem, strongly consistent. */
  read(owner: UserRef, records: readonly RecordKey[]): Promise<StoredUserData>;
}

export interface UserKeyringStore {
  /** Stores the keyring of a new user; false, and nothing changed, if there is a record of that id that is not this very one. */
  create(keyring: UserKeyring): Promise<boolean>;
  /** Puts the next generation in place of the one before; false, and nothing changed, if that is not there. */
  replace(next: UserKeyring | UserTombstone): Promise<boolean>;
  /** Puts a tombstone in place of a record that is no keyring, whatever it holds; false, and nothing changed, if there is none, or another tombstone. */
  overwriteWithTombstone(deleted: UserTombstone): Promise<boolean>;
  /** The record as stored; undefined when there is none. */
  getRecord(owner: UserRef): Promise<unknown>;
  /** Records as stored, ascending by the user id of their key, which a damaged one may contradict. */
  list(org: string, after: string | undefined, limit: number): Promise<Page<{ user: string; record: unknown }>>;
}

/** Whose slot has a locator. */
export interface StoredLocator {
  readonly locator: string;
  readonly user: string;
  /** Id of the slot that it was claimed for, drawn anew for each claim, whether or not it was stored then. */
  readonly slot?: string | undefined;
  /** RFC 3339: when it was claimed; of identities and logins. */
  readonly since?: string | undefined;
  /** Of an identity whose slot is gone: no request is about to store one for this claim. */
  readonly retired?: boolean | undefined;
  /** These two of codes for linking. */
  readonly expiresAt?: string | undefined;
  readonly tries?: number | undefined;
}

export interface LocatorStore {
  find(org: string, locator: string): Promise<StoredLocator | undefined>;
  /**
   * Writes a locator on condition that there is none, or one of the same user (and slot, of codes), or the one of `before` (a user id) that was
   * claimed for the slot `beforeSlot`; false, and nothing changed, when not.
   */
  claim(org: string, next: StoredLocator, before: string | undefined, beforeSlot?: string): Promise<boolean>;
  /**
   * Removes a locator that was claimed for this slot of this user, or for whichever of that user; nothing happens when it leads elsewhere, was
   * claimed anew, or is gone.
   */
  remove(org: string, locator: string, user: string, slot?: string): Promise<void>;
  /**
   * Lets a locator that was claimed for this slot of this user, or for whichever of that user, end at a time, seconds since 1970; until then it
   * leads to what is left of that user, and is marked as retired. Nothing happens where {@link remove} does nothing.
   */
  retire(org: string, locator: string, user: string, ttl: number, slot?: string): Promise<void>;
  /** Counts a try of a code for linking: what is stored, with the new count; undefined when there is none, it has expired, or had its tries. */
  countLinkCodeTry(org: string, locator: string, now: Date): Promise<StoredLocator | undefined>;
}

export interface LoginAttemptStore {
  /** Counts an attempt to log in, whether or not there is such a login; false when there were too many within the window. */
  countAttempt(org: string, locator: string, now: Date): Promise<boolean>;
  /** Forgets the attempts, after one that succeeded. */
  resetAttempts(org: string, locator: string): Promise<void>;
}

export interface UserRecordStore {
  /** Writes a record on condition that it is still at `before` (undefined: that there is none); false, and nothing changed, when not. */
  put(owner: UserRef, record: StoredRecord, before: StoredRecord | undefined): Promise<boolean>;
  /** Whether there was one. */
  delete(owner: UserRef, key: RecordKey): Promise<boolean>;
  /** Records of a collection by id, after one; `descending` from the last on. */
  list(
    owner: UserRef,
    collection: Collection,
    after: string | undefined,
    limit: number,
    descending?: boolean,
  ): Promise<Page<StoredRecord>>;
  /** Marks an answer as taken by the provider. */
  markSent(owner: UserRef, key: RecordKey): Promise<void>;
}

/** What deletes what a deleted user, or a shredded org, left behind. */
export interface UserItemStore {
  /** Ids of items of an org, up to `limit`: those that begin with `start` and a slash (of records: those of that user), or all. */
  list(org: string, start: string | undefined, limit: number): Promise<Page<string>>;
  delete(org: string, ids: readonly string[]): Promise<void>;
}

/** The HMAC keys in KMS (core/users/slot-mac-inputs.ts has their messages). What opens slots of identities: */
export interface CustodyMacs {
  /** 32 bytes, which the caller zeroes. @throws VaultError `key_unavailable`, `unavailable` */
  deriveIdentitySecret(message: Uint8Array): Promise<Buffer>;
}
/** What opens slots of passwords and of codes for linking. */
export interface CodeMacs {
  /** 32 bytes, which the caller zeroes. @throws VaultError `key_unavailable`, `unavailable` */
  deriveCodeSecret(message: Uint8Array): Promise<Buffer>;
}
/** What finds users. */
export interface RoutingMacs {
  /** A locator: 43 characters of base64url. @throws VaultError `key_unavailable`, `unavailable` */
  deriveLocator(message: Uint8Array): Promise<string>;
}
