/**
 * The record plaintext of the published system (docs/format-devices.md, section 2): JSON, or 0x01 and zlib of JSON. Only
 * the importer reads it and only the exporter writes it. Records of the vault have another form (record-plaintext.ts).
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, joinBytes, toNonSharedBytes, utf8Bytes } from '../encoding/bytes.ts';
import { decodeTextField } from '../encoding/field-reader.ts';

const compressedMark = 1;

/** Bytes of JSON that are read. Without a limit, a small box could inflate to gigabytes. */
export const maxPublishedJsonBytes = 1_048_576;

/** Reads a stream up to the limit. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > maxPublishedJsonBytes) throw new DecryptionError();
    parts.push(part);
  }
  return joinBytes(parts);
}

const pipe = (bytes: Uint8Array, transform: ReadableWritablePair<Uint8Array, BufferSource>) =>
  collect(new Blob([toNonSharedBytes(bytes)]).stream().pipeThrough(transform));

const parseJson = (bytes: Uint8Array): unknown => JSON.parse(decodeTextField(bytes) ?? '');

/** The JSON value of a plaintext. @throws DecryptionError for every cause */
export async function readPublishedPlaintext(plaintext: Uint8Array): Promise<unknown> {
  try {
    if (plaintext[0] === compressedMark) {
      return parseJson(await pipe(plaintext.subarray(1), new DecompressionStream('deflate')));
    }
    if (plaintext.length > maxPublishedJsonBytes) throw new DecryptionError();
    return parseJson(plaintext);
  } catch {
    throw new DecryptionError();
  }
}

/** The plaintext of a JSON value. @throws DecryptionError when it is longer than the importer reads */
export async function writePublishedPlaintext(value: unknown): Promise<Bytes> {
  const json = utf8Bytes(JSON.stringify(value));
  if (json.length > maxPublishedJsonBytes) throw new DecryptionError();
  return concatBytes(Uint8Array.of(compressedMark), await pipe(json, new CompressionStream('deflate')));
}
