/** Sources of bytes in pieces of any length, and a reader that returns exact lengths from them. */
import { type Bytes, concatBytes } from '../encoding/bytes.ts';

/** Bytes in pieces of any size: a ReadableStream (where it is iterable), an array or a generator. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Reads chosen lengths from a source of bytes. */
export class BufferedByteReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #expectedLength: number | undefined;
  #buffered: Uint8Array;
  #bytesRead = 0;

  /**
   * @param first bytes that precede the source
   * @param size number of bytes that the source must have; not checked when undefined
   */
  constructor(source: ByteSource, first = new Uint8Array(0), size?: number) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#buffered = first;
    this.#expectedLength = size;
  }

  /**
   * Fills the target, or reads all remaining bytes. Returns the filled part of `target`, which is valid until `target`
   * is filled again.
   */
  async fill(target: Bytes): Promise<Bytes> {
    let at = 0;
    while (at < target.length && !(await this.atEnd())) {
      const piece = this.takeBuffered(target.length - at);
      target.set(piece, at);
      at += piece.length;
    }
    return target.subarray(0, at);
  }

  /** Whether bytes are buffered. An `await` of `atEnd` for each piece would cost as much as its encryption. */
  get hasBuffered(): boolean {
    return this.#buffered.length > 0;
  }

  /**
   * Returns at most `maxLength` buffered bytes. The result can be empty until `atEnd` has loaded the next piece, and is
   * valid until `atEnd` is called again.
   */
  takeBuffered(maxLength: number): Uint8Array {
    const piece = this.#buffered.subarray(0, maxLength);
    this.#buffered = this.#buffered.subarray(piece.length);
    return piece;
  }

  /**
   * Whether no bytes are left. Loads the next piece when the buffer is empty.
   * @throws RangeError when the source has more or fewer bytes than it must have
   */
  async atEnd(): Promise<boolean> {
    while (this.#buffered.length === 0) {
      const { done, value } = await this.#source.next();
      const ended = done === true;
      this.#bytesRead += ended ? 0 : value.length;
      const wrong = ended
        ? this.#bytesRead !== this.#expectedLength
        : this.#bytesRead > (this.#expectedLength ?? Number.POSITIVE_INFINITY);
      if (this.#expectedLength !== undefined && wrong)
        throw new RangeError(`the content is not ${this.#expectedLength} bytes long`);
      if (ended) return true;
      this.#buffered = value;
    }
    return false;
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
