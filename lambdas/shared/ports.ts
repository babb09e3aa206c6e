/** What the rules need from the world. Stores implement these; the composition root joins the two. */

import type { Role } from '../../contract/roles.ts';
import type { Verb } from '../../contract/routes.ts';
import type { PublicJwk } from '../../core/jws.ts';
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
  /** What it was narrowed to when it was made (contract/wire.ts, KeyRights); absent where it was not. */
  readonly prefixes?: readonly string[] | undefined;
  readonly verbs?: readonly Verb[] | undefined;
  readonly expiresAt?: string | undefined;
  readonly createdAt: string;
  /** The hour in which it was last used. */
  readonly lastUsedAt?: string | undefined;
  /** Once rotated: the end of its overlap with the key that replaces it. No right, so its replacement lacks it. */
  readonly overlapEndsAt?: string | undefined;
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
   * Writes the item of one value, on condition that it is still as `before`, to the very sealed string of its info
   * (undefined: that there is none). So a rotation that seals the item anew makes a writer that read it before read it
   * again, and what is under an old DEK can't be put back.
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
  /** The record as stored, by a strongly consistent read; undefined when there is none. */
  stored(org: string): Promise<unknown>;
  /** Replaces the keyring of the generation before. Returns false, and has changed nothing, if it is another. */
  replace(keyring: Keyring): Promise<boolean>;
}

export interface ApiKeyStore {
  create(key: StoredApiKey): Promise<void>;
  get(org: string, id: string): Promise<StoredApiKey | undefined>;
  list(org: string, after: string | undefined, limit: number): Promise<Page<StoredApiKey>>;
  /** Lets a key end at a time, unless its overlap ends before; undefined when there is no such key. */
  endOverlap(org: string, id: string, at: string): Promise<StoredApiKey | undefined>;
  /** Marks a key as revoked at a time, unless it was before; undefined when there is no such key. */
  revoke(org: string, id: string, at: string): Promise<StoredApiKey | undefined>;
}

/** Where the last use of API keys is noted. */
export interface LastUseStore {
  /** Notes the hour of a use, unless a later one is noted already. */
  touch(org: string, id: string, hour: string): Promise<void>;
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

/** Signs statements of the deployment. */
export interface Signer {
  /**
   * Signs a statement: JWS in compact form (docs/format.md, section 7).
   * @param typ which kind of statement it is
   * @throws VaultError `unavailable`
   */
  sign(payload: object, typ: string): Promise<string>;
}

/** The public keys by which statements are verified. */
export interface PublicKeys {
  /** @throws VaultError `unavailable` */
  list(): Promise<readonly PublicJwk[]>;
}

/** The time, as a port: rules that use it can be tested at any time. */
export type Clock = () => Date;

/** Who calls, once that is proven. */
export interface Caller {
  readonly org: string;
  readonly keyId: string;
  readonly role: Role;
  /** What its key may do: the verbs of its role, as far as the key was not narrowed. */
  readonly verbs: readonly Verb[];
  /** Names it may touch: folders end in a slash, other entries are exactly that name; all names when undefined. */
  readonly prefixes?: readonly string[] | undefined;
  /** Whether the reserved ones are among all names (rights.ts). */
  readonly reserved?: boolean | undefined;
  readonly expiresAt?: string | undefined;
}
