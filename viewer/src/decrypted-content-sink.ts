/** Destinations of decrypted content: a Blob in this page, or a file that is written piece by piece. */
import { LinkError } from './link-api.ts';

/** Size, in bytes, from which a file is written directly to disk if the browser supports it. */
export const largeFileBytes = 268_435_456;
/** Bytes after which collected content is moved into a Blob, which the browser may store on disk. */
const blobHandOverBytes = 33_554_432;

type Content = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** The used subset of the File System API, which is not in every browser and not in the DOM types. */
export interface WritableFile {
  createWritable(): Promise<{
    write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}
type Picker = (options: { suggestedName: string }) => Promise<WritableFile>;

const isPicker = (found: unknown): found is Picker => typeof found === 'function';

/** The file picker; undefined if the browser has none. Must be called from a click handler. */
export function findFilePicker(): Picker | undefined {
  const found: unknown = Reflect.get(globalThis, 'showSaveFilePicker');
  return isPicker(found) ? (options) => found.call(globalThis, options) : undefined;
}

/** Collects the whole content after all of it is authenticated. */
export async function collectIntoBlob(content: Content): Promise<Blob> {
  let parts: BlobPart[] = [];
  let held = 0;
  for await (const piece of content) {
    parts.push(piece);
    held += piece.length;
    if (held < blobHandOverBytes) continue;
    parts = [new Blob(parts)];
    held = 0;
  }
  return new Blob(parts);
}

/**
 * Writes the content to a file. Browsers write to a temporary file and replace the chosen file only at the end, after
 * the whole content is authenticated.
 * @throws LinkError notSaved, and errors thrown by the content
 */
export async function writeToFile(content: Content, file: WritableFile): Promise<void> {
  const orNotSaved = async <T>(action: Promise<T>): Promise<T> =>
    await action.catch(() => {
      throw new LinkError('notSaved');
    });
  const out = await orNotSaved(file.createWritable());
  try {
    for await (const piece of content) await orNotSaved(out.write(piece));
  } catch (error) {
    // Discards the temporary file; a failure to discard it is ignored.
    await out.abort().catch(() => undefined);
    throw error;
  }
  await orNotSaved(out.close());
}
