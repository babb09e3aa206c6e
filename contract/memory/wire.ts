/** JSON types of the memory routes. */
import type { ItemError } from '../shared/wire.ts';

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
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ -`, the first a letter or digit. Default: a new time-ordered id. */
  id?: string | undefined;
  /** Any JSON of at most 64 KiB, nested at most 100 levels deep. Numbers are IEEE 754 doubles (RFC 8259 section 6). */
  data: unknown;
}

export interface AddMemoriesRequest {
  /** 1 to 100 records with distinct ids. */
  items: AddMemoryRequest[];
}

export type AddMemoriesItem =
  | { id: string; ok: true; record: RecordInfo }
  | { id?: string | undefined; ok: false; error: ItemError };

export interface AddMemoriesResponse {
  /** One result for each item, in the order of the request. */
  results: AddMemoriesItem[];
}

export interface ListMemoryResponse {
  /** Ascending by id. */
  records: MemoryRecord[];
  /** Ids of records on this page that could not be decrypted; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

export interface ReplaceMemoryRequest {
  data: unknown;
  /** Compare-and-set: the current version that the record must have. */
  ifVersion?: number | undefined;
  /** Identifies this write, so that a retry is recognized. */
  writeId?: string | undefined;
}

export interface DeleteMemoryResponse {
  /** False when no such record existed. */
  deleted: boolean;
}

export interface SearchMemoryRequest {
  /** Searched for in every string of a record and in its member names, ignoring case. */
  text: string;
  cursor?: string | undefined;
}

export interface SearchMemoryResponse {
  records: MemoryRecord[];
  /** Number of records that this request decrypted. */
  searched: number;
  /** Ids of searched records that could not be decrypted; absent when there are none. */
  damaged?: string[] | undefined;
  /** Present when there are more records to search, whether or not this page has results. */
  cursor?: string | undefined;
}
