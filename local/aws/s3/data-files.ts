/** The files in the folder `data` of a bucket. They stay readable until their last reader has finished. */
import { randomUUID } from 'node:crypto';
import { createReadStream, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder, syncFolder } from '../shared/durable-files.ts';
import { consume, type Digests, type Stated } from './request-body.ts';
import type { ObjectRecord } from './stored-records.ts';

/** Complete, checked bytes that do not belong to a record yet. They must be committed or discarded. */
export interface ReceivedBytes extends Digests {
  readonly file: string;
}

export class DataFiles {
  readonly #folder: string;
  /** Number of open readers per file. A removed file with readers is deleted when the last reader closes. */
  readonly #readers = new Map<string, number>();
  readonly #deleteAfterReading = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    makePrivateFolder(folder);
  }

  /** Removes the files of which no record knows; a killed process can leave them. */
  removeExcept(known: ReadonlySet<string>): void {
    this.remove(readdirSync(this.#folder).filter((file) => !known.has(file)));
  }

  sync(): void {
    syncFolder(this.#folder);
  }

  /**
   * Writes a body to a file and checks it. After an error, no bytes are kept.
   * @throws S3Error, or the connection's error if it was closed early
   */
  async receive(body: AsyncIterable<Buffer>, stated: Stated): Promise<ReceivedBytes> {
    const file = randomUUID();
    const path = this.#dataPath(file);
    let handle: FileHandle | undefined;
    try {
      const opened = await open(path, 'wx', 0o600);
      handle = opened;
      const digests = await consume(body, stated, async (chunk) => await opened.appendFile(chunk));
      await opened.sync();
      return { ...digests, file };
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      await handle?.close();
    }
  }

  discard({ file }: ReceivedBytes): void {
    this.remove([file]);
  }

  /**
   * The bytes from `start` to `end`, inclusive. They stay readable until the reader finishes, even if the object is
   * removed.
   */
  read({ segments }: ObjectRecord, start: number, end: number): AsyncGenerator<Buffer> {
    const files = segments.map(({ file }) => file);
    for (const file of files) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
    const pieces = this.#pieces(segments, start, end);
    const release = once(() => this.#release(files));
    return closing(pieces, release);
  }

  async *#pieces(segments: ObjectRecord['segments'], start: number, end: number): AsyncGenerator<Buffer> {
    let offset = 0;
    for (const { file, size } of segments) {
      const [from, to] = [Math.max(start - offset, 0), Math.min(end - offset, size - 1)];
      offset += size;
      if (from <= to) yield* createReadStream(this.#dataPath(file), { start: from, end: to });
    }
  }

  #release(files: readonly string[]): void {
    for (const file of files) {
      const readers = (this.#readers.get(file) ?? 1) - 1;
      if (readers > 0) this.#readers.set(file, readers);
      else this.#readers.delete(file);
    }
    this.remove(files.filter((file) => this.#deleteAfterReading.has(file)));
  }

  remove(files: readonly string[]): void {
    for (const file of files) {
      if (this.#readers.has(file)) this.#deleteAfterReading.add(file);
      else {
        this.#deleteAfterReading.delete(file);
        rmSync(this.#dataPath(file), { force: true });
      }
    }
  }

  #dataPath = (file: string): string => join(this.#folder, file);
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

/** Wraps a generator. `close` runs when it ends for any reason, even if no piece was read. */
function closing(pieces: AsyncGenerator<Buffer>, close: () => void): AsyncGenerator<Buffer> {
  const end = async (result: Promise<IteratorResult<Buffer>>) => {
    try {
      const next = await result;
      if (next.done === true) close();
      return next;
    } catch (error) {
      close();
      throw error;
    }
  };
  return {
    next: () => end(pieces.next()),
    return: (value) => end(pieces.return(value)),
    throw: (error) => end(pieces.throw(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => void (await end(pieces.return(undefined))),
  };
}
