/** Sources of bytes in pieces of any length, and a reader that returns exact lengths from them. */
import { type Bytes, concatBytes } from '../encoding/bytes.ts';

/** Bytes in pieces of any size: a ReadableStream (where it is iterable), an array or a generator. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const nothing = new Uint8Array(0);

/** Reads chosen lengths from a source of bytes. */
export class BufferedByteReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  /** The same source, if its pieces are there without waiting. */
  readonly #inMemory: Iterator<Uint8Array> | undefined;
  readonly #expectedLength: number | undefined;
  #buffered: Uint8Array;
  #bytesRead = 0;

  /**
   * @param first bytes that precede the source
   * @param size number of bytes that the source must have; not checked when undefined
   */
  constructor(source: ByteSource, first: Uint8Array = nothing, size?: number) {
    this.#inMemory = Symbol.asyncIterator in source ? undefined : source[Symbol.iterator]();
    this.#source = this.#inMemory ?? (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    this.#buffered = first;
    this.#expectedLength = size;
  }

  /**
   * Fills the target, or reads all remaining bytes. Returns the filled part of `target`, which is valid until `target`
   * is filled again.
   */
  async fill(target: Bytes): Promise<Bytes> {
    let at = 0;
    while (at < target.length) {
      const piece = this.takeReady(target.length - at);
      if (piece !== undefined) {
        target.set(piece, at);
        at += piece.length;
      } else if (await this.atEnd()) break;
    }
    return target.subarray(0, at);
  }

  /**
   * Returns the next bytes, at least one and at most `maxLength`, if they are there without waiting: an `await` of `atEnd`
   * for each piece costs some percent of its encryption. They are valid until the next call. Otherwise returns undefined,
   * and `atEnd` waits for the next piece.
   * @throws RangeError as `atEnd`
   */
  takeReady(maxLength: number): Uint8Array | undefined {
    while (this.#buffered.length === 0) {
      if (this.#inMemory === undefined || this.#accept(this.#inMemory.next())) return undefined;
    }
    const buffered = this.#buffered;
    // Most pieces are taken whole, and need no view.
    const isWhole = buffered.length <= maxLength;
    this.#buffered = isWhole ? nothing : buffered.subarray(maxLength);
    return isWhole ? buffered : buffered.subarray(0, maxLength);
  }

  /**
   * Whether no bytes are left. Loads the next piece when the buffer is empty.
   * @throws RangeError when the source has more or fewer bytes than it must have
   */
  async atEnd(): Promise<boolean> {
    while (this.#buffered.length === 0) {
      if (this.#accept(await this.#source.next())) return true;
    }
    return false;
  }

  /** Takes the next piece. @returns whether the source has ended */
  #accept({ done, value }: IteratorResult<Uint8Array>): boolean {
    const ended = done === true;
    // Without types, a text would be sealed as zeros.
    if (!ended && !(value instanceof Uint8Array))
      throw new TypeError('the content has a piece that is not a Uint8Array');
    this.#bytesRead += ended ? 0 : value.length;
    const wrong = ended
      ? this.#bytesRead !== this.#expectedLength
      : this.#bytesRead > (this.#expectedLength ?? Number.POSITIVE_INFINITY);
    if (this.#expectedLength !== undefined && wrong)
      throw new RangeError(`the content is not ${this.#expectedLength} bytes long`);
    if (!ended) this.#buffered = value;
    return ended;
  }

  /** Ends the iteration of the source. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Concatenates all pieces. */
export async function collectBytes(pieces: ByteSource): Promise<Bytes> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concatBytes(...all);
}
