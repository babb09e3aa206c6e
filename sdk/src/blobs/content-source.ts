/** Content to upload, of whatever kind, as one source of bytes. */

import { type Interruptible, interruptible } from '../http/retry.ts';
import { refused } from '../shared/argument-validation.ts';
import { errorOf } from '../shared/errors.ts';

export interface Source {
  /** Bytes there will be; undefined when that is not known. */
  readonly size: number | undefined;
  readonly type: string;
  readonly name: string;
  /** The bytes, once. Ends at once with `aborted` when the signal fires; with `content_changed` when they are not as many as said. */
  pieces(settings: Interruptible): AsyncGenerator<Uint8Array, void, undefined>;
}

interface Steps {
  next(): Promise<IteratorResult<unknown, unknown>>;
  end(): unknown;
}

/** @throws AnimaError invalid_argument */
export function sourceOf(content: unknown): Source {
  const blob = content instanceof Blob ? content : undefined;
  const bytes = bytesOf(content);
  const size = blob?.size ?? bytes?.length;
  const name: unknown = blob === undefined ? undefined : Reflect.get(blob, 'name');
  const steps = stepsOf(bytes === undefined ? (blob ?? content) : once(bytes));
  if (steps === undefined) throw refused('invalid_argument', unfit(content));
  return {
    size,
    type: blob?.type ?? '',
    name: typeof name === 'string' ? name : '',
    pieces: (settings) => pieces(steps, size, settings),
  };
}

const unfit = (content: unknown): string =>
  typeof content === 'string'
    ? 'content is a string, which could be meant as a path or as text: pass new TextEncoder().encode(text), or the file as a Blob'
    : 'content must be bytes, a Blob or File, a ReadableStream, or an async iterable of bytes';

function bytesOf(content: unknown): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content;
  return content instanceof ArrayBuffer ? new Uint8Array(content) : undefined;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Streams are read by a reader: not all browsers can iterate them. Nothing is asked of a source before the first piece is wanted. */
function stepsOf(content: unknown): (() => Steps) | undefined {
  if (content instanceof Blob) return () => readerSteps(content.stream());
  if (content instanceof ReadableStream) return () => readerSteps(content);
  const iterate: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, Symbol.asyncIterator) : undefined;
  if (typeof iterate !== 'function') return undefined;
  return () => {
    const iterator: AsyncIterator<unknown> = Reflect.apply(iterate, content, []);
    return { next: () => iterator.next(), end: () => iterator.return?.() };
  };
}

function readerSteps(stream: ReadableStream<unknown>): Steps {
  const reader = stream.getReader();
  return { next: () => reader.read(), end: () => reader.cancel() };
}

async function* pieces(
  begin: () => Steps,
  size: number | undefined,
  settings: Interruptible,
): AsyncGenerator<Uint8Array, void, undefined> {
  const steps = begin();
  let length = 0;
  let ended = false;
  try {
    while (true) {
      const { done, value } = await interruptible(settings, async () => steps.next());
      if (done === true) break;
      const piece = checkPiece(value);
      length += piece.length;
      if (size !== undefined && length > size) throw changed();
      yield piece;
    }
    ended = true;
  } finally {
    // Not waited for: a source that hangs is what an abort is for.
    if (!ended) void Promise.resolve(steps.end()).catch(() => undefined);
  }
  if (size !== undefined && length !== size) throw changed();
}

function checkPiece(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw errorOf('invalid_argument', {
    detail: 'a piece of the content is not a Uint8Array. The upload was not completed; begin anew with pieces of bytes',
  });
}

const changed = () =>
  errorOf('content_changed', {
    detail: 'it is not as long as it was said to be. The upload was not completed; begin anew without resume',
  });
