/** Reads text from any source line by line, with at most one line in memory. */
import { notSentError } from '../shared/argument-validation.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import type { LineSource } from './memory-types.ts';

/**
 * Maximum line length, characters: over ten times the token of the largest record. The text of a longer line is
 * dropped.
 */
const maxLineLength = 1_048_576;

export interface NumberedLine {
  /** Counted from 1. */
  readonly number: number;
  /** Trimmed text; undefined if the line is too long. */
  readonly text: string | undefined;
}

/** @throws AnimaError invalid_argument */
export async function* readLines(source: LineSource): AsyncGenerator<NumberedLine, void, undefined> {
  let number = 0;
  let kept = '';
  let tooLong = false;
  const end = (): NumberedLine => {
    const line = { number: ++number, text: tooLong ? undefined : kept.trim() };
    [kept, tooLong] = ['', false];
    return line;
  };
  for await (const piece of readText(source)) {
    let from = 0;
    for (let at = piece.indexOf('\n'); ; at = piece.indexOf('\n', from)) {
      const rest = piece.slice(from, at < 0 ? undefined : at);
      tooLong ||= kept.length + rest.length > maxLineLength;
      kept = tooLong ? '' : kept + rest;
      if (at < 0) break;
      yield end();
      from = at + 1;
    }
  }
  if (kept !== '' || tooLong) yield end();
}

/** Yields text in arbitrary pieces. Strings are whole lines, so a missing final line end is added. */
async function* readText(source: LineSource): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const piece of iteratePieces(source)) {
    if (typeof piece === 'string') yield piece.endsWith('\n') ? piece : `${piece}\n`;
    else if (piece instanceof Uint8Array) yield decoder.decode(piece, { stream: true });
    else throw notSentError('invalid_argument', 'a piece of the lines is neither a string nor bytes');
  }
  yield decoder.decode();
}

function iteratePieces(source: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof source === 'string') return [source];
  if (typeof Blob === 'function' && source instanceof Blob) return readStreamPieces(source.stream());
  if (isPlainObject(source) || Array.isArray(source)) {
    if (typeof Reflect.get(source, Symbol.asyncIterator) === 'function')
      return source as unknown as AsyncIterable<unknown>;
    if (isStream(source)) return readStreamPieces(source);
    if (typeof Reflect.get(source, Symbol.iterator) === 'function') return source as unknown as Iterable<unknown>;
  }
  throw notSentError('invalid_argument', 'lines must be a string, a Blob or File, a stream, or an iterable of lines');
}

const isStream = (source: object): source is ReadableStream<unknown> =>
  typeof ReadableStream === 'function' && source instanceof ReadableStream;

/** Streams are read through a reader, because not all browsers can iterate them. */
async function* readStreamPieces(stream: ReadableStream<unknown>): AsyncGenerator<unknown, void, undefined> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    ended = true;
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
