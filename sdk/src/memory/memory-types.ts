/** Types for a user's memory. */

import type { Json, RecordInfo } from '../../../contract/memory/wire.ts';
import type { ByteStream, PlatformBlob } from '../blobs/blob-types.ts';
import type { ExpiryOptions } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { AnimaError, AnimaErrorCode } from '../shared/errors.ts';

/** A record of a user's memory. */
export interface MemoryRecord extends RecordInfo {
  /** The stored data: any JSON. */
  data: Json;
  /** The placement with which the record was stored. */
  namespace?: string[] | undefined;
  key?: string | undefined;
  index?: string[] | undefined;
  expiresAt?: string | undefined;
  /** Of `find` with `near`: the cosine similarity, from -1 to 1. */
  similarity?: number | undefined;
}

/** Options of `upsert`. Exactly one of `id` and `key` is required. */
export interface PutMemoryOptions extends ExpiryOptions, CallOptions {
  /** Id of the record, as of `add`. */
  id?: string | undefined;
  /** Name of the record in its namespace, 1 to 256 characters, from which the vault derives the id. */
  key?: string | undefined;
  /** 1 to 8 texts of 1 to 128 characters. */
  namespace?: readonly string[] | undefined;
  /**
   * Paths of members to filter by, such as `kind` or `user.city`, at most 16. A reader of the table can then recognize
   * records that have equal values at a path, but not the values.
   */
  index?: readonly string[] | undefined;
  /**
   * A vector from a model of your choice, or up to 16, by which `find` with `near` finds the record. Vectors are encrypted
   * with the record, and no index reveals them. They are not returned. At most 4,096 numbers each, and 16,384 in all.
   */
  embedding?: Vector | readonly Vector[] | undefined;
  /** Compare-and-set: the version that the record must have; 0 if it must not exist. */
  ifVersion?: number | undefined;
  /** Id of this write. Default: a random id. Pass an id to repeat a write safely across processes. */
  writeId?: string | undefined;
}

/** Conditions of `find`: a record must meet all. At least one is required. */
export interface FindMemoryOptions extends DamagedOptions {
  /** The namespace of the record begins with these parts. */
  namespace?: readonly string[] | undefined;
  /** The one record with this key in exactly that namespace. */
  key?: string | undefined;
  /** Values by path. Only records that were stored with these paths in `index` are found. */
  filter?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /** All of these words are in the record, in any order. Case, accents and forms of digits do not count. */
  words?: string | undefined;
  /** A string or member name contains this text, ignoring case. */
  text?: string | undefined;
  /**
   * Only the records whose vectors are most similar to this one, in descending order. The vault decrypts all records
   * that the namespace and the filter select, and compares them there. Excludes `key` and `pageSize`.
   */
  near?: NearOptions | undefined;
  /** Records per page, 1 to 1000. Default: as many as fit. */
  pageSize?: number | undefined;
  /** Called after each request with the number of records decrypted so far. */
  onProgress?: SearchMemoryOptions['onProgress'];
}

/** An embedding of a text, from a model of your choice. */
export type Vector = readonly number[] | Float32Array;

export interface NearOptions {
  /** A vector of the same model as those of the records. Records with other numbers of dimensions are not found. */
  vector: Vector;
  /** Maximum number of records, 1 to 1000. Default: 10. */
  limit?: number | undefined;
  /** The least cosine similarity, -1 to 1. */
  minSimilarity?: number | undefined;
}

export interface AddMemoryOptions extends CallOptions {
  /**
   * 1 to 128 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit. Default: a new id that sorts by time. Pass an
   * id to repeat the call safely across processes: the same content under the same id is added once.
   */
  id?: string | undefined;
}

/** One item of `addMany`. */
export interface NewMemory {
  data: unknown;
  /** Same as `id` of `add`. */
  id?: string | undefined;
}

/** Result of one item of `addMany`. `index` counts from 0. */
export type AddedMemory =
  | { readonly index: number; readonly ok: true; readonly record: RecordInfo }
  | { readonly index: number; readonly ok: false; readonly id: string | undefined; readonly error: AnimaError };

export interface AddManyOptions extends CallOptions {
  /** Called and awaited for each item, in order, as soon as its result is known. */
  onResult?: ((result: AddedMemory) => unknown) | undefined;
}

/** Summary of `addMany`. */
export interface AddManyResult {
  readonly added: number;
  readonly failed: number;
  /** The first hundred failures; `onResult` receives all of them. */
  readonly failures: Extract<AddedMemory, { ok: false }>[];
}

export interface ReplaceMemoryOptions extends CallOptions {
  /** Compare-and-set: the version that the record must have. */
  ifVersion?: number | undefined;
  /** Id of this write. Default: a random id. Pass an id to repeat a write safely across processes. */
  writeId?: string | undefined;
}

export interface DamagedOptions extends CallOptions {
  /**
   * Called with the id of each record that could not be decrypted. Without it, an iteration yields all other records
   * and then throws `decryption_failed` with the ids.
   */
  onDamaged?: ((id: string) => void) | undefined;
}

export interface ListMemoryOptions extends DamagedOptions {
  /** Records per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

export interface SearchMemoryOptions extends DamagedOptions {
  /** Called after each request with the number of records decrypted and compared so far. */
  onProgress?: ((progress: { readonly searched: number }) => void) | undefined;
}

/** Key material of Fernet tokens, for the published derivation of Anamnesis. It is never sent. */
export interface FernetOptions {
  /** The API key that encrypts the tokens. */
  apiKey: string;
  /** Id of that key's user. */
  userId: string;
}

/**
 * Lines of text. A string is the whole text. Each string of an iterable is one or more whole lines. Bytes from a
 * Blob, File, stream or async iterable may be split anywhere.
 */
export type LineSource = string | Iterable<string> | AsyncIterable<string | Uint8Array> | ByteStream | PlatformBlob;

/**
 * Why a line was not imported. `not_a_token`: it is not a Fernet token. `wrong_key`: the token belongs to another key
 * or user, or was altered. `not_text`: the plaintext is not UTF-8. `inexact_number`: it contains a number that
 * JavaScript cannot represent exactly. Otherwise the vault's error code, such as `record_exists` if the token's
 * record was replaced later, or `record_too_large`.
 */
export type FernetRefusal = 'not_a_token' | 'wrong_key' | 'not_text' | 'inexact_number' | AnimaErrorCode;

/** Result of one line. Lines are counted from 1; blank lines are counted but not reported. */
export type ImportedLine =
  | { readonly line: number; readonly ok: true; readonly id: string }
  | { readonly line: number; readonly ok: false; readonly reason: FernetRefusal };

export interface ImportFernetOptions extends FernetOptions, CallOptions {
  /** Called and awaited for each non-blank line, in order, as soon as its result is known. */
  onLine?: ((line: ImportedLine) => unknown) | undefined;
}

/** Summary of an import. */
export interface ImportFernetResult {
  readonly imported: number;
  readonly failed: number;
  /** The first hundred failures; `onLine` receives all of them. */
  readonly failures: Extract<ImportedLine, { ok: false }>[];
}

export interface ExportFernetOptions extends FernetOptions, DamagedOptions {}
