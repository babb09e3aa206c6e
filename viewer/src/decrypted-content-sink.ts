/** Where decrypted content goes: into a Blob of this page, or piece by piece into a file. */
import { LinkError } from './link-api.ts';

/** From this size on a file goes to disk at once where the browser can do that, bytes. */
export const largeFileBytes = 268_435_456;
/** Bytes after which what was collected is handed to the browser, which may put it on disk. */
const blobHandOverBytes = 33_554_432;

type Content = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** What is used of a file that was chosen: the File System API is not in every browser, nor in the types of the DOM. */
export interface WritableFile {
  createWritable(): Promise<{
    write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}
type Picker = (options: { suggestedName: string }) => Promise<WritableFile>;

const isPicker = (found: unknown): found is Picker => typeof found === 'function';

/** Lets a file be chosen to write to; undefined where browsers have no such thing. To be called on a press of a button. */
export function findFilePicker(): Picker | undefined {
  const found: unknown = Reflect.get(globalThis, 'showSaveFilePicker');
  return isPicker(found) ? (options) => found.call(globalThis, options) : undefined;
}

/** The whole content, once all of it has proven authentic. */
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
 * Writes the content to a file, which takes its place only when the whole has proven authentic: until then browsers write beside it.
 * @throws Refusal notSaved, and whatever the content throws
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
    // What was written beside the file is dropped; that it may fail changes nothing.
    await out.abort().catch(() => undefined);
    throw error;
  }
  await orNotSaved(out.close());
}
