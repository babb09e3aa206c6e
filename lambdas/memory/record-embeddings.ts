/** Vectors of a record: stored as 32-bit numbers within its encrypted content, and compared by their angle. */

import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';

const numberBytes = 4;

/** Each vector as base64 of its numbers, little-endian. @throws VaultError `invalid_request` for too many numbers */
export function encodeEmbeddings(vectors: readonly (readonly number[])[]): string[] {
  if (vectors.reduce((sum, { length }) => sum + length, 0) > limits.embeddingNumbers)
    throw new VaultError('invalid_request', {
      errors: [{ path: 'embeddings', message: `have more than ${limits.embeddingNumbers} numbers` }],
    });
  return vectors.map((vector) => {
    const bytes = Buffer.alloc(vector.length * numberBytes);
    for (const [at, number] of vector.entries()) bytes.writeFloatLE(number, at * numberBytes);
    return bytes.toString('base64');
  });
}

/**
 * Compares the vectors of a record with one vector.
 * @returns the greatest cosine similarity; undefined if no vector has the same number of dimensions
 */
export function similarityTo(vector: readonly number[]): (embeddings: readonly string[]) => number | undefined {
  const wanted = Float64Array.from(vector);
  const length = Math.sqrt(wanted.reduce((sum, number) => sum + number * number, 0));
  return (embeddings) => {
    const similarities = embeddings.flatMap((text) => cosine(wanted, length, Buffer.from(text, 'base64')) ?? []);
    return similarities.length === 0 ? undefined : Math.max(...similarities);
  };
}

function cosine(wanted: Float64Array, wantedLength: number, bytes: Buffer): number | undefined {
  if (bytes.length !== wanted.length * numberBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let [product, squares] = [0, 0];
  for (let at = 0; at < wanted.length; at++) {
    const number = view.getFloat32(at * numberBytes, true);
    product += number * (wanted[at] ?? 0);
    squares += number * number;
  }
  const lengths = wantedLength * Math.sqrt(squares);
  return lengths === 0 ? 0 : product / lengths;
}
