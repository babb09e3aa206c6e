/** JSON types of the API key routes. */

import type { Role } from '../shared/roles.ts';
import type { Verb } from '../shared/verbs.ts';

/** Restrictions of a key beyond its role. */
export interface KeyRestrictions {
  /**
   * Names that the key can access. An entry that ends in a slash allows everything below it; any other entry allows
   * exactly that name. When absent, all names are allowed, but names under `channels/` only for admins and auditors.
   * Other keys must list those names here.
   */
  prefixes?: string[] | undefined;
  /** Verbs that the key can use, out of the verbs of its role. When absent, all verbs of the role. */
  verbs?: Verb[] | undefined;
  /** RFC 3339 time from which the key is refused. */
  expiresAt?: string | undefined;
}

export interface CreateKeyRequest extends KeyRestrictions {
  role: Role;
  /** Label for people: the purpose of the key. */
  name?: string | undefined;
}

/** Where a short-lived key comes from (docs/workload-identity.md). */
export interface KeyOrigin {
  /** Id of the login that gave the key. */
  login: string;
  /** The identity that logged in: the claim `sub`, or the AWS user id. It is recorded and not used for decisions. */
  subject: string;
}

export interface ApiKeyInfo extends KeyRestrictions {
  id: string;
  role: Role;
  name?: string | undefined;
  createdAt: string;
  /** The full hour of the last use; absent when the key has not been used. */
  lastUsedAt?: string | undefined;
  /** RFC 3339; present once the key is revoked. */
  revokedAt?: string | undefined;
  /** Present for a key that a login gave, or that such a key created. */
  origin?: KeyOrigin | undefined;
}

export interface CreateKeyResponse extends ApiKeyInfo {
  /** The key itself. It cannot be retrieved again. */
  key: string;
}

export interface RotateKeyRequest {
  /** Seconds for which the old key keeps working. Default: one day; maximum: one week. */
  overlapSeconds?: number | undefined;
}

export interface RotateKeyResponse {
  /** The new key, with the same permissions as the old one. */
  replacement: CreateKeyResponse;
  /** The old key, with its expiry at the end of the overlap. */
  replaced: ApiKeyInfo;
}

export interface ListKeysResponse {
  keys: ApiKeyInfo[];
  /** IDs of stored records that the vault did not write or that were altered. Such keys are refused. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}
