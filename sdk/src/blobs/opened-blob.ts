import { collectBytes } from '../../../core/blobs/blob-stream.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { ByteStream, PlatformBlob } from './blob-types.ts';

/** What the uploader says of a blob; authentic, in that it was him who said it. */
export interface BlobFacts {
  /** Media type; may be empty. Nothing vouches that the content is of it. */
  readonly type: string;
  /** File name; may be empty, and may hold any character: it is no path. */
  readonly name: string;
  /** Bytes of content. */
  readonly size: number;
}

/**
 * An opened blob. Its content can be taken once, by `stream`, `bytes`, `text` or `blob`. Every byte is authentic before it is given; when the
 * rest is not whole, that is told by a DecryptionError at the end of what was given.
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

  /** The content as it arrives. Cancelling it ends the download, and burns nothing. */
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

  /** The content as a Blob of the type that the uploader says. Do not let a browser show it as a page: it may hold scripts. */
  async blob(): Promise<PlatformBlob> {
    const pieces: Bytes[] = [];
    for await (const piece of this.#takeContent()) pieces.push(piece);
    return new Blob(pieces, { type: this.type });
  }

  /** Whether it was destroyed by this reader: by `burn`, or by itself once a blob to be read once was read to its end. */
  get burned(): boolean {
    return this.#burned;
  }

  /** Destroys a blob that was uploaded with `burn`; again changes nothing. @throws AnimaError */
  async burn(): Promise<void> {
    await this.#requestBurn();
    this.#burned = true;
  }

  #takeContent(): AsyncGenerator<Bytes, void, undefined> {
    if (this.#contentTaken) throw notSentError('invalid_argument', 'the content was taken already, and comes once');
    this.#contentTaken = true;
    return this.#contentThenBurn();
  }

  async *#contentThenBurn(): AsyncGenerator<Bytes, void, undefined> {
    yield* this.#content;
    // Here the last piece has been authenticated and taken. That it could not be destroyed must not lose it: `burned` tells.
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
    // Nothing ahead of the reader.
    { highWaterMark: 0 },
  );
}
