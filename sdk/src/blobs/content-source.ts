/** Converts every supported content type to one byte source. */

import { encodeFileIndex, type FileSetEntry } from '../../../core/blobs/file-set.ts';
import { type AbortSettings, withAbort } from '../http/retry.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';

export interface ContentSource {
  /** Total bytes; undefined if unknown. */
  readonly size: number | undefined;
  readonly type: string;
  readonly name: string;
  /** Bytes of the index at the beginning, if this is a set of files. */
  readonly indexLength?: number | undefined;
  /**
   * The bytes; can be iterated once. Throws `aborted` immediately when the signal fires, and `content_changed` if the
   * byte count differs from `size`.
   */
  pieces(settings: AbortSettings): AsyncGenerator<Uint8Array, void, undefined>;
}

interface PieceIterator {
  next(): Promise<IteratorResult<unknown, unknown>>;
  cancel(): unknown;
}

/** @throws AnimaError invalid_argument */
export function toContentSource(content: unknown): ContentSource {
  if (Array.isArray(content)) return toFileSetSource(content);
  const blob = content instanceof Blob ? content : undefined;
  const bytes = asBytes(content);
  const size = blob?.size ?? bytes?.length;
  const name: unknown = blob === undefined ? undefined : Reflect.get(blob, 'name');
  const steps = findPieceIterator(bytes === undefined ? (blob ?? content) : yieldOnce(bytes));
  if (steps === undefined) throw notSentError('invalid_argument', describeUnsupportedContent(content));
  return {
    size,
    type: blob?.type ?? '',
    name: typeof name === 'string' ? name : '',
    pieces: (settings) => readPieces(steps, size, settings),
  };
}

/** Index and files of a set. Previews are first, so that readers can show them while they load the rest. */
function toFileSetSource(files: readonly unknown[]): ContentSource {
  const described = files.map((file) => {
    if (!isPlainObject(file) || !('content' in file)) return { content: file };
    checkOptions(file, ['content', 'type', 'name', 'preview']);
    return file;
  });
  const sourceOf = (content: unknown, { type, name }: { type?: unknown; name?: unknown }) => {
    const source = toContentSource(content);
    if (source.size === undefined || source.indexLength !== undefined)
      throw notSentError(
        'invalid_argument',
        'each file of a set must be bytes, a Blob or a File: its size is needed first',
      );
    return { source, type: textOption(type, source.type), name: textOption(name, source.name), size: source.size };
  };
  const main = described.map((file) => sourceOf(file.content, file));
  const previews = described.flatMap(({ preview }, number) =>
    preview === undefined ? [] : [{ ...sourceOf(preview, {}), number }],
  );
  const entries = [
    ...previews.map((preview) => ({ ...preview, previewOf: preview.number + previews.length })),
    ...main.map((file) => ({ ...file, previewOf: undefined })),
  ];
  const index = encodeIndex(entries);
  return {
    size: entries.reduce((sum, { size }) => sum + size, index.length),
    type: '',
    name: '',
    indexLength: index.length,
    async *pieces(settings) {
      yield index;
      for (const { source } of entries) yield* source.pieces(settings);
    },
  };
}

function encodeIndex(entries: readonly FileSetEntry[]): Uint8Array {
  try {
    return encodeFileIndex(entries);
  } catch (error) {
    throw notSentError('invalid_argument', error instanceof RangeError ? error.message : 'the files form no set');
  }
}

function textOption(given: unknown, otherwise: string): string {
  if (given === undefined) return otherwise;
  if (typeof given === 'string') return given;
  throw notSentError('invalid_argument', 'type and name of a file must be strings');
}

const describeUnsupportedContent = (content: unknown): string =>
  typeof content === 'string'
    ? 'content is a string, which could be meant as a path or as text: pass new TextEncoder().encode(text), or the file as a Blob'
    : 'content must be bytes, a Blob or File, a ReadableStream, or an async iterable of bytes';

function asBytes(content: unknown): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content;
  return content instanceof ArrayBuffer ? new Uint8Array(content) : undefined;
}

async function* yieldOnce(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * Streams are read through a reader, because not all browsers can iterate them. The source is not accessed until the
 * first piece is requested.
 */
function findPieceIterator(content: unknown): (() => PieceIterator) | undefined {
  if (content instanceof Blob) return () => streamPieceIterator(content.stream());
  if (content instanceof ReadableStream) return () => streamPieceIterator(content);
  const iterate: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, Symbol.asyncIterator) : undefined;
  if (typeof iterate !== 'function') return undefined;
  return () => {
    const iterator: AsyncIterator<unknown> = Reflect.apply(iterate, content, []);
    return { next: () => iterator.next(), cancel: () => iterator.return?.() };
  };
}

function streamPieceIterator(stream: ReadableStream<unknown>): PieceIterator {
  const reader = stream.getReader();
  return { next: () => reader.read(), cancel: () => reader.cancel() };
}

async function* readPieces(
  begin: () => PieceIterator,
  size: number | undefined,
  settings: AbortSettings,
): AsyncGenerator<Uint8Array, void, undefined> {
  const steps = begin();
  let length = 0;
  let ended = false;
  try {
    while (true) {
      const { done, value } = await withAbort(settings, async () => steps.next());
      if (done === true) break;
      const piece = checkPiece(value);
      length += piece.length;
      if (size !== undefined && length > size) throw contentLengthChangedError();
      yield piece;
    }
    ended = true;
  } finally {
    // Not awaited: abort must also work when the source hangs.
    if (!ended) void Promise.resolve(steps.cancel()).catch(() => undefined);
  }
  if (size !== undefined && length !== size) throw contentLengthChangedError();
}

function checkPiece(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw createError('invalid_argument', {
    detail: 'a piece of the content is not a Uint8Array. The upload is incomplete; start again with byte pieces',
  });
}

const contentLengthChangedError = () =>
  createError('content_changed', {
    detail: 'its length differs from its stated size. The upload is incomplete; start again without resume',
  });
