/** Ports of values. */
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Page, StoredValue, StoredVersion } from '../shared/ports.ts';

export interface StoredValueSummary {
  readonly name: string;
  readonly version: number;
  readonly info: string;
}

export interface ValueStore {
  /**
   * Writes the item of one value, on condition that it is still as `before`, to the very sealed string of its info
   * (undefined: that there is none). So a rotation that seals the item anew makes a writer that read it before read it
   * again, and what is under an old DEK can't be put back.
   * Returns false, and has changed nothing, when it is not, or when an earlier try of this very call has succeeded.
   */
  putIfUnchanged(org: string, next: StoredValue, before: StoredVersion | undefined): Promise<boolean>;
  /** Deletes a value whatever its version. Returns whether there was one. */
  delete(org: string, name: string): Promise<boolean>;
  /** Deletes a value that is still at `before`; false, and nothing changed, when it is not. */
  deleteIfUnchanged(org: string, name: string, before: StoredVersion): Promise<boolean>;
  /** Values by name, ascending, after a name; `more` when the page ended before the list did. */
  list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<StoredValueSummary>>;
}

/** Notified after a value was sealed under the active DEK: rotation counts and starts by it. */
export interface EncryptionObserver {
  /** Never fails: the value is stored, whatever becomes of this. */
  recordEncryption(keys: OpenKeyring): Promise<void>;
}
