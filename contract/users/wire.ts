/** JSON of the routes of users and their accounts. */

/** What opens the data of a user: one of its slots (docs/format.md, section 12). */
export interface SlotInfo {
  id: string;
  kind: 'identity' | 'credential' | 'password' | 'session' | 'link';
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; of sessions and codes for linking. */
  expiresAt?: string | undefined;
}

export interface UserInfo {
  user: string;
  /** `damaged`: what is stored is no keyring, so nothing opens by it; the user can be deleted. */
  state: 'active' | 'deleted' | 'damaged';
  /** RFC 3339; of a damaged one only if it can be told. */
  createdAt?: string | undefined;
  deletedAt?: string | undefined;
  /** Empty when deleted or damaged. */
  slots: SlotInfo[];
}

export interface CreateUserResponse {
  user: string;
  createdAt: string;
  /** The user key; shown this once, and nothing else opens the user's data until the user adds to it. */
  key: string;
}

export interface ListUsersResponse {
  users: UserInfo[];
  cursor?: string | undefined;
}

export interface DeletedResponse {
  /** False when it was deleted before. */
  deleted: boolean;
  /** RFC 3339: since when nothing of it can be opened. */
  deletedAt: string;
}

export interface AccountResponse {
  org: string;
  user: string;
  state: 'active';
  createdAt: string;
  slots: SlotInfo[];
}

/** What removes a password or a slot, starts a link, or deletes the account. */
export interface ConfirmedRequest {
  /**
   * Needed where the request comes by a session, so that whoever found one can't make the account his own; wrong ones count as attempts to
   * log in. Of slots only for a channel or the user key.
   */
  currentPassword?: string | undefined;
}

export interface ChangeUserKeyRequest {
  /** A user key of the same user with a new secret, made by the caller, so that no lost answer can lose it. */
  newKey: string;
}

export interface SetPasswordRequest {
  /** 3 to 128 of `a-z 0-9 . _ % + @ -`; capitals are taken for small letters. */
  login: string;
  /** 8 to 256 characters. */
  password: string;
  /** The one that is replaced: needed where there is one and the request comes by a session. */
  currentPassword?: string | undefined;
}

export interface StartLinkResponse {
  /** `7H3K-9QWE-RTY2`: to be sent as `link 7H3K-9QWE-RTY2` from the channel that is to be linked. */
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
  /** RFC 3339: when the session ends. */
  expiresAt: string;
}

export interface LogOutResponse {
  ended: boolean;
}
