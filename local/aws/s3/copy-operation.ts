/** CopyObject within a bucket. Source: S3 API reference, "CopyObject". */
import { readAlgorithm } from './checksums.ts';
import { existing, versionHeaders } from './existing-version.ts';
import { requestedLock } from './object-lock.ts';
import { checkPreconditions, descriptionOf, preconditionFailed, storeReceived, unquoted } from './object-operations.ts';
import { notImplemented, S3Error } from './s3-errors.ts';
import { amzHeader, type S3Context, type S3Reply, type S3Request } from './s3-request.ts';
import type { ObjectRecord } from './stored-records.ts';
import { xmlReply } from './xml.ts';

/**
 * Copies an object. Only the tags can be replaced. The lock of the copy is that of the request, as for a new object.
 * @throws S3Error PreconditionFailed, NoSuchKey; AccessDenied without `s3:GetObject` on the source; NotImplemented
 *   for a source in another bucket or of a version, and without an algorithm for the checksum
 */
export async function copyObject(context: S3Context): Promise<S3Reply> {
  const { request, bucket, now } = context;
  const key = sourceKeyOf(request, bucket.name);
  if (key === request.key) throw notImplemented('a copy of an object to itself');
  const tagDirective = amzHeader(request, 'x-amz-tagging-directive') ?? 'COPY';
  if (tagDirective !== 'REPLACE') throw notImplemented(`x-amz-tagging-directive: ${tagDirective}`);
  const algorithm = amzHeader(request, 'x-amz-checksum-algorithm');
  if (algorithm === undefined) throw notImplemented('a copy without x-amz-checksum-algorithm');
  if (!(await context.allows('s3:GetObject', key))) throw new S3Error('AccessDenied', 'Access Denied');
  const source = await existing({ ...context, request: { ...request, key } });
  checkSource(request, source);
  checkPreconditions(request, bucket.get(request.key));
  const lock = requestedLock(request, bucket, now);
  const received = await bucket.data.receive(bucket.data.read(source, 0, source.size - 1), {
    computed: readAlgorithm(algorithm),
  });
  const about = { ...descriptionOf(request), headers: source.headers };
  const record = storeReceived(bucket, request, { ...about, lock, received }, now);
  const checksum = record.checksum === null ? {} : { [`Checksum${record.checksum.algorithm}`]: record.checksum.value };
  const result = { ETag: record.etag, LastModified: record.modifiedAt, ...checksum };
  return xmlReply('CopyObjectResult', result, versionHeaders(bucket, record));
}

/** The key in `x-amz-copy-source`: `bucket/key`, URL-encoded, optionally with a slash before it. */
function sourceKeyOf(request: S3Request, bucket: string): string {
  const [path = '', query] = (amzHeader(request, 'x-amz-copy-source') ?? '').replace(/^\//, '').split('?');
  if (query !== undefined) throw notImplemented('a copy of a version');
  let source: string;
  try {
    source = decodeURIComponent(path);
  } catch {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key');
  }
  const slash = source.indexOf('/');
  if (slash < 1 || slash === source.length - 1) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key');
  }
  if (source.slice(0, slash) !== bucket) throw notImplemented('a copy from another bucket');
  return source.slice(slash + 1);
}

function checkSource(request: S3Request, { etag }: ObjectRecord): void {
  const match = amzHeader(request, 'x-amz-copy-source-if-match');
  if (match !== undefined && unquoted(match.trim()) !== unquoted(etag)) {
    throw preconditionFailed('x-amz-copy-source-If-Match');
  }
}
