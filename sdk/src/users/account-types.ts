/** What the calls of an account take. */
import type { CallOptions } from '../shared/client-options.ts';

export interface ChangeKeyOptions extends CallOptions {
  /**
   * Called with the new key before it is sent, and waited for. Store it beside the old one here, so that neither a lost answer nor the end of the
   * program can leave you without the key that opens the data; drop the old one when `changeKey` has resolved.
   */
  keep?: ((newKey: string) => unknown) | undefined;
}

export interface ConfirmedOptions extends CallOptions {
  /** Needed where the client has a session: whoever finds one open must not make the account his own. */
  currentPassword?: string | undefined;
}

export interface SetPasswordOptions extends ConfirmedOptions {
  /** 3 to 128 of `a-z 0-9 . _ % + @ -`; capitals are taken for small letters. */
  login: string;
  /** 8 to 256 characters. */
  password: string;
}

export interface LogInOptions extends CallOptions {
  /** Id of the organization. */
  org: string;
  login: string;
  password: string;
}

export interface DeleteAccountOptions extends ConfirmedOptions {
  /** The id of the user, to confirm; `account.info()` tells it. */
  confirm: string;
}
