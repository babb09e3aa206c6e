/** The rules of organizations and their API keys. */
import { randomBytes } from 'node:crypto';
import { limits } from '../../contract/limits.ts';
import { VaultError } from '../../contract/vault-error.ts';
import type {
  ApiKeyInfo,
  CreateKeyRequest,
  CreateKeyResponse,
  CreateOrgResponse,
  ListKeysResponse,
  OrgResponse,
} from '../../contract/wire.ts';
import { encodeSecret, formatApiKey } from '../../core/api-key.ts';
import { isId, randomId } from '../../core/ids.ts';
import { newKeyring } from '../../core/keyring.ts';
import { hashSecret } from './access.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { OpenKeyring } from './deks.ts';
import type { ApiKeyStore, Caller, Clock, KeyringStore, StoredApiKey } from './ports.ts';

/** Makes the key that its holder sees once, and what is stored of it. */
function newApiKey(
  org: string,
  { role, name }: CreateKeyRequest,
  createdAt: string,
): { stored: StoredApiKey; key: string } {
  const bytes = randomBytes(32);
  const secret = encodeSecret(bytes);
  bytes.fill(0);
  const id = randomId();
  const stored = { org, id, role, createdAt, hash: hashSecret(secret), ...(name === undefined ? {} : { name }) };
  return { stored, key: formatApiKey({ org, id, secret }) };
}

/** What may be shown of a stored key: all but its org, which the caller knows, and its hash. */
const keyInfo = ({ id, role, name, createdAt, revokedAt }: StoredApiKey): ApiKeyInfo => ({
  id,
  role,
  ...(name === undefined ? {} : { name }),
  createdAt,
  ...(revokedAt === undefined ? {} : { revokedAt }),
});

/** Makes organizations; only the deployment's operator reaches this. */
export class Orgs {
  readonly #keyrings: KeyringStore;
  readonly #apiKeys: ApiKeyStore;
  readonly #clock: Clock;

  constructor(keyrings: KeyringStore, apiKeys: ApiKeyStore, clock: Clock) {
    this.#keyrings = keyrings;
    this.#apiKeys = apiKeys;
    this.#clock = clock;
  }

  /**
   * Makes an organization with its first admin key. Interrupted between the two writes, it leaves a keyring without
   * keys and without a DEK, which nobody can reach; repeating makes another organization.
   */
  async create(): Promise<CreateOrgResponse> {
    const org = randomId();
    const createdAt = this.#clock().toISOString();
    const { stored, key } = newApiKey(org, { role: 'admin', name: 'first admin key' }, createdAt);
    await this.#keyrings.create(newKeyring(org, createdAt));
    await this.#apiKeys.create(stored);
    return { org, createdAt, adminKey: { ...keyInfo(stored), key } };
  }
}

/** The state of an organization as its members may see it: no key material, wrapped or not. */
export function orgState({ keyring }: OpenKeyring): OrgResponse {
  const { org, state, createdAt, activeVersion } = keyring;
  const deks = keyring.deks.map((dek) => ({ version: dek.version, state: dek.state, createdAt: dek.createdAt }));
  return { org, state, createdAt, activeVersion, deks };
}

export class ApiKeys {
  readonly #apiKeys: ApiKeyStore;
  readonly #clock: Clock;

  constructor(apiKeys: ApiKeyStore, clock: Clock) {
    this.#apiKeys = apiKeys;
    this.#clock = clock;
  }

  async create(caller: Caller, request: CreateKeyRequest): Promise<CreateKeyResponse> {
    const { stored, key } = newApiKey(caller.org, request, this.#clock().toISOString());
    await this.#apiKeys.create(stored);
    return { ...keyInfo(stored), key };
  }

  /** @throws VaultError `invalid_cursor` */
  async list(
    { org }: Caller,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListKeysResponse> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, [org, 'keys', '']);
    if (after !== undefined && !isId(after)) throw new VaultError('invalid_cursor');
    const { items, more } = await this.#apiKeys.list(org, after, limit);
    const last = items.at(-1);
    const keys = items.map(keyInfo);
    return more && last !== undefined ? { keys, cursor: encodeCursor([org, 'keys', ''], last.id) } : { keys };
  }

  /**
   * Revokes a key; again changes nothing. A key can't revoke itself, so that an org always keeps the admin who acts.
   * @throws VaultError `forbidden`, `api_key_not_found`
   */
  async revoke(caller: Caller, id: string): Promise<ApiKeyInfo> {
    if (id === caller.keyId)
      throw new VaultError('forbidden', { detail: 'A key cannot revoke itself: use another admin key.' });
    if (!isId(id)) throw new VaultError('api_key_not_found');
    const stored = await this.#apiKeys.revoke(caller.org, id, this.#clock().toISOString());
    if (stored === undefined) throw new VaultError('api_key_not_found');
    return keyInfo(stored);
  }
}
