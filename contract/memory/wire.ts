/** JSON of the routes of memory. */
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
