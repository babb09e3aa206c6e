/** JSON types of the value routes. */
import type { ItemError } from '../shared/wire.ts';

/** Metadata of a value: strings by string keys. Sealed like the value itself. */
export type Metadata = Record<string, string>;

/** Options for setting a value. */
export interface SetOptions {
  /** Replaces the metadata of the value. Default: no metadata. */
  metadata?: Metadata | undefined;
  /** RFC 3339 time from which the value cannot be read. */
  expiresAt?: string | undefined;
  /** Compare-and-set: the current version that the value must have; 0 means that the value must not exist. */
  ifVersion?: number | undefined;
  /**
   * Whether the value is a tripwire: reading or using it raises an alarm. No response shows it. Default: as it was for the
   * version before, until the value is deleted.
   */
  tripwire?: boolean | undefined;
  /** Identifies this write, so that a retry is recognized: 16 to 64 characters of `A-Z a-z 0-9 _ -`. */
  writeId?: string | undefined;
}

export interface SetValueRequest extends SetOptions {
  /** UTF-8 text of at most 64 KiB. */
  value: string;
}

/** A version without its value. */
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
  /** Names of values on this page that could not be decrypted; absent if there are none. */
  damaged?: string[] | undefined;
  /** Present when there are more names; valid only for the same prefix. */
  cursor?: string | undefined;
}

export interface ListVersionsResponse {
  name: string;
  /** Newest first. The first is the current version. */
  versions: VersionInfo[];
  /** Earlier versions that could not be decrypted, newest first; absent if there are none. */
  damaged?: number[] | undefined;
}

export interface DeleteValueResponse {
  /** False when no value had that name. */
  deleted: boolean;
}

export interface GetValuesRequest {
  /** 1 to 100 distinct names. */
  names: string[];
}

export type GetValuesItem = { name: string; ok: true; value: Value } | { name: string; ok: false; error: ItemError };

export interface GetValuesResponse {
  /** One result for each name, in the order of the request. */
  results: GetValuesItem[];
}

export interface SetValuesItemRequest extends SetValueRequest {
  name: string;
}

export interface SetValuesRequest {
  /** 1 to 100 items with distinct names. */
  items: SetValuesItemRequest[];
}

export type SetValuesItem =
  | { name: string; ok: true; value: ValueInfo }
  | { name: string; ok: false; error: ItemError };

export interface SetValuesResponse {
  /** One result for each item, in the order of the request. */
  results: SetValuesItem[];
}
