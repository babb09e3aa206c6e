import { collectBytes } from '../../../core/blobs/byte-source.ts';
import type { FileSetEntry, FileSetReader } from '../../../core/blobs/file-set.ts';
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

/** A file of a set. */
export interface FileFacts extends BlobFacts {
  /** The number, in `files`, of the file of which this is a preview image; undefined for the files themselves. */
  readonly previewOf: number | undefined;
}

type Content = AsyncGenerator<Bytes, void, undefined>;

/**
 * An opened file. Its content can be read once, with `stream`, `bytes`, `text` or `blob`. Every byte is authenticated
 * before it is delivered. If the rest is altered or truncated, a DecryptionError follows the last authentic byte.
 */
export class OpenedFile implements BlobFacts {
  readonly type: string;
  readonly name: string;
  readonly size: number;
  readonly #content: () => Content;
  #contentTaken = false;
  #stream: ReadableStream<Bytes> | undefined;

  /** @internal */
  constructor({ type, name, size }: BlobFacts, content: () => Content) {
    this.type = type;
    this.name = name;
    this.size = size;
    this.#content = content;
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

  #takeContent(): Content {
    const content = this.#content();
    if (this.#contentTaken)
      throw notSentError('invalid_argument', 'the content can be read only once, and was read already');
    this.#contentTaken = true;
    return content;
  }
}

/** What a link contains: one file, or a set of files, which `readFiles` reads. */
export class OpenedBlob extends OpenedFile {
  /** The files of a set, with their preview images. Undefined if the link contains one file. */
  readonly files: readonly FileFacts[] | undefined;
  readonly #requestBurn: () => Promise<void>;
  readonly #readSet: () => AsyncGenerator<OpenedFile & FileFacts, void, undefined>;
  #burned = false;

  /** @internal @param set the index and the reader of a set of files, whose content begins behind the index */
  constructor(
    facts: BlobFacts,
    content: Content,
    burn: () => Promise<void>,
    burns: boolean,
    set?: { readonly entries: readonly FileSetEntry[]; readonly reader: FileSetReader },
  ) {
    // The last piece is authenticated and delivered. A failure to burn must not lose it; `burned` reports the result.
    const burnIfWanted = async () => {
      if (burns) await this.burn().catch(() => undefined);
    };
    super(facts, () => {
      if (set !== undefined)
        throw notSentError('invalid_argument', 'the link contains several files: read them with readFiles()');
      return contentThen(content, burnIfWanted);
    });
    this.files = set?.entries;
    this.#requestBurn = burn;
    let taken = false;
    this.#readSet = () => {
      if (set === undefined)
        throw notSentError('invalid_argument', 'the link contains one file: read it with stream, bytes, text or blob');
      if (taken) throw notSentError('invalid_argument', 'the files can be read only once, and were read already');
      taken = true;
      return readSet(set.entries, set.reader, burnIfWanted);
    };
  }

  /**
   * The files of a set, one after the other. A file can be read until the next one is requested. After the last file, a
   * blob that was uploaded with `burn` is destroyed.
   */
  readFiles(): AsyncGenerator<OpenedFile & FileFacts, void, undefined> {
    return this.#readSet();
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
}

async function* contentThen(content: Content, after: () => Promise<void>): Content {
  yield* content;
  await after();
}

async function* readSet(
  entries: readonly FileSetEntry[],
  reader: FileSetReader,
  after: () => Promise<void>,
): AsyncGenerator<OpenedFile & FileFacts, void, undefined> {
  let isComplete = false;
  try {
    for (const entry of entries) {
      const content = reader.read(entry.size);
      yield Object.assign(new OpenedFile(entry, () => content), { previewOf: entry.previewOf });
      // The caller may have read a part of the file.
      for await (const _ of content);
    }
    await reader.end();
    isComplete = true;
  } finally {
    if (!isComplete) await reader.close();
  }
  await after();
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
