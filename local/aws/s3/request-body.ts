/** Receives a body in pieces and checks it against the length and the digests in the request. */
import { type Checksum, type ChecksumAlgorithm, checkForm, checksumHeader, newHasher } from './checksums.ts';
import { S3Error } from './s3-errors.ts';
import { ByteReader } from './stream-reader.ts';

/** The length and digests that a request states for its body. Absent members are not checked. */
export interface Stated {
  /** Decoded length in bytes. */
  readonly length?: number | undefined;
  /** Hex. */
  readonly contentSha256?: string | undefined;
  /** `Content-MD5`: base64. */
  readonly md5?: string | undefined;
  readonly checksum?: Checksum | undefined;
  /** The body is `aws-chunked`, and a checksum with this algorithm follows it. */
  readonly trailer?: ChecksumAlgorithm | undefined;
  /** A checksum with this algorithm is computed, although none is stated. */
  readonly computed?: ChecksumAlgorithm | undefined;
}

export interface Digests {
  readonly size: number;
  readonly md5: Buffer;
  readonly checksum: Checksum | null;
}

/**
 * Writes a body to `sink`, then checks it. The sink receives the bytes before the check, so it must not expose them
 * until this function resolves.
 * @throws S3Error BadDigest, XAmzContentSHA256Mismatch, IncompleteBody, InvalidDigest, InvalidRequest
 */
export async function consume(
  body: AsyncIterable<Buffer>,
  stated: Stated,
  sink: (chunk: Buffer) => Promise<void> | void,
): Promise<Digests> {
  if (stated.checksum !== undefined) checkForm(stated.checksum);
  const md5 = newHasher('MD5');
  const sha256 = stated.contentSha256 === undefined ? undefined : newHasher('SHA256');
  const algorithm = stated.checksum?.algorithm ?? stated.trailer ?? stated.computed;
  const checksum = algorithm === undefined ? undefined : newHasher(algorithm);
  let trailing: string | undefined;
  const plain =
    stated.trailer === undefined
      ? body
      : unchunked(body, checksumHeader(stated.trailer), (value) => {
          trailing = value;
        });
  let size = 0;
  for await (const chunk of plain) {
    size += chunk.length;
    for (const hasher of [md5, sha256, checksum]) hasher?.update(chunk);
    await sink(chunk);
  }
  if (stated.length !== undefined && size !== stated.length) {
    throw new S3Error(
      'IncompleteBody',
      'You did not provide the number of bytes specified by the Content-Length HTTP header',
    );
  }
  const digest = md5.digest();
  checkMd5(stated.md5, digest);
  if (sha256?.digest().toString('hex') !== stated.contentSha256) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  if (algorithm === undefined || checksum === undefined) return { size, md5: digest, checksum: null };
  const value = checksum.digest().toString('base64');
  checkChecksum(stated, { algorithm, value }, trailing);
  return { size, md5: digest, checksum: { algorithm, value } };
}

function checkChecksum(stated: Stated, { algorithm, value }: Checksum, trailing: string | undefined): void {
  if (stated.checksum === undefined && stated.trailer === undefined) return;
  if (value !== (stated.checksum?.value ?? trailing)) {
    throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  }
}

function checkMd5(stated: string | undefined, digest: Buffer): void {
  if (stated === undefined) return;
  if (Buffer.from(stated, 'base64').length !== digest.length) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  }
  if (stated !== digest.toString('base64')) {
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
}

/**
 * Decodes an `aws-chunked` body with unsigned chunks and one trailing checksum. Source: S3 API reference, "Signature
 * calculations for the Authorization header: transferring payload in multiple chunks (chunked upload) with trailing
 * headers".
 */
async function* unchunked(
  body: AsyncIterable<Buffer>,
  trailerName: string,
  onTrailer: (value: string) => void,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(body);
  for (;;) {
    const line = await reader.line();
    if (!/^[0-9a-fA-F]{1,10}$/.test(line)) throw new S3Error('InvalidRequest', 'A chunk of the body is malformed.');
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    yield* reader.bytes(size);
    if ((await reader.line()) !== '') throw new S3Error('InvalidRequest', 'A chunk of the body is malformed.');
  }
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const [name = '', value = ''] = line.split(/:(.*)/s);
    if (name.toLowerCase() === trailerName) onTrailer(value.trim());
  }
  await reader.drain();
}
