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

/** The account of the user whose key or session the client has: what opens the data, and how that changes. No data is touched by any of it but `delete`. */
export class Account {
  readonly #transport: Transport;
  /** A new key that the vault may or may not have. */
  readonly #pendingKey: { key?: string } = {};

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The slots of the account: what opens its data, and until when. */
  async info(options: CallOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).info(this.#transport, options);
  }

  /**
   * Replaces the user key by a new one, which is made here and resolved to when the vault has it; this client goes on with it, other clients with
   * the old key are refused; sessions end, and codes for linking. After a lost answer the new key is tried, so that what the vault did is known. Where even that remains unknown,
   * the call rejects and may be made again on this client: it goes on with the same new key. See `keep` for the end of the program.
   * @throws AuthenticationError wrong_key_kind for a session
   */
  async changeKey(options: ChangeKeyOptions = {}): Promise<string> {
    return (await loadLazyModules()).changeKey(this.#transport, this.#pendingKey, options);
  }

  /**
   * Sets or changes login and password; other sessions end, and codes for linking.
   * @throws ConflictError login_taken; AuthenticationError login_refused
   */
  async setPassword(options: SetPasswordOptions): Promise<AccountResponse> {
    return (await loadLazyModules()).setPassword(this.#transport, options);
  }

  /**
   * Removes login and password; all sessions end, and codes for linking.
   * @throws ConflictError last_slot, when nothing else would open the data; AuthenticationError login_refused
   */
  async removePassword(options: ConfirmedOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).removePassword(this.#transport, options);
  }

  /** A code that links the phone, mailbox or account it is sent from as `link <code>`; once, within ten minutes. */
  async startLink(options: ConfirmedOptions = {}): Promise<StartLinkResponse> {
    return (await loadLazyModules()).startLink(this.#transport, options);
  }

  /**
   * Unlinks a channel, or ends a session or a code, by the id that `info()` tells; with a session also the user key. A channel and the user key take
   * `currentPassword` with a session. @throws NotFoundError slot_not_found; ConflictError last_slot; AuthenticationError login_refused
   */
  async removeSlot(id: string, options: ConfirmedOptions = {}): Promise<AccountResponse> {
    return (await loadLazyModules()).removeSlot(this.#transport, id, options);
  }

  /**
   * Deletes the account: all slots at once, so that nobody can open its data any more; then the data. **For good.** A retry after a lost answer
   * finds no account, and is refused as `invalid_credential`.
   */
  async delete(options: DeleteAccountOptions): Promise<DeletedResponse> {
    return (await loadLazyModules()).deleteAccount(this.#transport, options);
  }

  /**
   * Logs in by password; for clients made with `session: true`. The browser keeps the cookie.
   * @throws AuthenticationError login_refused, whatever was wrong; RateLimitError too_many_attempts
   */
  async logIn(options: LogInOptions): Promise<LogInResponse> {
    return (await loadLazyModules()).logIn(this.#transport, options);
  }

  /** Ends the session. False when there was none to end. */
  async logOut(options: CallOptions = {}): Promise<boolean> {
    return (await loadLazyModules()).logOut(this.#transport, options);
  }
}
