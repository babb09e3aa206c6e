/** Ports of API keys. */

import type { KeyOrigin } from '../../contract/api-keys/wire.ts';
import type { Role } from '../../contract/shared/roles.ts';
import type { Verb } from '../../contract/shared/verbs.ts';
import type { Page } from '../shared/ports.ts';

export interface StoredApiKey {
  readonly org: string;
  readonly id: string;
  readonly role: Role;
  readonly name?: string | undefined;
  /** Restrictions set at creation (contract/api-keys/wire.ts, CreateKeyRequest); absent if there are none. */
  readonly prefixes?: readonly string[] | undefined;
  /** As stored, because the MAC covers them. Verbs that this version does not know grant nothing. */
  readonly verbs?: readonly string[] | undefined;
  readonly expiresAt?: string | undefined;
  readonly createdAt: string;
  /** RFC 3339, rounded down to the hour. */
  readonly lastUsedAt?: string | undefined;
  /** Set by a rotation: when the overlap with the replacement key ends. The replacement does not inherit it. */
  readonly overlapEndsAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** Present for a key that a login gave, or that such a key created (docs/workload-identity.md). */
  readonly origin?: KeyOrigin | undefined;
  /** Base64 of the SHA-256 of the key's secret. */
  readonly hash: string;
  /** Base64 of the MAC over everything that grants access (core/api-keys/api-key-mac.ts). */
  readonly mac: string;
}

export interface ListedApiKey {
  readonly id: string;
  readonly stored: StoredApiKey | undefined;
}

export interface ApiKeyStore {
  create(key: StoredApiKey): Promise<void>;
  /** @throws DecryptionError if the record does not have the documented format */
  get(org: string, id: string): Promise<StoredApiKey | undefined>;
  /** Records after an ID, ascending. `stored` is undefined for a record that does not have the documented format. */
  list(org: string, after: string | undefined, limit: number): Promise<Page<ListedApiKey>>;
  /**
   * Sets the end of a key's overlap unless an earlier end is already set. Returns the end that is stored, or undefined
   * if there is no such key.
   */
  endOverlap(org: string, id: string, at: string): Promise<string | undefined>;
  /**
   * Marks a key as revoked. An already revoked key keeps its revocation time. Returns the stored time, or undefined if
   * there is no such key.
   */
  revoke(org: string, id: string, at: string): Promise<string | undefined>;
}

/** Stores the last use of API keys. */
export interface LastUsedStore {
  /** Records the hour of a use unless a later hour is already stored. */
  recordHour(org: string, id: string, hour: string): Promise<void>;
}

/** An authenticated API key. */
export interface Caller {
  readonly org: string;
  readonly keyId: string;
  readonly role: Role;
  /** Permitted verbs: those of the role, minus any restriction on the key. */
  readonly verbs: readonly Verb[];
  /**
   * Permitted names. An entry that ends in a slash is a folder; any other entry is an exact name. Undefined permits all
   * names.
   */
  readonly prefixes?: readonly string[] | undefined;
  /** Whether "all names" includes the reserved names (permissions.ts). */
  readonly reserved?: boolean | undefined;
  readonly expiresAt?: string | undefined;
  readonly origin?: KeyOrigin | undefined;
  /** Set during a rotation overlap: the key was replaced and may not manage keys any more. */
  readonly replaced?: boolean | undefined;
}
