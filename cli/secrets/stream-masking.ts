/**
 * Takes values out of a stream of bytes, in every form of forms.ts, wherever the chunks end.
 *
 * What is held back at the end of a chunk is exactly the part that may be the beginning of a form, and it stays held back until what follows
 * decides, or the stream ends. It is not let go after a while: what was shown of a value could not be taken back when the rest comes. So a prompt without
 * a line end that ends as a form begins can lack its last characters until the program goes on.
 */
import { Transform } from 'node:stream';
import { Automaton } from './aho-corasick.ts';
import { type FormOptions, formsOf } from './encoded-forms.ts';

/** What stands where a value was. */
export const concealed = '<concealed by anima>';

const token = Buffer.from(concealed);

interface Span {
  start: number;
  readonly end: number;
}

/** Masks one stream. All bytes that any form covers are replaced; forms that overlap become one {@link concealed}. */
export class Mask {
  readonly #automaton: Automaton;
  #state = 0;
  /** Bytes read, and bytes dealt with, of the whole stream. */
  #read = 0;
  #done = 0;
  /** The bytes between the two. */
  #held: Buffer = Buffer.alloc(0);
  /** What is to be concealed and not yet dealt with, in order and apart from one another. */
  #spans: Span[] = [];

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /** What can be shown after this chunk. */
  push(chunk: Uint8Array): Buffer {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    for (const byte of chunk) {
      this.#state = this.#automaton.next(this.#state, byte);
      this.#read++;
      const length = this.#automaton.match(this.#state);
      if (length > 0) this.#cover(this.#read - length, this.#read);
    }
    return this.#showUntil(this.#read - this.#automaton.depth(this.#state));
  }

  /** What is left when the stream has ended. */
  end(): Buffer {
    this.#state = 0;
    return this.#showUntil(this.#read);
  }

  #cover(from: number, end: number): void {
    let start = from;
    for (let last = this.#spans.at(-1); last !== undefined && last.end > start; last = this.#spans.at(-1)) {
      start = Math.min(start, last.start);
      this.#spans.pop();
    }
    this.#spans.push({ start, end });
  }

  #showUntil(position: number): Buffer {
    const from = this.#done;
    const parts: Buffer[] = [];
    const show = (until: number) => {
      parts.push(this.#held.subarray(this.#done - from, until - from));
      this.#done = until;
    };
    for (let span = this.#spans[0]; span !== undefined && span.start < position; span = this.#spans[0]) {
      // A span that reaches beyond is dealt with in parts: its token once, so that an endless one takes no memory.
      if (span.start >= this.#done) {
        show(span.start);
        parts.push(token);
      }
      this.#done = Math.min(span.end, position);
      if (span.end > position) break;
      this.#spans.shift();
    }
    if (this.#done < position) show(position);
    const shown = Buffer.concat(parts);
    this.#held = this.#held.subarray(this.#done - from);
    return shown;
  }
}

/** Makes masks for one set of values: the patterns are prepared once and shared. */
export class Concealer {
  readonly #automaton: Automaton;

  /** Values that are too short are left out: `isMaskable` tells. */
  constructor(values: Iterable<string>, options: FormOptions = {}) {
    this.#automaton = new Automaton([...new Set(values)].flatMap((value) => formsOf(value, options)));
  }

  /** A mask for one stream. */
  mask(): Mask {
    return new Mask(this.#automaton);
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
