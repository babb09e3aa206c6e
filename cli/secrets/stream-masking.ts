/**
 * Masks values in a byte stream, in every form of encoded-forms.ts, independent of chunk boundaries.
 *
 * At the end of a chunk, exactly the bytes that may start a form are held back until the following bytes decide, or
 * the stream ends. They are not released after a delay, because a partly shown value could not be hidden again. A
 * prompt without a line end that ends like the start of a form can therefore lack its last characters until the
 * program continues.
 */
import { Transform } from 'node:stream';
import { AhoCorasickAutomaton } from '../../egress/redaction/aho-corasick.ts';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { encodedFormsOf, type FormOptions } from '../../egress/redaction/encoded-forms.ts';

const markerBytes = Buffer.from(concealedMarker);

interface Span {
  start: number;
  readonly end: number;
}

/**
 * Masks one stream. All bytes covered by any form are replaced; overlapping forms become one {@link concealedMarker}.
 */
export class StreamMask {
  readonly #automaton: AhoCorasickAutomaton;
  /** Matches of this one count only as whole words. */
  readonly #words: AhoCorasickAutomaton;
  #state = 0;
  #wordState = 0;
  /** A match of a word that ended with the last byte; the next byte decides. */
  #openWord: Span | undefined;
  /** Bytes read and bytes processed, counted over the whole stream. */
  #bytesRead = 0;
  #bytesReleased = 0;
  /** The bytes read but not yet processed. */
  #heldBack: Buffer = Buffer.alloc(0);
  /** Spans to conceal that are not yet processed, in order and disjoint. */
  #concealedSpans: Span[] = [];

  /** The byte before the bytes that are held back; undefined at the start of the stream. */
  #lastReleasedByte: number | undefined;

  constructor(automaton: AhoCorasickAutomaton, words: AhoCorasickAutomaton) {
    this.#automaton = automaton;
    this.#words = words;
  }

  /** Returns the bytes that can be shown after this chunk. */
  push(chunk: Uint8Array): Buffer {
    this.#heldBack = this.#heldBack.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#heldBack, chunk]);
    for (const byte of chunk) {
      this.#closeWord(byte);
      this.#state = this.#automaton.nextState(this.#state, byte);
      this.#bytesRead++;
      const length = this.#automaton.longestMatchAt(this.#state);
      if (length > 0) this.#addSpan(this.#bytesRead - length, this.#bytesRead);
      this.#wordState = this.#words.nextState(this.#wordState, byte);
      this.#openWordAt(this.#words.longestMatchAt(this.#wordState));
    }
    const undecided = Math.max(this.#automaton.depthOf(this.#state), this.#words.depthOf(this.#wordState));
    return this.#releaseUntil(Math.min(this.#bytesRead - undecided, this.#openWord?.start ?? this.#bytesRead));
  }

  /** Returns the remaining bytes at the end of the stream. */
  end(): Buffer {
    this.#closeWord(undefined);
    this.#state = 0;
    this.#wordState = 0;
    return this.#releaseUntil(this.#bytesRead);
  }

  /** Notes a match of a word that ends here, if no word character precedes it. */
  #openWordAt(length: number): void {
    if (length === 0) return;
    const start = this.#bytesRead - length;
    const offset = start - this.#bytesReleased;
    const before = offset > 0 ? this.#heldBack[offset - 1] : this.#lastReleasedByte;
    if (!isWordByte(before)) this.#openWord = { start, end: this.#bytesRead };
  }

  #closeWord(next: number | undefined): void {
    const open = this.#openWord;
    this.#openWord = undefined;
    if (open !== undefined && !isWordByte(next)) this.#addSpan(open.start, open.end);
  }

  #addSpan(from: number, end: number): void {
    let start = from;
    for (
      let last = this.#concealedSpans.at(-1);
      last !== undefined && last.end > start;
      last = this.#concealedSpans.at(-1)
    ) {
      start = Math.min(start, last.start);
      this.#concealedSpans.pop();
    }
    this.#concealedSpans.push({ start, end });
  }

  #releaseUntil(position: number): Buffer {
    const from = this.#bytesReleased;
    if (position > from) this.#lastReleasedByte = this.#heldBack[position - from - 1];
    const parts: Buffer[] = [];
    const show = (until: number) => {
      parts.push(this.#heldBack.subarray(this.#bytesReleased - from, until - from));
      this.#bytesReleased = until;
    };
    for (
      let span = this.#concealedSpans[0];
      span !== undefined && span.start < position;
      span = this.#concealedSpans[0]
    ) {
      // A span that extends further is processed in parts, and its marker is written once, so that an endless span
      // uses no memory.
      if (span.start >= this.#bytesReleased) {
        show(span.start);
        parts.push(markerBytes);
      }
      this.#bytesReleased = Math.min(span.end, position);
      if (span.end > position) break;
      this.#concealedSpans.shift();
    }
    if (this.#bytesReleased < position) show(position);
    const shown = Buffer.concat(parts);
    this.#heldBack = this.#heldBack.subarray(this.#bytesReleased - from);
    return shown;
  }
}

/** ASCII letters, digits and the underscore, and every byte of a character beyond ASCII. */
const isWordByte = (byte: number | undefined): boolean =>
  byte !== undefined && (byte >= 0x80 || /\w/.test(String.fromCharCode(byte)));

export interface MaskerOptions extends FormOptions {
  /** Values that are masked only as whole words. */
  readonly wholeWords?: Iterable<string> | undefined;
}

/** Creates masks for one set of values; the patterns are prepared once and shared. */
export class StreamMasker {
  readonly #automaton: AhoCorasickAutomaton;
  readonly #words: AhoCorasickAutomaton;

  /** Values that are too short are ignored; see `isMaskable`. */
  constructor(values: Iterable<string>, { wholeWords = [], ...options }: MaskerOptions = {}) {
    this.#automaton = new AhoCorasickAutomaton([...new Set(values)].flatMap((value) => encodedFormsOf(value, options)));
    const words = [...new Set(wholeWords)].flatMap((text) => [
      Buffer.from(text.trim(), 'utf8'),
      ...encodedFormsOf(text),
    ]);
    this.#words = new AhoCorasickAutomaton(words.filter(({ length }) => length > 0));
  }

  /** A mask for one stream. */
  mask(): StreamMask {
    return new StreamMask(this.#automaton, this.#words);
  }

  /** A stream that masks the data passing through it. */
  stream(): Transform {
    const mask = this.mask();
    return new Transform({
      transform: (chunk, _, done) => done(null, mask.push(chunk)),
      flush: (done) => done(null, mask.end()),
    });
  }
}
