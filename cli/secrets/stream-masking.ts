/**
 * Takes values out of a stream of bytes, in every form of forms.ts, wherever the chunks end.
 *
 * What is held back at the end of a chunk is exactly the part that may be the beginning of a form, and it stays held back until what follows
 * decides, or the stream ends. It is not let go after a while: what was shown of a value could not be taken back when the rest comes. So a prompt without
 * a line end that ends as a form begins can lack its last characters until the program goes on.
 */
import { Transform } from 'node:stream';
import { AhoCorasickAutomaton } from './aho-corasick.ts';
import { encodedFormsOf, type FormOptions } from './encoded-forms.ts';

/** What stands where a value was. */
export const concealedMarker = '<concealed by anima>';

const markerBytes = Buffer.from(concealedMarker);

interface Span {
  start: number;
  readonly end: number;
}

/** Masks one stream. All bytes that any form covers are replaced; forms that overlap become one {@link concealedMarker}. */
export class StreamMask {
  readonly #automaton: AhoCorasickAutomaton;
  #state = 0;
  /** Bytes read, and bytes dealt with, of the whole stream. */
  #bytesRead = 0;
  #bytesReleased = 0;
  /** The bytes between the two. */
  #heldBack: Buffer = Buffer.alloc(0);
  /** What is to be concealed and not yet dealt with, in order and apart from one another. */
  #concealedSpans: Span[] = [];

  constructor(automaton: AhoCorasickAutomaton) {
    this.#automaton = automaton;
  }

  /** What can be shown after this chunk. */
  push(chunk: Uint8Array): Buffer {
    this.#heldBack = this.#heldBack.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#heldBack, chunk]);
    for (const byte of chunk) {
      this.#state = this.#automaton.nextState(this.#state, byte);
      this.#bytesRead++;
      const length = this.#automaton.longestMatchAt(this.#state);
      if (length > 0) this.#addSpan(this.#bytesRead - length, this.#bytesRead);
    }
    return this.#releaseUntil(this.#bytesRead - this.#automaton.depthOf(this.#state));
  }

  /** What is left when the stream has ended. */
  end(): Buffer {
    this.#state = 0;
    return this.#releaseUntil(this.#bytesRead);
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
      // A span that reaches beyond is dealt with in parts: its token once, so that an endless one takes no memory.
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

/** Makes masks for one set of values: the patterns are prepared once and shared. */
export class StreamMasker {
  readonly #automaton: AhoCorasickAutomaton;

  /** Values that are too short are left out: `isMaskable` tells. */
  constructor(values: Iterable<string>, options: FormOptions = {}) {
    this.#automaton = new AhoCorasickAutomaton([...new Set(values)].flatMap((value) => encodedFormsOf(value, options)));
  }

  /** A mask for one stream. */
  mask(): StreamMask {
    return new StreamMask(this.#automaton);
  }

  /** A stream that masks what goes through it. */
  stream(): Transform {
    const mask = this.mask();
    return new Transform({
      transform: (chunk, _, done) => done(null, mask.push(chunk)),
      flush: (done) => done(null, mask.end()),
    });
  }
}
