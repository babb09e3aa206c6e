/** Ports of the org's keyring and of the KEK. */
import type { Keyring } from '../../core/org-keys/org-keyring.ts';
import type { Tombstone } from '../../core/shredding/keyring-tombstone.ts';

export interface KeyringStore {
  /** Stores the keyring of a new org. @throws VaultError `internal` if the ID is already in use */
  create(keyring: Keyring): Promise<void>;
  /** The stored record, by a strongly consistent read; undefined if there is none. */
  getRaw(org: string): Promise<unknown>;
  /**
   * Replaces the keyring of the preceding generation. Returns false and changes nothing if another generation is
   * stored.
   */
  replace(keyring: Keyring): Promise<boolean>;
}

/** The KEK. It wraps DEKs only, with org and DEK version in the encryption context. */
export interface Kek {
  /** Generates a DEK of 32 bytes and returns it wrapped. Its plaintext does not leave the KEK's service. */
  generate(org: string, version: number): Promise<Uint8Array>;
  /** Unwraps a DEK; the caller zeroes it. @throws DecryptionError if it was not wrapped for this org and version */
  unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array>;
}

export interface KekRewrapper {
  /** Re-wraps a wrapped DEK with the current KEK without exposing the plaintext. @throws DecryptionError as `Kek.unwrap` */
  rewrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array>;
}

export interface ShreddableKeyringStore {
  /** The stored record; undefined if there is none. */
  getRaw(org: string): Promise<unknown>;
  /**
   * Replaces `before` with `next`, on condition that the stored record has the generation of `before`. Returns false
   * and changes nothing if it does not. Also returns false if an earlier attempt of the same call succeeded.
   */
  replaceIfUnchanged(next: Keyring | Tombstone, before: Keyring | Tombstone): Promise<boolean>;
}
