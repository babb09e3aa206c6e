import type { DeleteLoginResponse, LoginInfo } from '../../../contract/logins/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { List } from '../shared/paginated-list.ts';
import type { CreateLoginOptions, ListLoginsOptions, LoginList } from './login-types.ts';

const calls = () => import('../login-modules.ts');

/** Logins: which identities of other systems get short-lived API keys (docs/workload-identity.md). */
export class Logins {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a login. Its keys have at most the permissions of this client's key.
   * @throws InvalidRequestError, for example for claims that do not identify the workload; PermissionError forbidden
   */
  async create(options: CreateLoginOptions): Promise<LoginInfo> {
    return (await calls()).createLogin(this.#transport, options);
  }

  /** Lists logins: `for await (const login of logins.list())`. */
  list(options: ListLoginsOptions = {}): LoginList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'pageSize');
    return new List(
      async (cursor) => (await calls()).loginPage(this.#transport, { limit, cursor }, settings),
      ({ logins }) => logins,
    );
  }

  /**
   * Deletes a login and ends its keys, in each process of the vault within five minutes.
   * @throws NotFoundError login_not_found
   */
  async delete(id: string, options: CallOptions = {}): Promise<DeleteLoginResponse> {
    return (await calls()).deleteLogin(this.#transport, id, options);
  }
}
