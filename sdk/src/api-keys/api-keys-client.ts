import type { ApiKeyInfo, CreateKeyResponse, RotateKeyResponse } from '../../../contract/api-keys/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Role } from '../../../contract/shared/roles.ts';
import type { Verb } from '../../../contract/shared/verbs.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, checkKeyId, type ExpiryOptions, resolveExpiry } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { type KeyList, List } from '../shared/paginated-list.ts';

export interface CreateKeyOptions extends ExpiryOptions, CallOptions {
  /** What the key may do at most. */
  role: Role;
  /** For people: what the key is for. */
  name?: string | undefined;
  /** Names it may touch: an entry with a slash at the end is all below it, any other exactly that name. Unless told all, but those under `channels/` only for admins. */
  prefixes?: readonly string[] | undefined;
  /** Verbs it may use, among those of its role; all of them unless told. */
  verbs?: readonly Verb[] | undefined;
}

export interface ListKeysOptions extends CallOptions {
  /** Keys of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

export interface RotateKeyOptions extends CallOptions {
  /** Seconds for which the old key works on, up to a week; a day unless told. For the key that asks, 60 at least. */
  overlapSeconds?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/** API keys of the organization. A key is shown once, when it is made; after that only its id is known. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Makes a key, which must not be stronger than this client's; `key` of what it returns is shown this once. Should an
   * answer be lost, the retry makes another, and the first stands in the list without a holder.
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

  /** Keys, revoked ones included: `for await (const key of keys.list())`. */
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
   * Replaces a key by a new one of the same rights; the old one works on for the overlap. Against a key in wrong hands
   * `revoke` helps: a key can rotate itself as long as it works.
   * @throws NotFoundError api_key_not_found, also when that key has ended; PermissionError forbidden
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

  /** Revokes a key, from the next request on; again changes nothing. @throws NotFoundError api_key_not_found */
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
