/** Reads a body in pieces, independent of its chunks. Keeps only one chunk and the requested piece in memory. */
import { S3Error } from './s3-errors.ts';

const crlf = Buffer.from('\r\n');

export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads up to `delimiter` and consumes it. Throws the error of `tooLong` for more than `max` bytes. */
  async until(delimiter: Buffer, max: number, tooLong: () => Error): Promise<Buffer> {
    for (;;) {
      const at = this.#rest.indexOf(delimiter);
      if (at > max || (at < 0 && this.#rest.length > max + delimiter.length)) throw tooLong();
      if (at >= 0) return this.#take(at, delimiter.length);
      await this.#fill();
    }
  }

  async line(): Promise<string> {
    const text = await this.until(crlf, 8192, () => new S3Error('InvalidRequest', 'A line of the body is too long.'));
    return text.toString('latin1');
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0) await this.#fill();
      const piece = this.#take(Math.min(left, this.#rest.length), 0);
      left -= piece.length;
      yield piece;
    }
  }

  /** Streams everything up to `delimiter` and consumes the delimiter. */
  async *streamUntil(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#rest.indexOf(delimiter);
      if (at >= 0) {
        yield this.#take(at, delimiter.length);
        return;
      }
      // The end of the data might be the start of the delimiter.
      const sure = this.#rest.length - delimiter.length + 1;
      if (sure > 0) yield this.#take(sure, 0);
      await this.#fill();
    }
  }

  /** Reads the rest and discards it. */
  async drain(): Promise<void> {
    this.#rest = Buffer.alloc(0);
    while ((await this.#source.next()).done !== true);
  }

  #take(length: number, skip: number): Buffer {
    const piece = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length + skip);
    return piece;
  }

  async #fill(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) {
      throw new S3Error(
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
      );
    }
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
  }
}
