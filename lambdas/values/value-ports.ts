/** Ports of values. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Page, ReadSlot, ReadValue, StoredValue, StoredVersion } from '../shared/ports.ts';

/** The current version of a value without its value string; undefined if the item lacks the documented form. */
export interface ListedValue {
  readonly name: string;
  readonly stored: Omit<StoredVersion, 'value'> | undefined;
}

/** The current versions of values: one item per name. */
export interface ValueStore {
  readCurrent(org: string, name: string): Promise<ReadValue | undefined>;
  /**
   * Writes the item of one value, on condition that the item is still exactly `before` (undefined: that there is none).
   * A rotation changes the item, so a writer that read it before must read it again and cannot write data back under an
   * old DEK. Returns false and changes nothing if the condition fails. Also returns false if an earlier attempt of the
   * same call succeeded.
   */
  putIfUnchanged(org: string, next: StoredValue, before: ReadValue | undefined): Promise<boolean>;
  /** Deletes the item of a name, whatever it holds. Returns whether it existed. */
  delete(org: string, name: string): Promise<boolean>;
  /**
   * Deletes the item if it still holds the version of `before`, re-encrypted or not. Returns false and changes nothing
   * if it does not.
   */
  deleteIfSame(org: string, name: string, before: ReadValue): Promise<boolean>;
  /** Values after a name, in ascending order. `more` is true if the list continues after this page. */
  list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<ListedValue>>;
}

/** The earlier versions of values: one item per history slot. */
export interface ValueHistoryStore {
  /**
   * Puts a version into its slot. Returns false and changes nothing if the slot holds a later version of the same life,
   * or a version of a life that was drawn later.
   */
  put(org: string, name: string, version: StoredVersion): Promise<boolean>;
  /** The slots of a name that hold an item, in any order. */
  read(org: string, name: string, slots: readonly number[]): Promise<readonly ReadSlot[]>;
  /** Deletes what a slot holds if it still is the version that was read, re-encrypted or not. */
  deleteIfSame(org: string, name: string, slot: ReadSlot): Promise<boolean>;
}

export interface ValueStores {
  readonly values: ValueStore;
  readonly history: ValueHistoryStore;
}

/** Notified after a value was encrypted with the active DEK. Rotation uses it to count and to start. */
export interface EncryptionObserver {
  /** Never fails, because the value is already stored. */
  recordEncryption(keys: OpenKeyring): Promise<void>;
}
