/** Options of account calls. */
import type { CallOptions } from '../shared/client-options.ts';

export interface ChangeKeyOptions extends CallOptions {
  /**
   * Called and awaited with the new key before it is sent. Store it beside the old key, so that neither a lost
   * response nor the end of the program can lose the key to the data. Delete the old key after `changeKey` resolves.
   */
  keep?: ((newKey: string) => unknown) | undefined;
}

export interface ConfirmedOptions extends CallOptions {
  /** Required with a session, so that a person who finds an open session cannot take over the account. */
  currentPassword?: string | undefined;
}

export interface SetPasswordOptions extends ConfirmedOptions {
  /** 3 to 128 of `a-z 0-9 . _ % + @ -`. Uppercase letters are converted to lowercase. */
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
  /** The user's id, as confirmation; see `account.info()`. */
  confirm: string;
}
