/** Sources of bytes in pieces of any length, and a reader that returns exact lengths from them. */
import { type Bytes, joinBytes } from '../encoding/bytes.ts';

/** Bytes in pieces of any size: a ReadableStream (where it is iterable), an array or a generator. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Pieces that were produced without waiting in between. An `await` for each of them would cost some percent of its
 * encryption. The receiver owns the array too.
 */
export type PieceGroup = Bytes[];

const nothing = new Uint8Array(0);

/** Reads chosen lengths from a source of bytes. */
export class BufferedByteReader {
  /**
   * The pieces of a source that is an array, read by index. A step of an iterator costs half a percent of the encryption
   * of 64 KiB, because that displaces everything else from the caches.
   */
  readonly #array: readonly unknown[];
  #nextIndex = 0;
  /** Any other source. */
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #expectedLength: number | undefined;
  #buffered: Uint8Array;
  #bytesRead = 0;

  /**
   * @param first bytes that precede the source
   * @param size number of bytes that the source must have; not checked when undefined
   */
  constructor(source: ByteSource, first: Uint8Array = nothing, size?: number) {
    const isArray = Array.isArray(source);
    this.#array = isArray ? source : [];
    const iterated = isArray ? [] : source;
    this.#source = Symbol.asyncIterator in iterated ? iterated[Symbol.asyncIterator]() : iterated[Symbol.iterator]();
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
   * Returns the next bytes, at least one and at most `maxLength`, if they are there without waiting: the rest of a piece,
   * or the next piece of an array. An `await` of `atEnd` for each piece costs some percent of its encryption. They are
   * valid until the next call. Otherwise returns undefined, and `atEnd` waits for the next piece.
   * @throws RangeError as `atEnd`
   */
  takeReady(maxLength: number): Uint8Array | undefined {
    if (!this.#isReady()) return undefined;
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
    while (!this.#isReady()) {
      const { done, value } = await this.#source.next();
      if (done === true) {
        this.#checkLength(this.#bytesRead === this.#expectedLength);
        return true;
      }
      this.#accept(value);
    }
    return false;
  }

  /** Whether bytes are there without waiting. Loads the next piece of an array when the buffer is empty. */
  #isReady(): boolean {
    while (this.#buffered.length === 0) {
      if (this.#nextIndex >= this.#array.length) return false;
      this.#accept(this.#array[this.#nextIndex++]);
    }
    return true;
  }

  #accept(piece: unknown): void {
    // Without types, a text would be sealed as zeros.
    if (!(piece instanceof Uint8Array)) throw new TypeError('a piece of the content is not a Uint8Array');
    this.#bytesRead += piece.length;
    this.#checkLength(this.#bytesRead <= (this.#expectedLength ?? 0));
    this.#buffered = piece;
  }

  #checkLength(fits: boolean): void {
    if (!fits && this.#expectedLength !== undefined)
      throw new RangeError(`the content is not ${this.#expectedLength} bytes long`);
  }

  /** Ends the iteration of the source. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Yields each piece. It is removed from its group, so that its memory can be collected before that of the others. */
export async function* eachPiece(groups: AsyncIterable<PieceGroup>): AsyncGenerator<Bytes, void, undefined> {
  for await (const group of groups) {
    // The time to remove the first element grows with the number of pieces; that to remove the last does not.
    group.reverse();
    for (let piece = group.pop(); piece !== undefined; piece = group.pop()) yield piece;
  }
}

/** Concatenates the pieces of all groups. */
export const collectGroups = (groups: AsyncIterable<PieceGroup>): Promise<Bytes> => collectBytes(eachPiece(groups));

/** Concatenates all pieces. */
export async function collectBytes(pieces: ByteSource): Promise<Bytes> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return joinBytes(all);
}
