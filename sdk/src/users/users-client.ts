import { limits } from '../../../contract/shared/limits.ts';
import type { CreateUserResponse, DeletedResponse, ListUsersResponse, UserInfo } from '../../../contract/users/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { List } from '../shared/paginated-list.ts';

export interface ListUsersOptions extends CallOptions {
  /** Users per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

export type UserList = List<UserInfo, ListUsersResponse>;

const calls = () => import('../lazy-modules.ts');

/** Users of the organization. An API key can create and delete them, but cannot decrypt their data. */
export class Users {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a user. The returned `key` unlocks the user's data and is returned **only once**. If a response is lost,
   * the retry creates another user, and the first one stays in the list without data and without a known key.
   */
  async create(options: CallOptions = {}): Promise<CreateUserResponse> {
    return (await calls()).createUser(this.#transport, options);
  }

  /**
   * Lists users and the kinds of their slots, including deleted users: `for await (const { user } of users.list())`.
   */
  list(options: ListUsersOptions = {}): UserList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'pageSize');
    return new List(
      async (cursor) => (await calls()).userPage(this.#transport, { limit, cursor }, settings),
      ({ users }) => users,
    );
  }

  /**
   * Deletes a user: first all slots at once, so that nobody can decrypt the data, then the data. **Irreversible.**
   * Idempotent: a repeated call returns the same time. @throws NotFoundError user_not_found
   */
  async delete(id: string, options: CallOptions = {}): Promise<DeletedResponse> {
    return (await calls()).deleteUser(this.#transport, id, options);
  }
}
