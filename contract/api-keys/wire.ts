/** JSON of the routes of API keys. */

import type { Role } from '../shared/roles.ts';
import type { Verb } from '../shared/verbs.ts';

/** How a key may be narrowed beyond its role. */
export interface KeyRestrictions {
  /**
   * Names it may touch: an entry that ends in a slash is everything below it, any other is exactly that name.
   * When absent all names; but those under `channels/` only for admins and auditors: any other key must name them here.
   */
  prefixes?: string[] | undefined;
  /** Verbs it may use, among those of its role; all of them when absent. */
  verbs?: Verb[] | undefined;
  /** RFC 3339 time from which it is refused. */
  expiresAt?: string | undefined;
}

export interface CreateKeyRequest extends KeyRestrictions {
  role: Role;
  /** For people: what this key is for. */
  name?: string | undefined;
}

export interface ApiKeyInfo extends KeyRestrictions {
  id: string;
  role: Role;
  name?: string | undefined;
  createdAt: string;
  /** The hour in which it was last used; absent when it was not. */
  lastUsedAt?: string | undefined;
  /** Present once revoked. */
  revokedAt?: string | undefined;
}

export interface CreateKeyResponse extends ApiKeyInfo {
  /** The key itself; it can't be shown again. */
  key: string;
}

export interface RotateKeyRequest {
  /** Seconds for which the old key works on; a day unless told, at most a week. */
  overlapSeconds?: number | undefined;
}

export interface RotateKeyResponse {
  /** The new key, with the rights of the old one. */
  replacement: CreateKeyResponse;
  /** The old key, with its expiry at the end of the overlap. */
  replaced: ApiKeyInfo;
}

export interface ListKeysResponse {
  keys: ApiKeyInfo[];
  cursor?: string | undefined;
}
