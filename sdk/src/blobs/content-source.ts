/** Content to upload, of whatever kind, as one source of bytes. */

import { type AbortSettings, withAbort } from '../http/retry.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { createError } from '../shared/errors.ts';

export interface ContentSource {
  /** Bytes there will be; undefined when that is not known. */
  readonly size: number | undefined;
  readonly type: string;
  readonly name: string;
  /** The bytes, once. Ends at once with `aborted` when the signal fires; with `content_changed` when they are not as many as said. */
  pieces(settings: AbortSettings): AsyncGenerator<Uint8Array, void, undefined>;
}

interface PieceIterator {
  next(): Promise<IteratorResult<unknown, unknown>>;
  cancel(): unknown;
}

/** @throws AnimaError invalid_argument */
export function toContentSource(content: unknown): ContentSource {
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

/** Streams are read by a reader: not all browsers can iterate them. Nothing is asked of a source before the first piece is wanted. */
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
    // Not waited for: a source that hangs is what an abort is for.
    if (!ended) void Promise.resolve(steps.cancel()).catch(() => undefined);
  }
  if (size !== undefined && length !== size) throw contentLengthChangedError();
}

function checkPiece(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw createError('invalid_argument', {
    detail: 'a piece of the content is not a Uint8Array. The upload was not completed; begin anew with pieces of bytes',
  });
}

const contentLengthChangedError = () =>
  createError('content_changed', {
    detail: 'it is not as long as it was said to be. The upload was not completed; begin anew without resume',
  });
