/** The rules of API keys: narrow ones are handed out, replaced and revoked, and none makes a stronger one. */
import { randomBytes } from 'node:crypto';
import type {
  ApiKeyInfo,
  CreateKeyRequest,
  CreateKeyResponse,
  ListKeysResponse,
  RotateKeyResponse,
} from '../../contract/api-keys/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { roles } from '../../contract/shared/roles.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Verb } from '../../contract/shared/verbs.ts';
import { encodeKeySecret, formatApiKey } from '../../core/api-keys/api-key.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { ApiKeyStore, Caller, StoredApiKey } from './api-key-ports.ts';
import { effectiveExpiry, hashApiKeySecret } from './authorization.ts';
import { type DeclaredPermissions, describeExcess, effectivePermissions, exceedsPermissions } from './permissions.ts';

/** Shortest overlap for the key that asks: had it none and the answer were lost, nobody could ask again. */
const minOwnOverlapSeconds = 60;

/** Makes the key that its holder sees once, and what is stored of it. */
export function generateApiKey(
  org: string,
  { role, name, verbs, prefixes, expiresAt }: DeclaredPermissions & { readonly name?: string | undefined },
  createdAt: string,
): { stored: StoredApiKey; key: string } {
  const bytes = randomBytes(32);
  const secret = encodeKeySecret(bytes);
  bytes.fill(0);
  const id = randomId();
  const stored = { org, id, role, name, verbs, prefixes, expiresAt, createdAt, hash: hashApiKeySecret(secret) };
  return { stored, key: formatApiKey({ org, id, secret }) };
}

