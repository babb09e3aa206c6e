/** What goes into a user's memory and comes out of it, as types. */

import type { Json, RecordInfo } from '../../../contract/memory/wire.ts';
import type { ByteStream, PlatformBlob } from '../blobs/blob-types.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { AnimaError, AnimaErrorCode } from '../shared/errors.ts';

/** A record of a user's memory. */
export interface MemoryRecord extends RecordInfo {
  /** What was stored: any JSON. */
  data: Json;
}

export interface AddMemoryOptions extends CallOptions {
  /**
   * 1 to 128 of `A-Z a-z 0-9 . _ -`, the first a letter or digit; a new one that sorts by time unless given. Give one to repeat the call safely
   * across processes: the same content under the same id is added once.
   */
  id?: string | undefined;
}

/** One item of `addMany`. */
export interface NewMemory {
  data: unknown;
  /** As `id` of `add`. */
  id?: string | undefined;
}

/** What became of one item of `addMany`. `index` counts the items from 0. */
export type AddedMemory =
  | { readonly index: number; readonly ok: true; readonly record: RecordInfo }
  | { readonly index: number; readonly ok: false; readonly id: string | undefined; readonly error: AnimaError };

export interface AddManyOptions extends CallOptions {
  /** Called for each item, in order, as soon as it is known what became of it; and waited for. */
  onResult?: ((result: AddedMemory) => unknown) | undefined;
}

/** What became of all items of `addMany`. */
export interface AddManyResult {
  readonly added: number;
  readonly failed: number;
  /** The first hundred that failed; `onResult` is told of each. */
  readonly failures: Extract<AddedMemory, { ok: false }>[];
}

export interface ReplaceMemoryOptions extends CallOptions {
  /** Compare-and-set: the version that the record must be at. */
  ifVersion?: number | undefined;
  /** Names this write; made for you. Give one to repeat a write safely across processes. */
  writeId?: string | undefined;
}

export interface DamagedOptions extends CallOptions {
  /**
   * Called with the id of each record that could not be opened. Unless given, an iteration throws `decryption_failed` that names them, after it
   * has given all that could be.
   */
  onDamaged?: ((id: string) => void) | undefined;
}

export interface ListMemoryOptions extends DamagedOptions {
  /** Records of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

export interface SearchMemoryOptions extends DamagedOptions {
  /** Called after each request: how many records were opened and compared so far. */
  onProgress?: ((progress: { readonly searched: number }) => void) | undefined;
}

/** The key of Fernet tokens by the published derivation of Anamnesis. It stays in this program. */
export interface FernetOptions {
  /** The API key under which the tokens are, or are to be, written. */
  apiKey: string;
  /** Id of its user. */
  userId: string;
}

/**
 * Lines of text. A string is the whole text; strings of an iterable are one or more whole lines each; bytes, of a Blob, File, stream or async
 * iterable, may be cut anywhere.
 */
export type LineSource = string | Iterable<string> | AsyncIterable<string | Uint8Array> | ByteStream | PlatformBlob;

/**
 * Why a line was not imported: it is no Fernet token; it is of another key or user, or was altered; its bytes are no UTF-8; it has a number that
 * JSON of JavaScript can't hold exactly; or the code with which the vault refused the record, such as `record_exists` when the record of that
 * token was replaced since, and `record_too_large`.
 */
export type FernetRefusal = 'not_a_token' | 'wrong_key' | 'not_text' | 'inexact_number' | AnimaErrorCode;

/** What became of one line. Lines are counted from 1; blank ones are counted and not reported. */
export type ImportedLine =
  | { readonly line: number; readonly ok: true; readonly id: string }
  | { readonly line: number; readonly ok: false; readonly reason: FernetRefusal };

export interface ImportFernetOptions extends FernetOptions, CallOptions {
  /** Called for each line that is not blank, in order, as soon as it is known what became of it; and waited for. */
  onLine?: ((line: ImportedLine) => unknown) | undefined;
}

/** What became of all lines. */
export interface ImportFernetResult {
  readonly imported: number;
  readonly failed: number;
  /** The first hundred that failed; `onLine` is told of each. */
  readonly failures: Extract<ImportedLine, { ok: false }>[];
}

export interface ExportFernetOptions extends FernetOptions, DamagedOptions {}
