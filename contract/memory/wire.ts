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
  /** Absent if the record was stored without it. */
  namespace?: string[] | undefined;
  key?: string | undefined;
  index?: string[] | undefined;
  expiresAt?: string | undefined;
  /** Of a search by a vector: the cosine similarity, from -1 to 1. */
  similarity?: number | undefined;
}

/** Where a record belongs, how long it is kept, and by what it can be found without opening others. */
export interface MemoryPlacement {
  /** 1 to 8 texts of 1 to 128 characters. */
  namespace?: string[] | undefined;
  /** Name of the record in its namespace, 1 to 256 characters, instead of an id. The vault derives the id from it. */
  key?: string | undefined;
  /** Paths of members to filter by, such as `kind` or `user.city`. Equal values of these can be recognized in the table. */
  index?: string[] | undefined;
  /** RFC 3339. From then on, the record does not exist. */
  expiresAt?: string | undefined;
}

export interface AddMemoryRequest extends MemoryPlacement {
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ -`, the first a letter or digit. Default: a new time-ordered id. */
  id?: string | undefined;
  /** Any JSON of at most 64 KiB, nested at most 100 levels deep. Numbers are IEEE 754 doubles (RFC 8259 section 6). */
  data: unknown;
  /** Vectors by which the record is found: 1 to 16, of up to 4,096 numbers each and 16,384 in all. They are encrypted too. */
  embeddings?: number[][] | undefined;
  /** Replaces the record if there is one. */
  upsert?: boolean | undefined;
  /** With `upsert`: the current version that the record must have; 0 if it must not exist. */
  ifVersion?: number | undefined;
  /** With `upsert`: identifies this write, so that a retry is recognized. */
  writeId?: string | undefined;
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

/** Records must meet all conditions. There must be at least one. */
export interface SearchMemoryRequest {
  /** Searched for in every string of a record and in its member names, ignoring case. */
  text?: string | undefined;
  /** All of these words must be in the strings of a record, in any order. Case, accents and forms of digits do not count. */
  words?: string | undefined;
  /** The namespace of a record must begin with these parts. With `key`, it must be exactly this one. */
  namespace?: string[] | undefined;
  /** The one record of this key. */
  key?: string | undefined;
  /** Values by path. Only records with these paths in their `index` are found. */
  filter?: Record<string, string | number | boolean | null> | undefined;
  /** The records with the vectors that are most similar, among those that meet the other conditions. */
  near?: NearVector | undefined;
  /** Maximum number of records in the response, 1 to 1000. With `near`, the default is 10. */
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface NearVector {
  /** Records without a vector of as many dimensions are not found. */
  vector: number[];
  /** The least similarity of a found record, from -1 to 1. */
  minSimilarity?: number | undefined;
}

export interface SearchMemoryResponse {
  /** With `near`: the nearest of the records that this request decrypted, in descending order of similarity. */
  records: MemoryRecord[];
  /** Number of records that this request decrypted. */
  searched: number;
  /** Ids of searched records that could not be decrypted; absent when there are none. */
  damaged?: string[] | undefined;
  /** Present when there are more records to search, whether or not this page has results. */
  cursor?: string | undefined;
}
