/**
 * Creates, lists, rotates and revokes API keys. A key cannot create or rotate a key that has more permissions than its
 * own.
 */
import { randomBytes } from 'node:crypto';
import type {
  ApiKeyInfo,
  CreateKeyRequest,
  CreateKeyResponse,
  KeyOrigin,
  ListKeysResponse,
  RotateKeyResponse,
} from '../../contract/api-keys/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { roles } from '../../contract/shared/roles.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { verbs as allVerbs, type Verb } from '../../contract/shared/verbs.ts';
import { encodeKeySecret, formatApiKey } from '../../core/api-keys/api-key.ts';
import { computeApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import type { AuthenticationKey } from '../../core/records/authentication-key.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';
import { decodeKeyCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { ApiKeyStore, Caller, StoredApiKey } from './api-key-ports.ts';
import { ApiKeyVerifier } from './api-key-verifier.ts';
import { effectiveExpiry, hashApiKeySecret } from './authorization.ts';
import {
  type DeclaredPermissions,
  describeExcess,
  effectivePermissions,
  exceedsPermissions,
  isVisibleTo,
} from './permissions.ts';

/**
 * Minimum overlap when a key rotates itself. Without an overlap, a lost response would leave the caller without a
 * working key.
 */
const minOwnOverlapSeconds = 60;

/** What a new key is allowed, and where it comes from. */
export interface NewApiKey extends DeclaredPermissions {
  readonly name?: string | undefined;
  readonly origin?: KeyOrigin | undefined;
}

/**
 * Generates an API key. Returns the key, which is shown once, and the record to store, which contains only a hash of
 * the secret. The MAC covers everything that the record grants.
 */
export function generateApiKey(
  authenticationKey: AuthenticationKey,
  { role, name, verbs, prefixes, expiresAt, origin }: NewApiKey,
  createdAt: string,
): { stored: StoredApiKey; key: string } {
  const bytes = randomBytes(32);
  const secret = encodeKeySecret(bytes);
  bytes.fill(0);
  const { org } = authenticationKey;
  const id = randomId();
  const hash = hashApiKeySecret(secret);
  const grant = { org, id, role, name, verbs, prefixes, expiresAt, createdAt, origin, hash };
  const stored = { ...grant, mac: computeApiKeyMac(authenticationKey, grant) };
  return { stored, key: formatApiKey({ org, id, secret }) };
}

/** The public fields of a verified key: everything except the org, the hash and the MAC. */
export const toApiKeyInfo = (stored: StoredApiKey): ApiKeyInfo => {
  const { id, role, name, verbs, prefixes, createdAt, lastUsedAt, revokedAt, origin } = stored;
  const expiresAt = effectiveExpiry(stored);
  return {
    id,
    role,
    ...(name === undefined ? {} : { name }),
    ...(prefixes === undefined ? {} : { prefixes: [...prefixes] }),
    ...(verbs === undefined ? {} : { verbs: verbs.filter(isVerb) }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    createdAt,
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
    ...(origin === undefined ? {} : { origin }),
  };
};

/** Verbs that this version does not know grant nothing. */
const isVerb = (verb: string): verb is Verb => allVerbs.some((known) => known === verb);

export class ApiKeyService {
  readonly #apiKeys: ApiKeyStore;
  readonly #keys: AuthenticationKeys;
  readonly #marks: OrgMarks;
  readonly #verifier: ApiKeyVerifier;
  readonly #clock: Clock;

  constructor(apiKeys: ApiKeyStore, keys: AuthenticationKeys, marks: OrgMarks, clock: Clock) {
    this.#apiKeys = apiKeys;
    this.#keys = keys;
    this.#marks = marks;
    this.#verifier = new ApiKeyVerifier(keys, marks);
    this.#clock = clock;
  }

  /**
   * Creates a key that has at most the caller's permissions. A retry after a lost response creates another key; the
   * first one stays in the list, unused.
   * @throws VaultError `invalid_request`; `forbidden` with the permissions that the caller lacks
   */
  async create(caller: Caller, request: CreateKeyRequest): Promise<CreateKeyResponse> {
    const now = this.#clock();
    const requested = { ...request, expiresAt: parseFutureTime(request.expiresAt, now) };
    assertRoleHasVerbs(requested.role, requested.verbs);
    assertNotStronger(caller, requested);
    const { stored, key } = generateApiKey(
      await this.#keys.get(caller.org),
      // It ends with the login, like the key that creates it.
      { ...requested, origin: caller.origin },
      now.toISOString(),
    );
    await this.#apiKeys.create(stored);
    return { ...toApiKeyInfo(stored), key };
  }

  /**
   * One page of the org's keys. A caller that is limited to prefixes sees only keys whose permissions are within its
   * own, so that it does not learn of other names. A page may therefore contain fewer keys than requested and still
   * have a cursor. `damaged` has the IDs of records that the vault did not write or that were altered. Such a key is
   * refused. Expired keys of logins are left out, because each login leaves one behind until its record is removed.
   * @throws VaultError `invalid_cursor`
   */
  async list(
    caller: Caller,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListKeysResponse> {
    const { org } = caller;
    const after = decodeKeyCursor(cursor, [org, 'keys', '']);
    const { items, more } = await this.#apiKeys.list(org, after, limit);
    const now = this.#clock();
    const keys: ApiKeyInfo[] = [];
    const damaged: string[] = [];
    for (const { id, stored } of items) {
      const verified = await this.#verifier.verifyOrUndefined(stored);
      if (verified === undefined) {
        if (caller.prefixes === undefined) damaged.push(id);
      } else if (isListed(verified, caller, now)) keys.push(toApiKeyInfo(verified));
    }
    const last = items.at(-1);
    return {
      keys,
      ...(damaged.length === 0 ? {} : { damaged }),
      ...(more && last !== undefined ? { cursor: encodeCursor([org, 'keys', ''], last.id) } : {}),
    };
  }

  /**
   * Replaces a key with a new one that has the same permissions. The old key remains valid for `overlapSeconds`, but
   * never longer than before. The new key is stored before the old one's end is set, so at least one key works after an
   * interruption. A retry by another key after a lost response creates one more key and keeps the first end. The unseen
   * key stays in the list, unused, and should be revoked. A key that rotated itself cannot retry (authorization.ts,
   * replaced keys).
   * @throws VaultError `api_key_not_found`, also for a key that was revoked or has expired; `forbidden` if it has more
   *   permissions than the caller; `invalid_request`
   */
  async rotate(
    caller: Caller,
    id: string,
    { overlapSeconds = limits.apiKeyOverlap }: { overlapSeconds?: number | undefined },
  ): Promise<RotateKeyResponse> {
    const now = this.#clock();
    const old = await this.#requireKey(caller, id);
    if (old.revokedAt !== undefined || hasPassed(effectiveExpiry(old), now)) {
      throw new VaultError('api_key_not_found', { detail: 'That key was revoked or has expired. Create a new key.' });
    }
    // A key always has its own permissions, so no comparison is needed.
    if (id !== caller.keyId) assertNotStronger(caller, old);
    else if (overlapSeconds < minOwnOverlapSeconds) {
      const message = `must be at least ${minOwnOverlapSeconds} when a key rotates itself, so that a lost response does not lock it out`;
      throw new VaultError('invalid_request', { errors: [{ path: 'overlapSeconds', message }] });
    }
    const { stored, key } = generateApiKey(await this.#keys.get(caller.org), old, now.toISOString());
    await this.#apiKeys.create(stored);
    const end = new Date(now.getTime() + overlapSeconds * 1000).toISOString();
    const overlapEndsAt = await this.#apiKeys.endOverlap(caller.org, id, end);
    if (overlapEndsAt === undefined) throw new VaultError('api_key_not_found');
    await this.#marks.endKey(caller.org, id, end);
    return { replacement: { ...toApiKeyInfo(stored), key }, replaced: toApiKeyInfo({ ...old, overlapEndsAt }) };
  }

  /**
   * Revokes a key. Repeating the call changes nothing. A key cannot revoke itself, so an org always keeps the admin key
   * that made the call. A key cannot revoke a key with more permissions, so a restricted admin cannot lock out an
   * unrestricted one.
   * The response is sent only once the end is in the org's mark, so that the key stays revoked although somebody puts
   * its record back. A key whose record is damaged or missing is ended there too, because the record could come back.
   * @throws VaultError `forbidden`, `api_key_not_found`, `decryption_failed`
   */
  async revoke(caller: Caller, id: string): Promise<ApiKeyInfo> {
    if (id === caller.keyId) {
      throw new VaultError('forbidden', { detail: 'A key cannot revoke itself. Use another admin key.' });
    }
    const found = await this.#requireKeyOrEnd(caller, id);
    // Expiry is not compared: a key with a short lifetime must be able to revoke a leaked key with a longer one.
    if (exceedsPermissions(effectivePermissions(found), caller)) {
      throw new VaultError('forbidden', { detail: 'That key has more permissions than this one.' });
    }
    const now = this.#clock().toISOString();
    const revokedAt = await this.#apiKeys.revoke(caller.org, id, now);
    await this.#marks.endKey(caller.org, id, now);
    if (revokedAt === undefined) throw new VaultError('api_key_not_found');
    return toApiKeyInfo({ ...found, revokedAt });
  }

  /** @throws VaultError `api_key_not_found`; DecryptionError if the vault did not write the record */
  async #requireKey({ org }: Caller, id: string): Promise<StoredApiKey> {
    const stored = isOpaqueId(id) ? await this.#apiKeys.get(org, id) : undefined;
    if (stored === undefined) throw new VaultError('api_key_not_found');
    return await this.#verifier.verify(stored);
  }

  /** As #requireKey. For a caller without limits, a key that has no valid record ends in the mark. */
  async #requireKeyOrEnd(caller: Caller, id: string): Promise<StoredApiKey> {
    try {
      return await this.#requireKey(caller, id);
    } catch (error) {
      const isDamaged = error instanceof DecryptionError;
      const isMissing = error instanceof VaultError && error.code === 'api_key_not_found';
      if ((!isDamaged && !isMissing) || caller.prefixes !== undefined || !isOpaqueId(id)) throw error;
      await this.#marks.endKey(caller.org, id, this.#clock().toISOString());
      throw new VaultError(isDamaged ? 'decryption_failed' : 'api_key_not_found', { detail: endedInMarkDetail });
    }
  }
}

/** An expired key of a login is of no more use to anybody. */
const isListed = (key: StoredApiKey, caller: Caller, now: Date): boolean =>
  isVisibleTo(key, caller) && !(key.origin !== undefined && hasPassed(key.expiresAt, now));

const endedInMarkDetail =
  'The vault has no valid record of this key. The key is refused from now on, also if its record comes back.';

/** @throws VaultError `forbidden` */
export function assertNotStronger(caller: Caller, requested: DeclaredPermissions): void {
  const excess = describeExcess(effectivePermissions(requested), caller);
  if (excess.length > 0) {
    throw new VaultError('forbidden', {
      detail: `A key cannot create or rotate a key with more permissions than its own. ${excess.join(' ')}`,
    });
  }
}

/**
 * Rejects verbs that the role does not include, because they would have no effect. @throws VaultError `invalid_request`
 */
export function assertRoleHasVerbs(role: DeclaredPermissions['role'], verbs: readonly Verb[] = []): void {
  const granted: readonly Verb[] = roles[role];
  const at = verbs.findIndex((verb) => !granted.includes(verb));
  if (at >= 0) {
    throw new VaultError('invalid_request', {
      errors: [{ path: `verbs.${at}`, message: `is not a verb of the role ${role}` }],
    });
  }
}

/** Converts a time to UTC. @throws VaultError `invalid_request` if it is not in the future */
export function parseFutureTime(time: string | undefined, now: Date): string | undefined {
  if (time === undefined) return undefined;
  const instant = new Date(time);
  if (!(instant > now)) {
    throw new VaultError('invalid_request', { errors: [{ path: 'expiresAt', message: 'is not in the future' }] });
  }
  return instant.toISOString();
}
