/** JSON of the routes of values. */
import type { ItemError } from '../shared/wire.ts';

/** Small facts about a value, sealed like the value itself: strings by string keys. */
export type Metadata = Record<string, string>;

/** What may accompany a value when it is set. */
export interface SetOptions {
  /** Replaces the metadata of the value; none unless given. */
  metadata?: Metadata | undefined;
  /** RFC 3339 time after which the value can't be read. */
  expiresAt?: string | undefined;
  /** Compare-and-set: the version the value must be at; 0 means that there must be none. */
  ifVersion?: number | undefined;
  /** Names this write, so that a retry of it is recognised: 16 to 64 of `A-Z a-z 0-9 _ -`. */
  writeId?: string | undefined;
}

export interface SetValueRequest extends SetOptions {
  /** UTF-8 text of at most 64 KiB. */
  value: string;
}

/** What a version is, without its value. */
export interface VersionInfo {
  /** 1, 2, 3 … in the order of writing. */
  version: number;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; absent when the version does not expire. */
  expiresAt?: string | undefined;
  metadata: Metadata;
}

export interface ValueInfo extends VersionInfo {
  name: string;
}

export interface Value extends ValueInfo {
  value: string;
}

export interface ListValuesResponse {
  values: ValueInfo[];
  /** Present when there is more; good for the same prefix only. */
  cursor?: string | undefined;
}

export interface ListVersionsResponse {
  name: string;
  /** Newest first; the first is the current one. */
  versions: VersionInfo[];
}

export interface DeleteValueResponse {
  /** False when there was nothing of that name. */
  deleted: boolean;
}

export interface GetValuesRequest {
  /** 1 to 100 names, each once. */
  names: string[];
}

export type GetValuesItem = { name: string; ok: true; value: Value } | { name: string; ok: false; error: ItemError };

export interface GetValuesResponse {
  /** One for each name, in the order asked. */
  results: GetValuesItem[];
}

export interface SetValuesItemRequest extends SetValueRequest {
  name: string;
}

export interface SetValuesRequest {
  /** 1 to 100 items, each name once. */
  items: SetValuesItemRequest[];
}

export type SetValuesItem =
  | { name: string; ok: true; value: ValueInfo }
  | { name: string; ok: false; error: ItemError };

export interface SetValuesResponse {
  /** One for each item, in the order sent. */
  results: SetValuesItem[];
}
