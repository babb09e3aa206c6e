import type { ApiKeyInfo, CreateKeyResponse, RotateKeyResponse } from '../../../contract/api-keys/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Role } from '../../../contract/shared/roles.ts';
import type { Verb } from '../../../contract/shared/verbs.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, checkKeyId, type ExpiryOptions, resolveExpiry } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { type KeyList, List } from '../shared/paginated-list.ts';

export interface CreateKeyOptions extends ExpiryOptions, CallOptions {
  /** The key's role, which bounds its permissions. */
  role: Role;
  /** Label for people: the purpose of the key. */
  name?: string | undefined;
  /**
   * Names the key may access. An entry that ends in a slash covers all names below it; any other entry covers exactly
   * that name. Default: all names, except that only admin keys may access names under `channels/`.
   */
  prefixes?: readonly string[] | undefined;
  /** Verbs the key may use, a subset of its role's verbs. Default: all of them. */
  verbs?: readonly Verb[] | undefined;
}

export interface ListKeysOptions extends CallOptions {
  /** Keys per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

export interface RotateKeyOptions extends CallOptions {
  /**
   * Seconds for which the old key keeps working, up to one week. Default: one day. At least 60 if the key rotates
   * itself.
   */
  overlapSeconds?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/** API keys of the organization. The vault returns a key only once, on creation; later only its id is available. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a key. Its permissions must not exceed those of this client's key. The returned `key` is shown only once.
   * If a response is lost, the retry creates another key, and the first one stays in the list although nobody has it.
   * @throws PermissionError forbidden; InvalidRequestError
   */
  async create(options: CreateKeyOptions): Promise<CreateKeyResponse> {
    const { role, name, prefixes, verbs } = options;
    const body = { role, name, prefixes, verbs, expiresAt: resolveExpiry(options) };
    return this.#transport.request(
      { route: 'createKey', body },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeKey,
    );
  }

  /**
   * Lists keys, including revoked ones: `for await (const key of keys.list())`. A page also has `damaged`: the ids of
   * stored records that the vault did not write or that were altered. Such keys are refused.
   */
  list(options: ListKeysOptions = {}): KeyList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new List(
      async (cursor) => {
        const { decodeKeys } = await loadLazyModules();
        return this.#transport.request({ route: 'listKeys', query: { limit, cursor } }, settings, decodeKeys);
      },
      ({ keys }) => keys,
    );
  }

  /**
   * Replaces a key with a new one that has the same permissions. The old key keeps working during the overlap, but
   * cannot manage keys. If a key is compromised, use `revoke` instead. A key that rotated itself cannot repeat the call
   * after a lost response.
   * @throws NotFoundError api_key_not_found, also if the key was revoked or has expired; PermissionError forbidden
   */
  async rotate(id: string, options: RotateKeyOptions = {}): Promise<RotateKeyResponse> {
    const overlapSeconds = checkInteger('overlapSeconds', options.overlapSeconds, 0, limits.apiKeyOverlapMax);
    const call = { route: 'rotateKey', id: checkKeyId(id), body: { overlapSeconds } } as const;
    const { decodeRotatedKey } = await loadLazyModules();
    return this.#transport.request(call, this.#transport.callSettings(options), (json) => {
      const rotated = decodeRotatedKey(json);
      return rotated?.replaced.id === id ? rotated : undefined;
    });
  }

  /** Revokes a key, effective from the next request. Idempotent. @throws NotFoundError api_key_not_found */
  async revoke(id: string, options: CallOptions = {}): Promise<ApiKeyInfo> {
    const call = { route: 'revokeKey', id: checkKeyId(id) } as const;
    const { decodeKeyInfo } = await loadLazyModules();
    return this.#transport.request(call, this.#transport.callSettings(options), (json) => {
      const revoked = decodeKeyInfo(json);
      if (revoked?.id === id && revoked.revokedAt !== undefined) return revoked;
      return undefined;
    });
  }
}
