/** What the routes of users, memory and `explain` take and give, as wire.ts has it for the others. */
import type { ItemError } from '../shared/wire.ts';

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

/** Any JSON. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface RecordInfo {
  id: string;
  /** 1, 2, 3 … in the order of writing. */
  version: number;
  createdAt: string;
  updatedAt: string;
}

export interface MemoryRecord extends RecordInfo {
  data: unknown;
}

export interface AddMemoryRequest {
  /** 1 to 128 of `A-Z a-z 0-9 . _ -`, the first a letter or digit; a new one that sorts by time unless given. */
  id?: string | undefined;
  /** Any JSON of at most 64 KiB, nested at most 100 deep. Numbers are those of IEEE 754 (RFC 8259 section 6). */
  data: unknown;
}

export interface AddMemoriesRequest {
  /** 1 to 100 records, each id once. */
  items: AddMemoryRequest[];
}

export type AddMemoriesItem =
  | { id: string; ok: true; record: RecordInfo }
  | { id?: string | undefined; ok: false; error: ItemError };

export interface AddMemoriesResponse {
  /** One for each item, in the order sent. */
  results: AddMemoriesItem[];
}

export interface ListMemoryResponse {
  /** Ascending by id. */
  records: MemoryRecord[];
  /** Ids of records of this page that could not be opened; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

export interface ReplaceMemoryRequest {
  data: unknown;
  /** Compare-and-set: the version the record must be at. */
  ifVersion?: number | undefined;
  /** Names this write, so that a retry of it is recognised. */
  writeId?: string | undefined;
}

export interface DeleteMemoryResponse {
  /** False when there was no such record. */
  deleted: boolean;
}

export interface SearchMemoryRequest {
  /** Compared with every string in a record, and with the names of its members, without regard to case. */
  text: string;
  cursor?: string | undefined;
}

export interface SearchMemoryResponse {
  records: MemoryRecord[];
  /** How many records this request opened. */
  searched: number;
  /** Ids of records that were met that could not be opened; absent when there are none. */
  damaged?: string[] | undefined;
  /** Present when there is more to search, whether or not something was found yet. */
  cursor?: string | undefined;
}

export interface Message {
  id: string;
  role: 'user' | 'agent';
  text: string;
  /** Name of the channel, as `twilio`. */
  channel: string;
  /** RFC 3339. */
  at: string;
}

export interface ListMessagesResponse {
  /** Oldest first. */
  messages: Message[];
  /** Ids of messages of this page that could not be opened; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** One who can, or can't, open something. All of it is computed from slots, roles and policies. */
export interface ExplainParty {
  /** `api-key`, `slot`, `link` (whoever holds the URL), `function` (of the deployment, with its role), `operator` (who may change policies or code), `anyone` (of what is gone). */
  kind: 'api-key' | 'slot' | 'link' | 'function' | 'operator' | 'anyone';
  /** Id of the key or slot, or name of the function. */
  id?: string | undefined;
  /** In words: who it is. */
  who: string;
  /** In words: with what it can open it and while what lasts; or why it can't. */
  how: string;
  /** RFC 3339: until when it can. */
  until?: string | undefined;
}

export interface ExplainResponse {
  /** As asked: `value:<name>`, `blob:<id>`, `memory:<user>/<record id>`, `message:<user>/<id>` or `user:<user>`. */
  ref: string;
  /** The rung of custody: who must be there for it to open. */
  custody: 'org' | 'link' | 'user';
  /** Whether it is there; what is gone nobody can open. */
  state: 'stored' | 'locked' | 'gone';
  canOpen: ExplainParty[];
  cannotOpen: ExplainParty[];
}
