/** Operations on single objects. Source: S3 API reference, "Actions". */

import type { BucketStore, ReceivedBytes } from './object-store.ts';
import { readTagHeader } from './object-tags.ts';
import { maxUploadBytes } from './post-policy.ts';
import { S3Error } from './s3-errors.ts';
import { amzHeader, checksumHeaders, type S3Context, type S3Reply, type S3Request, statedOf } from './s3-request.ts';
import type { ObjectRecord } from './stored-records.ts';

/** Headers that are stored with an object, in addition to `x-amz-meta-…`. */
const keptHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const maxKeyBytes = 1024;
/**
 * S3 reports this encryption at rest for a new object. The emulator reports it too, but does not encrypt stored
 * objects.
 */
const encryption = { 'x-amz-server-side-encryption': 'AES256' };

export async function putObject({ request, bucket, now }: S3Context): Promise<S3Reply> {
  const stated = statedOf(request);
  const about = descriptionOf(request);
  checkPreconditions(request, bucket.get(request.key));
  if ((stated.length ?? 0) > maxUploadBytes) throw tooLarge(stated.length ?? 0, maxUploadBytes);
  const received = await bucket.receive(request.body(), stated);
  return replyOfPut(storeReceived(bucket, request, { ...about, received }, now));
}

/**
 * Creates an object from received bytes. Drops them if a precondition no longer holds because of a concurrent write.
 */
export function storeReceived(
  bucket: BucketStore,
  request: S3Request,
  { received, ...about }: Pick<ObjectRecord, 'key' | 'headers' | 'tags'> & { readonly received: ReceivedBytes },
  now: Date,
): ObjectRecord {
  try {
    checkPreconditions(request, bucket.get(about.key));
  } catch (error) {
    bucket.discard(received);
    throw error;
  }
  const record: ObjectRecord = {
    format: 1,
    ...about,
    size: received.size,
    etag: `"${received.md5.toString('hex')}"`,
    modifiedAt: now.toISOString(),
    checksum: received.checksum,
    segments: [{ file: received.file, size: received.size }],
  };
  bucket.put(record);
  return record;
}

const replyOfPut = ({ etag, checksum }: ObjectRecord): S3Reply => ({
  status: 200,
  headers: { etag, ...encryption, ...checksumHeaders(checksum) },
});

/** The key, headers and tags that a client sends for a new object. @throws S3Error */
export function descriptionOf(request: S3Request): Pick<ObjectRecord, 'key' | 'headers' | 'tags'> {
  const { key, headers } = request;
  return {
    key: checkKey(key),
    headers: keptOf(
      Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : (value ?? '')]),
    ),
    tags: readTagHeader(amzHeader(request, 'x-amz-tagging')),
  };
}

export function keptOf(headers: readonly (readonly [name: string, value: string])[]): Record<string, string> {
  const kept = headers
    .filter(([name]) => keptHeaders.includes(name) || name.startsWith('x-amz-meta-'))
    // `aws-chunked` is a transfer coding and is not stored with the object.
    .map(([name, value]) =>
      name === 'content-encoding' ? [name, value.replace(/^aws-chunked(?:,\s*|$)/, '')] : [name, value],
    )
    .filter(([, value]) => value !== '');
  return { 'content-type': 'binary/octet-stream', ...Object.fromEntries(kept) };
}

export function checkKey(key: string): string {
  if (Buffer.byteLength(key) > maxKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long');
  return key;
}

export const tooLarge = (proposed: number, max: number): S3Error =>
  new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
    ProposedSize: String(proposed),
    MaxSizeAllowed: String(max),
  });

/** Conditional writes: `If-None-Match: *` and `If-Match`. */
export function checkPreconditions({ headers }: S3Request, existing: ObjectRecord | undefined): void {
  if (headers['if-none-match'] !== undefined && existing !== undefined) throw preconditionFailed('If-None-Match');
  const wanted = headers['if-match'];
  if (wanted === undefined) return;
  if (existing === undefined) throw noSuchKey(undefined);
  if (unquoted(wanted) !== unquoted(existing.etag)) throw preconditionFailed('If-Match');
}

