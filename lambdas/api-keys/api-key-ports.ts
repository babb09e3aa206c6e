/** Ports of API keys. */

import type { Role } from '../../contract/shared/roles.ts';
import type { Verb } from '../../contract/shared/verbs.ts';
import type { Page } from '../shared/ports.ts';

export interface StoredApiKey {
  readonly org: string;
  readonly id: string;
  readonly role: Role;
  readonly name?: string | undefined;
  /** What it was narrowed to when it was made (contract/shared/wire.ts, KeyRights); absent where it was not. */
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
export interface LastUsedStore {
  /** Notes the hour of a use, unless a later one is noted already. */
  recordHour(org: string, id: string, hour: string): Promise<void>;
}

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
