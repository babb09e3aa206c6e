import type { ApiKeyInfo, CreateKeyResponse, RotateKeyResponse } from '../../../contract/api-keys/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { type KeyList, List } from '../shared/paginated-list.ts';
import type { CreateKeyOptions, ListKeysOptions, RotateKeyOptions } from './key-types.ts';

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
    return (await loadLazyModules()).createKey(this.#transport, options);
  }

  /**
   * Lists keys, including revoked ones: `for await (const key of keys.list())`. A page also has `damaged`: the ids of
   * stored records that the vault did not write or that were altered. Such keys are refused.
   */
  list(options: ListKeysOptions = {}): KeyList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'pageSize');
    return new List(
      async (cursor) => (await loadLazyModules()).keyPage(this.#transport, { limit, cursor }, settings),
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
    return (await loadLazyModules()).rotateKey(this.#transport, id, options);
  }

  /** Revokes a key, effective from the next request. Idempotent. @throws NotFoundError api_key_not_found */
  async revoke(id: string, options: CallOptions = {}): Promise<ApiKeyInfo> {
    return (await loadLazyModules()).revokeKey(this.#transport, id, options);
  }
}
