/** JSON types of the routes of users and accounts. */

/** A key slot of a user (docs/format.md, section 12). Each slot can open the user's data. */
export interface SlotInfo {
  id: string;
  kind: 'identity' | 'credential' | 'password' | 'session' | 'link';
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339. Only for sessions and link codes. */
  expiresAt?: string | undefined;
}

export interface UserInfo {
  user: string;
  /** `damaged`: the stored record is not a valid keyring, so it decrypts nothing. The user can still be deleted. */
  state: 'active' | 'deleted' | 'damaged';
  /** RFC 3339. For a damaged user, present only if it could be read. */
  createdAt?: string | undefined;
  deletedAt?: string | undefined;
  /** Empty when deleted or damaged. */
  slots: SlotInfo[];
}

export interface CreateUserResponse {
  user: string;
  createdAt: string;
  /** The user key. It is returned only once. No other credential opens the user's data until the user adds one. */
  key: string;
}

export interface ListUsersResponse {
  users: UserInfo[];
  cursor?: string | undefined;
}

export interface DeletedResponse {
  /** False when the user was already deleted. */
  deleted: boolean;
  /** RFC 3339: the time since which the user's data cannot be opened. */
  deletedAt: string;
}

export interface AccountResponse {
  org: string;
  user: string;
  state: 'active';
  createdAt: string;
  slots: SlotInfo[];
}

/** The body of requests that remove a password or a slot, start linking a channel, or delete the account. */
export interface ConfirmedRequest {
  /**
   * Required if the request is authenticated by a session, so that an attacker with a stolen session cannot take over
   * the account. A wrong password counts as a login attempt. For the removal of a slot, it is required only for a
   * channel or the user key.
   */
  currentPassword?: string | undefined;
}

export interface ChangeUserKeyRequest {
  /**
   * A user key of the same user with a new secret. The caller creates it, so that a lost response cannot lose the key.
   */
  newKey: string;
}

export interface SetPasswordRequest {
  /** 3 to 128 characters of `a-z 0-9 . _ % + @ -`, the first a letter or digit. `A-Z` are converted to `a-z`. */
  login: string;
  /** 8 to 256 characters. */
  password: string;
  /** The password to be replaced. Required if the user has a password and the request is authenticated by a session. */
  currentPassword?: string | undefined;
}

export interface StartLinkResponse {
  /** For example `7H3K-9QWE-RTY2`. The user sends `link 7H3K-9QWE-RTY2` from the channel to be linked. */
  code: string;
  expiresAt: string;
}

export interface LogInRequest {
  org: string;
  login: string;
  password: string;
}

export interface LogInResponse {
  user: string;
  /** RFC 3339: the end of the session. */
  expiresAt: string;
}

export interface LogOutResponse {
  ended: boolean;
}
