import { collectBytes } from '../../../core/blobs/byte-source.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { ByteStream, PlatformBlob } from './blob-types.ts';

/** Blob facts stated by the uploader. They are authenticated as the uploader's statement, not verified. */
export interface BlobFacts {
  /** Media type; may be empty. It is not checked against the content. */
  readonly type: string;
  /** File name; may be empty and may contain any character. Do not use it as a path. */
  readonly name: string;
  /** Content size in bytes. */
  readonly size: number;
}

/**
 * An opened blob. Its content can be read once, with `stream`, `bytes`, `text` or `blob`. Every byte is authenticated
 * before it is delivered. If the rest is altered or truncated, a DecryptionError follows the last authentic byte.
 */
export class OpenedBlob implements BlobFacts {
  readonly type: string;
  readonly name: string;
  readonly size: number;
  readonly #content: AsyncGenerator<Bytes, void, undefined>;
  readonly #requestBurn: () => Promise<void>;
  readonly #burnsAfterReading: boolean;
  #contentTaken = false;
  #burned = false;
  #stream: ReadableStream<Bytes> | undefined;

  /** @internal */
  constructor(
    { type, name, size }: BlobFacts,
    content: AsyncGenerator<Bytes, void, undefined>,
    burn: () => Promise<void>,
    burns: boolean,
  ) {
    this.type = type;
    this.name = name;
    this.size = size;
    this.#content = content;
    this.#requestBurn = burn;
    this.#burnsAfterReading = burns;
  }

  /** The content as a stream. Cancelling it ends the download and does not burn the blob. */
  get stream(): ByteStream {
    this.#stream ??= toReadableStream(this.#takeContent());
    return this.#stream;
  }

  /** The content in memory. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return await collectBytes(this.#takeContent());
  }

  /** The content as UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /**
   * The content as a Blob with the uploader's media type. Do not let a browser render it as a page: it may contain
   * scripts.
   */
  async blob(): Promise<PlatformBlob> {
    const pieces: Bytes[] = [];
    for await (const piece of this.#takeContent()) pieces.push(piece);
    return new Blob(pieces, { type: this.type });
  }

  /** Whether this reader destroyed the blob, either through `burn` or automatically after reading it to the end. */
  get burned(): boolean {
    return this.#burned;
  }

  /** Destroys a blob that was uploaded with `burn`. Idempotent. @throws AnimaError */
  async burn(): Promise<void> {
    await this.#requestBurn();
    this.#burned = true;
  }

  #takeContent(): AsyncGenerator<Bytes, void, undefined> {
    if (this.#contentTaken)
      throw notSentError('invalid_argument', 'the content can be read only once, and was read already');
    this.#contentTaken = true;
    return this.#contentThenBurn();
  }

  async *#contentThenBurn(): AsyncGenerator<Bytes, void, undefined> {
    yield* this.#content;
    // The last piece is authenticated and delivered. A failure to burn must not lose it; `burned` reports the result.
    if (this.#burnsAfterReading) await this.burn().catch(() => undefined);
  }
}

function toReadableStream(content: AsyncGenerator<Bytes, void, undefined>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await content.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await content.return();
      },
    },
    // Do not read ahead of the consumer.
    { highWaterMark: 0 },
  );
}
