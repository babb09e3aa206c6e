/** Creates, lists and deletes the users of an organization. None of these operations opens user data. */
import { randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { CreateUserResponse, DeletedResponse, ListUsersResponse } from '../../contract/users/wire.ts';
import { encodeKeySecret } from '../../core/api-keys/api-key.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { formatUserKey } from '../../core/users/user-key.ts';
import { newUserKeyring } from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk } from '../../core/users/user-root-key.ts';
import { assertOrgActive, type StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { decodeKeyCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { toUserInfo } from './account-response.ts';
import { createCredentialSlot } from './account-service.ts';
import { parseUserRecordOrCorrupt } from './corrupt-user-keyring.ts';
import type { UserDeletionService } from './user-deletion-service.ts';
import type { UserKeyringStore } from './user-ports.ts';

export class UserAdminService {
  readonly #keyrings: UserKeyringStore;
  readonly #userDeletion: UserDeletionService;
  readonly #clock: Clock;

  constructor(keyrings: UserKeyringStore, userDeletion: UserDeletionService, clock: Clock) {
    this.#keyrings = keyrings;
    this.#userDeletion = userDeletion;
    this.#clock = clock;
  }

  /**
   * Creates a user with one user key. If the reply is lost, the key is lost too. The list then contains an empty user
   * that nobody can open, and a retry creates another user.
   * @param orgKeyring the stored keyring of the organization
   * @throws VaultError `org_locked`, `org_shredded`, `unavailable`
   */
  async create(org: string, orgKeyring: StoredKeyring): Promise<CreateUserResponse> {
    assertOrgActive(orgKeyring);
    const owner = { org, user: randomId() };
    const createdAt = this.#clock().toISOString();
    const keySecret = randomBytes(32);
    const key = formatUserKey({ ...owner, secret: encodeKeySecret(keySecret) });
    keySecret.fill(0);
    const rootKey = newUmk();
    const secret = Buffer.from(key);
    try {
      const slot = createCredentialSlot(rootKey, secret, owner, createdAt);
      const keyring = newUserKeyring(deriveUmk(Buffer.from(rootKey), owner), [slot], createdAt);
      // A collision of 80 random bits, or a broken generator. In both cases nothing may be overwritten.
      if (!(await this.#keyrings.create(keyring))) throw new VaultError('internal');
    } finally {
      rootKey.fill(0);
      secret.fill(0);
    }
    return { user: owner.user, createdAt, key };
  }

  /**
   * Returns one page of the organization's users, including deleted and damaged ones. The entries come from the table
   * and are not authenticated by a key.
   * @throws VaultError `invalid_cursor`
   */
  async list(
    org: string,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListUsersResponse> {
    const after = decodeKeyCursor(cursor, [org, 'users', ''], 'user/'.length);
    const { items, more } = await this.#keyrings.list(org, after, limit);
    const now = this.#clock();
    const users = items.map(({ user, record }) =>
      toUserInfo(user, parseUserRecordOrCorrupt(record, { org, user }), now),
    );
    const last = users.at(-1);
    return more && last !== undefined ? { users, cursor: encodeCursor([org, 'users', ''], last.user) } : { users };
  }

  /**
   * Deletes a user. A repeated call schedules the deletion of the remaining data again.
   * @throws VaultError `user_not_found`, `write_contention`
   */
  async delete(org: string, id: string): Promise<DeletedResponse> {
    if (!isOpaqueId(id)) throw new VaultError('user_not_found');
    return await this.#userDeletion.delete({ org, user: id });
  }
}
