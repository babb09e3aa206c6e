import type {
  AccountResponse,
  DeletedResponse,
  LogInResponse,
  StartLinkResponse,
} from '../../../contract/users/wire.ts';
import type { Transport } from '../http/transport.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type {
  ChangeKeyOptions,
  ConfirmedOptions,
  DeleteAccountOptions,
  LogInOptions,
  SetPasswordOptions,
} from './account-types.ts';

const loadLazyModules = () => import('../lazy-modules.ts');

/** The account of the client's user: the credentials that unlock the data. Only `delete` affects the data itself. */
export class Account {
  readonly #transport: Transport;
  /** A new user key whose acceptance by the vault is unknown. */
  readonly #pendingKey: { key?: string } = {};

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Returns the account's slots: the credentials that unlock its data, and their expiry. */
  async info(options: CallOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).info(this.#transport, options);
  }

  /**
   * Replaces the user key. The new key is generated here and returned after the vault has accepted it. This client
   * then uses the new key; other clients with the old key are rejected, and all sessions and linking codes end. After
   * a lost response the client tries the new key to find out whether the vault accepted it. If that stays unknown,
   * the call rejects; call it again on this client, which reuses the same new key. Use `keep` to guard against the
   * end of the program.
   * @throws AuthenticationError wrong_key_kind for a session
   */
  async changeKey(options: ChangeKeyOptions = {}): Promise<string> {
    return (await loadLazyModules()).changeKey(this.#transport, this.#pendingKey, options);
  }

  /**
   * Sets or changes login and password. Other sessions and all linking codes end.
   * @throws ConflictError login_taken; AuthenticationError login_refused
   */
  async setPassword(options: SetPasswordOptions): Promise<AccountResponse> {
    return (await loadLazyModules()).setPassword(this.#transport, options);
  }

  /**
   * Removes login and password. All sessions and linking codes end.
   * @throws ConflictError last_slot, if no other slot would unlock the data; AuthenticationError login_refused
   */
  async removePassword(options: ConfirmedOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).removePassword(this.#transport, options);
  }

  /**
   * Creates a code. Sending `link <code>` from a phone, mailbox or account links it. The code works once, within ten
   * minutes.
   */
  async startLink(options: ConfirmedOptions = {}): Promise<StartLinkResponse> {
    return (await loadLazyModules()).startLink(this.#transport, options);
  }

  /**
   * Unlinks a channel, or ends a session or a code, by its id from `info()`. With a session, the user key can also be
   * removed. With a session, removing a channel or the user key requires `currentPassword`.
   * @throws NotFoundError slot_not_found; ConflictError last_slot; AuthenticationError login_refused
   */
  async removeSlot(id: string, options: ConfirmedOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).removeSlot(this.#transport, id, options);
  }

  /**
   * Deletes the account: first all slots at once, so that nobody can decrypt its data, then the data.
   * **Irreversible.** A retry after a lost response finds no account and is rejected with `invalid_credential`.
   */
  async delete(options: DeleteAccountOptions): Promise<DeletedResponse> {
    return (await loadLazyModules()).deleteAccount(this.#transport, options);
  }

  /**
   * Logs in with a password; for clients created with `session: true`. The browser keeps the cookie.
   * @throws AuthenticationError login_refused, for any wrong input; RateLimitError too_many_attempts
   */
  async logIn(options: LogInOptions): Promise<LogInResponse> {
    return (await loadLazyModules()).logIn(this.#transport, options);
  }

  /** Ends the session. False if there was none. */
  async logOut(options: CallOptions = {}): Promise<boolean> {
    return (await loadLazyModules()).logOut(this.#transport, options);
  }
}
