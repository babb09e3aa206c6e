/** The S3 request that operations receive. It is authenticated; its body is not read yet. */
import { account } from '../shared/aws-account.ts';
import { type Checksum, type ChecksumAlgorithm, readAlgorithm, statedChecksum } from './checksums.ts';
import type { BucketStore } from './object-store.ts';
import type { SignedMessage, Signer } from './request-authentication.ts';
import { consume, type Stated } from './request-body.ts';
import { notImplemented, S3Error } from './s3-errors.ts';
import { parseXml, type XmlElement } from './xml.ts';

export interface S3Request extends SignedMessage {
  readonly bucket: string;
  /** Decoded; empty for requests to the bucket. */
  readonly key: string;
  readonly signer: Signer;
  readonly body: () => AsyncIterable<Buffer>;
}

/** What an operation works with. */
export interface S3Context {
  readonly request: S3Request;
  readonly bucket: BucketStore;
  readonly now: Date;
  /** Whether policies allow the caller a further permission, e.g. `s3:ListBucket`. Without `key`, on the bucket. */
  readonly allows: (permission: string, key?: string) => Promise<boolean>;
}

export interface S3Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** XML, or bytes with their length in the headers. */
  readonly body?: string | AsyncGenerator<Buffer>;
}

/** Maximum size of an XML request body in bytes. */
const maxXmlBytes = 2 * 1024 * 1024;

/**
 * Supported S3 headers. Any other S3 header is rejected with an error that names it, because ignoring it could be
 * unsafe.
 */
const knownHeaders =
  /^x-amz-(?:date|content-sha256|security-token|user-agent|decoded-content-length|trailer|tagging|tagging-directive|copy-source|copy-source-if-match|acl|expected-bucket-owner|mp-object-size|server-side-encryption|object-lock-mode|object-lock-retain-until-date|object-lock-legal-hold|bypass-governance-retention|sdk-checksum-algorithm|checksum-[a-z0-9]+|meta-[\x21-\x7e]+)$/;

/** The value of an `x-amz-…` header. A presigned request can have it in the query instead. */
export function amzHeader({ headers, query, signer }: S3Request, name: string): string | undefined {
  const value = headers[name];
  if (value !== undefined) return Array.isArray(value) ? value.join(',') : value;
  return signer.authType === 'REST-QUERY-STRING' && countsInQuery(name) ? (query.get(name) ?? undefined) : undefined;
}

const amzNames = ({ headers, query, signer }: S3Request): string[] => [
  ...Object.keys(headers).filter((name) => name.startsWith('x-amz-')),
  ...(signer.authType === 'REST-QUERY-STRING' ? [...query.keys()].filter(countsInQuery) : []),
];

/** The checksum that a request states for its body. */
export const checksumOf = (request: S3Request): Checksum | undefined =>
  statedChecksum(amzNames(request), (name) => amzHeader(request, name));

/**
 * Whether S3 treats a query parameter as a header. Checksum parameters are an exception: S3 signs them but does not
 * evaluate them, so a checksum that must bind the body has to be a signed header (SDK presigner: `unhoistableHeaders`).
 * Parameters of the signature are written X-Amz-… and are not headers.
 */
const countsInQuery = (name: string): boolean => name.startsWith('x-amz-') && !/^x-amz-(?:sdk-)?checksum-/.test(name);

/** @throws S3Error if a header requires an unsupported feature */
export function checkHeaders(request: S3Request): void {
  for (const name of amzNames(request)) if (!knownHeaders.test(name)) throw notImplemented(`the header ${name}`);
  // The SDK's presigner moves these into the query. Reports differ on whether S3 then evaluates them.
  for (const name of ['x-amz-tagging', 'x-amz-acl']) {
    if (request.query.has(name)) throw notImplemented(`${name} in a query: send it as a signed header`);
  }
  const acl = amzHeader(request, 'x-amz-acl');
  if (acl !== undefined && acl !== 'bucket-owner-full-control') {
    throw new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  }
  if ((amzHeader(request, 'x-amz-expected-bucket-owner') ?? account.id) !== account.id) {
    throw new S3Error('AccessDenied', 'Access Denied');
  }
  if ((amzHeader(request, 'x-amz-server-side-encryption') ?? 'AES256') !== 'AES256') {
    throw notImplemented('server-side encryption other than AES256');
  }
}

/** The length and digests that the headers state for the body. */
export function statedOf(request: S3Request): Stated {
  const { headers, signer } = request;
  const checksum = checksumOf(request);
  const trailer = trailerOf(request);
  const lengthHeader = trailer === undefined ? headers['content-length'] : headers['x-amz-decoded-content-length'];
  if (lengthHeader === undefined) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  if (
    amzHeader(request, 'x-amz-sdk-checksum-algorithm') !== undefined &&
    checksum === undefined &&
    trailer === undefined
  ) {
    throw new S3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  }
  return {
    length: Number(lengthHeader),
    contentSha256: /^[0-9a-f]{64}$/.test(signer.payload) ? signer.payload : undefined,
    md5: headers['content-md5'] as string | undefined,
    checksum,
    trailer,
  };
}

function trailerOf(request: S3Request): ChecksumAlgorithm | undefined {
  const { payload } = request.signer;
  if (payload === 'UNSIGNED-PAYLOAD' || /^[0-9a-f]{64}$/.test(payload)) return undefined;
  const name = /^x-amz-checksum-([a-z0-9]+)$/.exec(amzHeader(request, 'x-amz-trailer') ?? '')?.[1];
  if (payload !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' || name === undefined) {
    throw notImplemented(`x-amz-content-sha256: ${payload.slice(0, 64)}`);
  }
  return readAlgorithm(name);
}

/** Whether a request states a digest of its bytes. The signed payload hash does not count. */
export const statesDigest = ({ md5, checksum, trailer }: Stated): boolean =>
  [md5, checksum, trailer].some((digest) => digest !== undefined);

/**
 * Reads the XML body. With `sealed`, the request must state a checksum of the body, as S3 requires for some operations.
 * With `ofObject`, the stated checksum is the checksum of an object, not of this body.
 */
export async function readXml(request: S3Request, { sealed = false, ofObject = false } = {}): Promise<XmlElement> {
  const stated = statedOf(request);
  if (sealed && !statesDigest(stated)) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  await consume(request.body(), ofObject ? { ...stated, checksum: undefined } : stated, (chunk) => {
    size += chunk.length;
    if (size > maxXmlBytes) throw new S3Error('EntityTooLarge', 'Your request was too big.');
    chunks.push(chunk);
  });
  return parseXml(Buffer.concat(chunks).toString());
}

/** Reads an integer query parameter. @throws S3Error InvalidArgument */
export function queryNumber({ query }: S3Request, name: string, fallback: number, min: number, max: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max) {
    throw new S3Error('InvalidArgument', `Provided ${name} not an integer or within integer range`, {
      ArgumentName: name,
    });
  }
  return Number(text);
}

/** The response header with a checksum. */
export const checksumHeaders = (checksum: Checksum | null): Record<string, string> =>
  checksum === null
    ? {}
    : {
        [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value,
        'x-amz-checksum-type': checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT',
      };
