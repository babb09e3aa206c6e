/**
 * Reads the headers of the frames in the bytes that a client sends, to find a frame over the limit. The WebSocket
 * library limits only whole messages. Source: RFC 6455, section 5.2.
 */
export class FrameMeter {
  readonly #maxBytes: number;
  readonly #header = Buffer.alloc(14);
  #headerBytes = 0;
  #payloadLeft = 0;
  /** Messages whose last frame has begun. */
  #messages = 0;
  /** Number of the message that has a frame over the limit, counted from 0; undefined until one is found. */
  oversized: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes. Nothing is read after a frame over the limit. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.oversized === undefined) {
      const skipped = Math.min(this.#payloadLeft, chunk.length - at);
      this.#payloadLeft -= skipped;
      at += skipped;
      if (this.#payloadLeft === 0 && at < chunk.length) at = this.#readHeader(chunk, at);
    }
  }

  #readHeader(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && this.#headerBytes < this.#headerLength()) {
      this.#header[this.#headerBytes++] = chunk[at++] ?? 0;
    }
    if (this.#headerBytes === this.#headerLength()) this.#beginPayload();
    return at;
  }

  /** Length of the current header, as far as its bytes determine it. */
  #headerLength(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header[1] ?? 0;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    return 2 + lengthBytes + ((second & 0x80) === 0 ? 0 : 4);
  }

  #beginPayload(): void {
    const [first = 0, second = 0] = this.#header;
    const length = payloadLength(this.#header, second & 0x7f);
    this.#headerBytes = 0;
    this.#payloadLeft = length;
    // Control frames have opcodes from 8. They have no limit here, because the protocol limits them to 125 bytes.
    if ((first & 0x08) !== 0) return;
    if (length > this.#maxBytes) this.oversized = this.#messages;
    else if ((first & 0x80) !== 0) this.#messages += 1;
  }
}

function payloadLength(header: Buffer, short: number): number {
  if (short === 126) return header.readUInt16BE(2);
  if (short === 127) return Number(header.readBigUInt64BE(2));
  return short;
}