/** What may be shown of a stored key: all but its org, which the caller knows, and its hash. */
export const toApiKeyInfo = (stored: StoredApiKey): ApiKeyInfo => {
  const { id, role, name, verbs, prefixes, createdAt, lastUsedAt, revokedAt } = stored;
  const expiresAt = effectiveExpiry(stored);
  return {
    id,
    role,
    ...(name === undefined ? {} : { name }),
    ...(prefixes === undefined ? {} : { prefixes: [...prefixes] }),
    ...(verbs === undefined ? {} : { verbs: [...verbs] }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    createdAt,
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
};

export class ApiKeyService {
  readonly #apiKeys: ApiKeyStore;
  readonly #clock: Clock;

  constructor(apiKeys: ApiKeyStore, clock: Clock) {
    this.#apiKeys = apiKeys;
    this.#clock = clock;
  }

  /**
   * Makes a key that is no stronger than the caller's. A retry after a lost answer makes another; the first one then
   * stands in the list without a holder.
   * @throws VaultError `invalid_request`, `forbidden` with what the key would have beyond the caller's
   */
  async create(caller: Caller, request: CreateKeyRequest): Promise<CreateKeyResponse> {
    const now = this.#clock();
    const requested = { ...request, expiresAt: parseFutureTime(request.expiresAt, now) };
    assertRoleHasVerbs(requested.role, requested.verbs);
    assertNotStronger(caller, requested);
    const { stored, key } = generateApiKey(caller.org, requested, now.toISOString());
    await this.#apiKeys.create(stored);
    return { ...toApiKeyInfo(stored), key };
  }

  /**
   * One page of the org's keys; of a limited caller only those that reach no further than its own, so that it does not
   * learn what else there is. A page may therefore hold fewer than asked for, and still have a next.
   * @throws VaultError `invalid_cursor`
   */
  async list(
    caller: Caller,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListKeysResponse> {
    const { org } = caller;
    const after = cursor === undefined ? undefined : decodeCursor(cursor, [org, 'keys', '']);
    if (after !== undefined && !isOpaqueId(after)) throw new VaultError('invalid_cursor');
    const { items, more } = await this.#apiKeys.list(org, after, limit);
    const last = items.at(-1);
    const visible =
      caller.prefixes === undefined
        ? items
        : items.filter((key) => !exceedsPermissions(effectivePermissions(key), caller));
    const keys = visible.map(toApiKeyInfo);
    return more && last !== undefined ? { keys, cursor: encodeCursor([org, 'keys', ''], last.id) } : { keys };
  }

  /**
   * Replaces a key by a new one of the same rights; the old one works on for `overlapSeconds`, but never longer than it
   * would have. The new key is stored before the old one is given its end, so an interruption leaves one that works.
   * Repeated after a lost answer, it makes one more key and leaves the first end as it is; the unseen key stands in the
   * list without a holder, to be revoked.
   * @throws VaultError `api_key_not_found`, also for a key that has ended; `forbidden` when it is stronger than the
   *   caller's; `invalid_request`
   */
  async rotate(
    caller: Caller,
    id: string,
    { overlapSeconds = limits.apiKeyOverlap }: { overlapSeconds?: number | undefined },
  ): Promise<RotateKeyResponse> {
    const now = this.#clock();
    const old = await this.#requireKey(caller, id);
    if (old.revokedAt !== undefined || hasPassed(effectiveExpiry(old), now)) {
      throw new VaultError('api_key_not_found', { detail: 'That key was revoked or has expired: make a new one.' });
    }
    // Its own rights are no more than its own, even while its overlap runs: then this is the retry of a lost answer.
    if (id !== caller.keyId) assertNotStronger(caller, old);
    else if (overlapSeconds < minOwnOverlapSeconds) {
      const message = `must be at least ${minOwnOverlapSeconds} for the key that asks, or a lost answer would lock it out`;
      throw new VaultError('invalid_request', { errors: [{ path: 'overlapSeconds', message }] });
    }
    const { stored, key } = generateApiKey(caller.org, old, now.toISOString());
    await this.#apiKeys.create(stored);
    const overlapEndsAt = new Date(now.getTime() + overlapSeconds * 1000).toISOString();
    const replaced = await this.#apiKeys.endOverlap(caller.org, id, overlapEndsAt);
    if (replaced === undefined) throw new VaultError('api_key_not_found');
    return { replacement: { ...toApiKeyInfo(stored), key }, replaced: toApiKeyInfo(replaced) };
  }

  /**
   * Revokes a key; again changes nothing. A key can't revoke itself, so that an org always keeps the admin who acts,
   * nor one that reaches further, so that a narrow admin can't lock out a wide one.
   * @throws VaultError `forbidden`, `api_key_not_found`
   */
  async revoke(caller: Caller, id: string): Promise<ApiKeyInfo> {
    if (id === caller.keyId) {
      throw new VaultError('forbidden', { detail: 'A key cannot revoke itself: use another admin key.' });
    }
    const found = await this.#requireKey(caller, id);
    // Expiry is left aside: whoever may act for a while may stop a leaked key in that while.
    if (exceedsPermissions(effectivePermissions(found), caller)) {
      throw new VaultError('forbidden', { detail: 'That key reaches further than this one.' });
    }
    const stored = await this.#apiKeys.revoke(caller.org, id, this.#clock().toISOString());
    if (stored === undefined) throw new VaultError('api_key_not_found');
    return toApiKeyInfo(stored);
  }

  async #requireKey({ org }: Caller, id: string): Promise<StoredApiKey> {
    const stored = isOpaqueId(id) ? await this.#apiKeys.get(org, id) : undefined;
    if (stored === undefined) throw new VaultError('api_key_not_found');
    return stored;
  }
}

/** @throws VaultError `forbidden` */
function assertNotStronger(caller: Caller, requested: DeclaredPermissions): void {
  const excess = describeExcess(effectivePermissions(requested), caller);
  if (excess.length > 0) {
    throw new VaultError('forbidden', { detail: `A key can't make one stronger than itself. ${excess.join(' ')}` });
  }
}

/** A verb that the role lacks would be without effect: whoever asks for it expects one. @throws VaultError `invalid_request` */
function assertRoleHasVerbs(role: DeclaredPermissions['role'], verbs: readonly Verb[] = []): void {
  const granted: readonly Verb[] = roles[role];
  const at = verbs.findIndex((verb) => !granted.includes(verb));
  if (at >= 0) {
    throw new VaultError('invalid_request', {
      errors: [{ path: `verbs.${at}`, message: `is none of the role ${role}` }],
    });
  }
}

/** The same instant in UTC. @throws VaultError `invalid_request` when it is not in the future */
function parseFutureTime(time: string | undefined, now: Date): string | undefined {
  if (time === undefined) return undefined;
  const instant = new Date(time);
  if (!(instant > now)) {
    throw new VaultError('invalid_request', { errors: [{ path: 'expiresAt', message: 'is not in the future' }] });
  }
  return instant.toISOString();
}
