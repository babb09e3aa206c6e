/** What the rules need from the world. Stores implement these; the composition root joins the two. */

import type { Role } from '../../contract/roles.ts';
import type { Keyring } from '../../core/keyring.ts';

/** One version of a value as it is stored; `value` and `info` are sealed strings (docs/format.md, section 5). */
export interface StoredVersion {
  readonly version: number;
  readonly value: string;
  readonly info: string;
  readonly writeId: string;
}

/** A value as it is stored: its current version and the ones kept before it. */
export interface StoredValue extends StoredVersion {
  readonly name: string;
  /** Newest first; empty as well when the read left it out. */
  readonly history: readonly StoredVersion[];
  /** Seconds since 1970, for DynamoDB's sweeper only. */
  readonly ttl?: number | undefined;
}

export interface StoredApiKey {
  readonly org: string;
  readonly id: string;
  readonly role: Role;
  readonly name?: string | undefined;
  readonly createdAt: string;
  readonly revokedAt?: string | undefined;
  /** Base64 of the SHA-256 of the key's secret. */
  readonly hash: string;
}

/** What one read brings. The keyring is as stored, to be checked by the rules. */
export interface Records {
  readonly apiKey: StoredApiKey | undefined;
  readonly keyring: unknown;
  readonly values: ReadonlyMap<string, StoredValue>;
}

export interface RecordsRequest {
  readonly org: string;
  readonly keyId: string;
  /** Values wanted, each name once. */
  readonly names: readonly string[];
  /** Whether earlier versions are wanted too. */
  readonly history: boolean;
}

/**
 * All stores: reads are strongly consistent; a failure or throttling of the service beneath is
 * VaultError `unavailable`; a record that does not have the documented form is DecryptionError.
 */
export interface RecordStore {
  /** API key, keyring and values in one round trip (two when more than 98 values are wanted). */
  read(request: RecordsRequest): Promise<Records>;
}

export interface ListedValue {
  readonly name: string;
  readonly version: number;
  readonly info: string;
}

export interface ValueStore {
  /**
   * Writes the item of one value, on condition that it is still at `before` (undefined: that there is none).
   * Returns false, and has changed nothing, when it is not, or when an earlier try of this very call has succeeded.
   */
  put(org: string, next: StoredValue, before: StoredVersion | undefined): Promise<boolean>;
  /** Deletes a value whatever its version. Returns whether there was one. */
  delete(org: string, name: string): Promise<boolean>;
  /** Deletes a value that is still at `before`; false, and nothing changed, when it is not. */
  deleteAt(org: string, name: string, before: StoredVersion): Promise<boolean>;
  /** Values by name, ascending, after a name; `more` when the page ended before the list did. */
  list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<ListedValue>>;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

export interface KeyringStore {
  /** Stores the keyring of a new org; VaultError `internal` if there is one of that id. */
  create(keyring: Keyring): Promise<void>;
  /** Replaces the keyring of the generation before. Returns false, and has changed nothing, if it is another. */
  replace(keyring: Keyring): Promise<boolean>;
}

export interface ApiKeyStore {
  create(key: StoredApiKey): Promise<void>;
  list(org: string, after: string | undefined, limit: number): Promise<Page<StoredApiKey>>;
  /** Marks a key as revoked at a time, unless it was before; undefined when there is no such key. */
  revoke(org: string, id: string, at: string): Promise<StoredApiKey | undefined>;
}

/** The KEK: it wraps DEKs and nothing else, with org and DEK version in the encryption context. */
export interface Kek {
  /** Makes a DEK: 32 bytes, which the caller zeroes, and the same wrapped. */
  generate(org: string, version: number): Promise<{ secret: Uint8Array; wrapped: Uint8Array }>;
  /** Unwraps a DEK; the caller zeroes it. DecryptionError when it was not wrapped for this org and version. */
  unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array>;
}

/** The time, as a port: rules that use it can be tested at any time. */
export type Clock = () => Date;

/** Who calls, once that is proven. */
export interface Caller {
  readonly org: string;
  readonly keyId: string;
  readonly role: Role;
}