const preconditionFailed = (Condition: string): S3Error =>
  new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition });
const noSuchKey = (key: string | undefined): S3Error =>
  new S3Error('NoSuchKey', 'The specified key does not exist.', key === undefined ? {} : { Key: key });
export const unquoted = (etag: string): string => etag.replaceAll('"', '');

export async function getObject(context: S3Context): Promise<S3Reply> {
  const { request, bucket } = context;
  const record = await existing(context);
  const unmodified = checkRead(request, record);
  if (unmodified !== undefined) return unmodified;
  const range = readRange(request.headers.range, record);
  const { start, end } = range ?? { start: 0, end: record.size - 1 };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headersOf(request, record, range === undefined),
      'content-length': String(end - start + 1),
      ...(range && { 'content-range': `bytes ${start}-${end}/${record.size}` }),
    },
    body: bucket.read(record, start, end),
  };
}

export async function headObject(context: S3Context): Promise<S3Reply> {
  const { request } = context;
  const record = await existing(context);
  const unmodified = checkRead(request, record);
  if (unmodified !== undefined) return unmodified;
  return { status: 200, headers: { ...headersOf(request, record, true), 'content-length': String(record.size) } };
}

/** The object of a request. If it does not exist, a caller without `s3:ListBucket` receives AccessDenied. */
export async function existing({ request: { key }, bucket, allows }: S3Context): Promise<ObjectRecord> {
  const record = bucket.get(key);
  if (record !== undefined) return record;
  throw (await allows('s3:ListBucket')) ? noSuchKey(key) : new S3Error('AccessDenied', 'Access Denied');
}

function checkRead({ headers }: S3Request, record: ObjectRecord): S3Reply | undefined {
  const [match, none] = [headers['if-match'], headers['if-none-match']];
  if (match !== undefined && !includesEtag(match, record)) throw preconditionFailed('If-Match');
  if (none === undefined || !includesEtag(none, record)) return undefined;
  return { status: 304, headers: { etag: record.etag, 'last-modified': httpDate(record) } };
}

const includesEtag = (list: string, { etag }: ObjectRecord): boolean =>
  list.split(',').some((one) => one.trim() === '*' || unquoted(one.trim()) === unquoted(etag));

function headersOf(request: S3Request, record: ObjectRecord, whole: boolean): Record<string, string> {
  const tags = Object.keys(record.tags).length;
  return {
    ...record.headers,
    ...overrides(request),
    etag: record.etag,
    'last-modified': httpDate(record),
    'accept-ranges': 'bytes',
    ...encryption,
    ...(tags > 0 && { 'x-amz-tagging-count': String(tags) }),
    // The checksum covers the whole object. With a range, a client would compare it with only a part.
    ...(whole && amzHeader(request, 'x-amz-checksum-mode') === 'ENABLED' && checksumHeaders(record.checksum)),
  };
}

/** Response headers that the query of GET or HEAD overrides, such as `response-content-type`. */
function overrides({ query }: S3Request): Record<string, string> {
  return Object.fromEntries(
    keptHeaders.flatMap((name) => {
      const value = query.get(`response-${name}`);
      return value === null ? [] : [[name, value] as const];
    }),
  );
}

/** The requested range. Several ranges or an invalid range select the whole object (RFC 9110, section 14.2). */
function readRange(header: string | undefined, { size }: ObjectRecord): { start: number; end: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  if (start >= size || (first === '' && Number(last) === 0)) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', {
      RangeRequested: header ?? '',
      ActualObjectSize: String(size),
    });
  }
  return { start, end };
}

export async function deleteObject({ request, bucket }: S3Context): Promise<S3Reply> {
  bucket.delete(request.key);
  return { status: 204 };
}

const httpDate = ({ modifiedAt }: ObjectRecord): string => new Date(modifiedAt).toUTCString();
