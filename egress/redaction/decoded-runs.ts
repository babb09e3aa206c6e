/**
 * Decodes every run of base64 (RFC 4648 sections 4 and 5) and of hexadecimal digits in a text, at every alignment,
 * because a run can begin within the characters of something else; and lists of decimal bytes.
 */

/** Decoded bytes, and for each byte the start and end of its encoding in the source. */
export interface DecodedView {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** Shortest run that can encode a value, digits. */
const minRunLength = 8;
/** Shortest text within decoded bytes that is kept: shorter texts cannot encode a value again. */
const minTextLength = 8;
/** Between runs: a byte that is in no UTF-8 text. Not zero, because that is a half of many characters of UTF-16. */
const separator = 0xff;

const other = -1;
const space = -2;

function digitTable(...alphabets: string[]): Int8Array {
  const table = new Int8Array(256).fill(other);
  for (const alphabet of alphabets)
    for (const [digit, character] of [...alphabet].entries()) table[character.charCodeAt(0)] = digit;
  for (const code of [0x20, 9, 10, 11, 12, 13]) table[code] = space;
  return table;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const base64Digits = digitTable(`${letters}+/`, `${letters}-_`);
const hexDigits = digitTable('0123456789abcdef', '0123456789ABCDEF');
/** Bytes are also written in groups: `73:6b`, `73-6b`, `73, 6b` and `0x73, 0x6b`. */
for (const character of ':-,') hexDigits[character.charCodeAt(0)] = space;
const letterX = 0x78;

export const decodeBase64Runs = (view: DecodedView): DecodedView | undefined => decodeRuns(view, base64Digits, 6);
export const decodeHexRuns = (view: DecodedView): DecodedView | undefined => decodeRuns(view, hexDigits, 4);

/** The decoded runs, each at every alignment; undefined if there is none. White space within a run is skipped. */
function decodeRuns(view: DecodedView, digits: Int8Array, bitsPerDigit: 4 | 6): DecodedView | undefined {
  const alignments = bitsPerDigit === 6 ? 4 : 2;
  const target = new ViewBuilder(view, 4 * view.bytes.length + alignments);
  const run = new Uint32Array(view.bytes.length);
  let length = 0;
  const finishRun = (): void => {
    if (length >= minRunLength) {
      for (let first = 0; first < alignments; first++)
        decodeRun(run.subarray(first, length), view, digits, bitsPerDigit, target);
    }
    length = 0;
  };
  for (let at = 0; at < view.bytes.length; at++) {
    const digit = digits[view.bytes[at] ?? 0] ?? other;
    // The zero of `0x` is no digit.
    if (bitsPerDigit === 4 && view.bytes[at] === letterX && view.bytes[at - 1] === 0x30)
      length = Math.max(0, length - 1);
    else if (digit === other) finishRun();
    else if (digit !== space) run[length++] = at;
  }
  finishRun();
  return target.finish();
}

/** Fewest bytes of a list that can be a value. */
const minListedBytes = 4;

/** Lists of decimal bytes, such as `[115, 107, 95]`; undefined if there is none. */
export function decodeByteLists(view: DecodedView): DecodedView | undefined {
  const target = new ViewBuilder(view, view.bytes.length + 1);
  const text = Buffer.from(view.bytes.buffer, view.bytes.byteOffset, view.bytes.length).toString('latin1');
  for (const list of text.matchAll(/\d{1,3}(?:[ ,;\t\r\n]+\d{1,3})+/g)) {
    const numbers = [...list[0].matchAll(/\d+/g)];
    if (numbers.length < minListedBytes) continue;
    for (const [{ length }, byte, at] of numbers.map(
      (one) => [one[0], Number(one[0]), list.index + one.index] as const,
    ))
      target.add(byte > 0xff ? separator : byte, at, at + length - 1);
    target.add(separator, list.index, list.index);
  }
  return target.finish();
}

/** @param run positions of the digits */
function decodeRun(
  run: Uint32Array,
  view: DecodedView,
  digits: Int8Array,
  bitsPerDigit: number,
  target: ViewBuilder,
): void {
  let value = 0;
  let bits = 0;
  let first = 0;
  for (const at of run) {
    if (bits === 0) first = at;
    value = ((value << bitsPerDigit) | (digits[view.bytes[at] ?? 0] ?? 0)) & 0xffff;
    bits += bitsPerDigit;
    if (bits < 8) continue;
    bits -= 8;
    target.add((value >> bits) & 0xff, first, at);
    // The rest of this digit is the beginning of the next byte.
    first = at;
  }
  target.add(separator, run[0] ?? 0, run[0] ?? 0);
}

/** The parts of a view that are UTF-8 text; undefined if there is none. */
export function keepTextOnly(view: DecodedView): DecodedView | undefined {
  const target = new ViewBuilder(view, 2 * view.bytes.length);
  for (let at = 0; at < view.bytes.length; at++) {
    const start = at;
    for (let step = characterLength(view.bytes, at); step > 0; step = characterLength(view.bytes, at)) at += step;
    if (at - start < minTextLength) continue;
    for (let i = start; i < at; i++) target.add(view.bytes[i] ?? 0, i, i);
    target.add(separator, start, start);
  }
  return target.finish();
}

/** Bytes of the printable character at a position; 0 if there is none. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return isPrintableAscii(lead) ? 1 : 0;
  const length = utf8Length(lead);
  for (let i = 1; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

const isPrintableAscii = (byte: number): boolean => (byte >= 0x20 && byte !== 0x7f) || (byte >= 9 && byte <= 13);

/** Bytes of a character that begins with this byte (RFC 3629); 0 if none does. */
function utf8Length(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc2 ? 2 : 0;
}

/** Collects bytes of a new view with their positions in the source of the old one. */
export class ViewBuilder {
  readonly #from: DecodedView;
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #size = 0;

  constructor(from: DecodedView, capacity: number) {
    this.#from = from;
    this.#bytes = new Uint8Array(capacity);
    this.#starts = new Uint32Array(capacity);
    this.#ends = new Uint32Array(capacity);
  }

  /** Adds a byte that is encoded from position `first` through position `last` of the old view. */
  add(byte: number, first: number, last: number): void {
    this.#bytes[this.#size] = byte;
    this.#starts[this.#size] = this.#from.starts[first] ?? 0;
    this.#ends[this.#size] = this.#from.ends[last] ?? 0;
    this.#size++;
  }

  /** The view; undefined if it is empty. */
  finish(): DecodedView | undefined {
    if (this.#size === 0) return undefined;
    const size = this.#size;
    return {
      bytes: this.#bytes.subarray(0, size),
      starts: this.#starts.subarray(0, size),
      ends: this.#ends.subarray(0, size),
    };
  }
}
