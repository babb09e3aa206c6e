/** Ports of values. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Page, StoredValue, StoredVersion } from '../shared/ports.ts';

/** The current version of a value without its value string. */
export interface StoredValueSummary extends Omit<StoredVersion, 'value'> {
  readonly name: string;
}

export interface ValueStore {
  /**
   * Writes the item of one value, on condition that its `info` string is still that of `before` (undefined: that no
   * item exists). A rotation changes that string, so a writer that read the item before must read it again and cannot
   * write data back under an old DEK. Returns false and changes nothing if the condition fails. Also returns false if
   * an earlier attempt of the same call succeeded.
   */
  putIfUnchanged(org: string, next: StoredValue, before: StoredVersion | undefined): Promise<boolean>;
  /** Deletes a value of any version. Returns whether it existed. */
  delete(org: string, name: string): Promise<boolean>;
  /** Deletes a value if it is still at `before`. Returns false and changes nothing if it is not. */
  deleteIfUnchanged(org: string, name: string, before: StoredVersion): Promise<boolean>;
  /** Values after a name, in ascending order. `more` is true if the list continues after this page. */
  list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<StoredValueSummary>>;
}

/** Notified after a value was encrypted with the active DEK. Rotation uses it to count and to start. */
export interface EncryptionObserver {
  /** Never fails, because the value is already stored. */
  recordEncryption(keys: OpenKeyring): Promise<void>;
}
