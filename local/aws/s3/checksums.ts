/** Checksums of objects and parts. Source: S3 user guide, "Checking object integrity". */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { notImplemented, S3Error } from './s3-errors.ts';

export const checksumAlgorithms = ['SHA256', 'SHA1', 'CRC32'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64. A composite checksum ends with `-<number of parts>`. */
  readonly value: string;
}

const lengths: Record<ChecksumAlgorithm, number> = { SHA256: 32, SHA1: 20, CRC32: 4 };
const prefix = 'x-amz-checksum-';
/** Headers with the same prefix that are not checksums. */
const others: ReadonlySet<string> = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type']);

interface Hasher {
  update(data: Buffer): void;
  digest(): Buffer;
}

export function newHasher(algorithm: ChecksumAlgorithm | 'MD5'): Hasher {
  if (algorithm !== 'CRC32') {
    const hash = createHash(algorithm);
    return { update: (data) => void hash.update(data), digest: () => hash.digest() };
  }
  let value = 0;
  return {
    update: (data) => {
      value = crc32(data, value);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

export const checksumHeader = (algorithm: ChecksumAlgorithm): string => prefix + algorithm.toLowerCase();

/** @throws S3Error NotImplemented for an algorithm that S3 supports and this emulator does not */
export function readAlgorithm(name: string): ChecksumAlgorithm {
  const found = checksumAlgorithms.find((algorithm) => algorithm === name.toUpperCase());
  if (found === undefined) throw notImplemented(`the checksum algorithm ${name}`);
  return found;
}

/**
 * The checksum in the headers or form fields of a request. Its value is not checked yet.
 * @param names all header or field names of the request
 */
export function statedChecksum(
  names: Iterable<string>,
  read: (name: string) => string | undefined,
): Checksum | undefined {
  const stated = [...new Set(names)].filter((name) => name.startsWith(prefix) && !others.has(name));
  const [name] = stated;
  if (name === undefined) return undefined;
  if (stated.length > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  return { algorithm: readAlgorithm(name.slice(prefix.length)), value: read(name) ?? '' };
}

/** The elements of a list that describe the checksum of an object. */
export const checksumXml = (checksum: Checksum | null) =>
  checksum === null
    ? {}
    : {
        ChecksumAlgorithm: checksum.algorithm,
        ChecksumType: checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT',
      };

/** @throws S3Error InvalidRequest if the value is not a digest of the algorithm */
export function checkForm({ algorithm, value }: Checksum): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== lengths[algorithm] || bytes.toString('base64') !== value) {
    throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`);
  }
}

/** The checksum of a multipart object, which is computed over the checksums of its parts. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): Checksum {
  const hasher = newHasher(algorithm);
  for (const value of parts) hasher.update(Buffer.from(value, 'base64'));
  return { algorithm, value: `${hasher.digest().toString('base64')}-${parts.length}` };
}
