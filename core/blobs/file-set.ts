/**
 * Several files in one blob (docs/format.md, section 9): an index, followed by the bytes of the files. The files share
 * the key of the blob.
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, joinBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, decodeU64Field } from '../encoding/field-reader.ts';

/** Maximum number of entries, previews included. */
export const maxSetEntries = 1000;
/** Maximum bytes of the index. */
export const maxIndexBytes = 1_048_576;
const fieldsPerEntry = 4;

/** A file of a set, as stated by the uploader. */
export interface FileSetEntry {
  readonly type: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The number of the entry of which this is a preview image; undefined for a file. */
  readonly previewOf: number | undefined;
}

/** Encodes the index. @throws RangeError when the entries form no valid set */
export function encodeFileIndex(entries: readonly FileSetEntry[]): Bytes {
  const index = encodeFieldBytes(
    ...entries.flatMap(({ type, name, size, previewOf }) => {
      if (!type.isWellFormed() || !name.isWellFormed())
        throw new RangeError('media type or name contains a lone surrogate, which UTF-8 cannot encode');
      return [type, name, u64Bytes(size), previewOf === undefined ? '' : u32Bytes(previewOf)];
    }),
  );
  if (index.length > maxIndexBytes) throw new RangeError(`the index is longer than ${maxIndexBytes} bytes`);
  if (!isValidSet(entries)) throw new RangeError(`a set has 1 to ${maxSetEntries} files, and one preview per file`);
  return index;
}

/**
 * Parses the index of a set.
 * @param contentLength bytes of index and files together
 * @throws DecryptionError for any other form
 */
export function parseFileIndex(index: Uint8Array, contentLength: number): readonly FileSetEntry[] {
  const fields = decodeFieldBytes(index);
  if (fields === undefined || fields.length % fieldsPerEntry !== 0) throw new DecryptionError();
  const entries: FileSetEntry[] = [];
  let total = index.length;
  for (let at = 0; at < fields.length; at += fieldsPerEntry) {
    const [type, name, size] = [
      decodeTextField(fields[at]),
      decodeTextField(fields[at + 1]),
      decodeU64Field(fields[at + 2]),
    ];
    const role = fields[at + 3];
    const previewOf = role?.length === 0 ? undefined : decodeU32Field(role);
    if (type === undefined || name === undefined || size === undefined) throw new DecryptionError();
    if (role?.length !== 0 && previewOf === undefined) throw new DecryptionError();
    entries.push({ type, name, size, previewOf });
    total += size;
  }
  if (!isValidSet(entries) || total !== contentLength) throw new DecryptionError();
  return entries;
}

/** A set has a file, and each preview belongs to a file that has no other one. */
function isValidSet(entries: readonly FileSetEntry[]): boolean {
  const previewed = entries.flatMap(({ previewOf }) => (previewOf === undefined ? [] : [previewOf]));
  const isFile = (number: number) => entries[number] !== undefined && entries[number]?.previewOf === undefined;
  return (
    entries.length <= maxSetEntries &&
    previewed.length < entries.length &&
    new Set(previewed).size === previewed.length &&
    previewed.every(isFile)
  );
}

/** Reads the parts of a set one after the other from its authenticated content. */
export class FileSetReader {
  readonly #content: AsyncIterator<Bytes>;
  #held: Bytes = new Uint8Array(0);

  constructor(content: AsyncIterable<Bytes>) {
    this.#content = content[Symbol.asyncIterator]();
  }

  /** @throws DecryptionError when the content has no valid index */
  async readIndex(indexLength: number, contentLength: number): Promise<readonly FileSetEntry[]> {
    const pieces: Bytes[] = [];
    for await (const piece of this.read(indexLength)) pieces.push(piece);
    return parseFileIndex(joinBytes(pieces), contentLength);
  }

  /** The next bytes. It must be iterated to its end before the next call. @throws DecryptionError when there are fewer */
  async *read(length: number): AsyncGenerator<Bytes, void, undefined> {
    for (let left = length; left > 0; ) {
      if (this.#held.length === 0) {
        const { done, value } = await this.#content.next();
        if (done === true) throw new DecryptionError();
        this.#held = value;
      }
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Ends the iteration of the content, which checks its end. @throws DecryptionError when there are more bytes */
  async end(): Promise<void> {
    if (this.#held.length > 0 || (await this.#content.next()).done !== true) throw new DecryptionError();
  }

  /** Ends the iteration of the content early. */
  async close(): Promise<void> {
    await this.#content.return?.();
  }
}
