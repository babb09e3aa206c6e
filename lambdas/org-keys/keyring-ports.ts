/** Ports of the org's keyring and of the KEK. */
import type { Keyring } from '../../core/org-keys/org-keyring.ts';
import type { Tombstone } from '../../core/shredding/keyring-tombstone.ts';

export interface KeyringStore {
  /** Stores the keyring of a new org; VaultError `internal` if there is one of that id. */
  create(keyring: Keyring): Promise<void>;
  /** The record as stored, by a strongly consistent read; undefined when there is none. */
  getRaw(org: string): Promise<unknown>;
  /** Replaces the keyring of the generation before. Returns false, and has changed nothing, if it is another. */
  replace(keyring: Keyring): Promise<boolean>;
}

/** The KEK: it wraps DEKs and nothing else, with org and DEK version in the encryption context. */
export interface Kek {
  /** Makes a DEK: 32 bytes, which the caller zeroes, and the same wrapped. */
  generate(org: string, version: number): Promise<{ secret: Uint8Array; wrapped: Uint8Array }>;
  /** Unwraps a DEK; the caller zeroes it. DecryptionError when it was not wrapped for this org and version. */
  unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array>;
  /** Wraps a wrapped DEK anew, under the KEK as it is now, without showing it. DecryptionError as `unwrap`. */
  rewrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array>;
}

export interface ShreddableKeyringStore {
  /** The record as stored; undefined when there is none. */
  getRaw(org: string): Promise<unknown>;
  /**
   * Puts `next` in place of `before`, on condition that the stored record still has its generation and its lock, or has none
   * as `before` has none. Returns false, and has changed nothing, when it is another, or when an earlier try of this very call
   * has succeeded.
   */
  replaceIfUnchanged(next: Keyring | Tombstone, before: Keyring | Tombstone): Promise<boolean>;
}
