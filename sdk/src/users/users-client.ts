import { limits } from '../../../contract/shared/limits.ts';
import type { CreateUserResponse, DeletedResponse, ListUsersResponse, UserInfo } from '../../../contract/users/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { List } from '../shared/paginated-list.ts';

export interface ListUsersOptions extends CallOptions {
  /** Users of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

export type UserList = List<UserInfo, ListUsersResponse>;

const calls = () => import('../lazy-modules.ts');

/** Users of the organization. An API key can make and delete them; it can't open what is theirs. */
export class Users {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Makes a user; `key` of what it resolves to opens the user's data and is shown **this once**. Should an answer be lost, the retry makes another,
   * and the first stands in the list with data that nobody can open, which is none.
   */
  async create(options: CallOptions = {}): Promise<CreateUserResponse> {
    return (await calls()).createUser(this.#transport, options);
  }

  /** Users and the kinds of their slots, deleted ones included: `for await (const { user } of users.list())`. */
  list(options: ListUsersOptions = {}): UserList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new List(
      async (cursor) => (await calls()).userPage(this.#transport, { limit, cursor }, settings),
      ({ users }) => users,
    );
  }

  /**
   * Deletes a user: all slots at once, so that nobody can open the data any more; then the data. **For good.** Again changes nothing, and tells
   * the same time. @throws NotFoundError user_not_found
   */
  async delete(id: string, options: CallOptions = {}): Promise<DeletedResponse> {
    return (await calls()).deleteUser(this.#transport, id, options);
  }
}
