/** Operations on single objects. Source: S3 API reference, "Actions". */

import type { ReceivedBytes } from './data-files.ts';
import { existing, noSuchKey, versionHeaders, versionIdOf } from './existing-version.ts';
import {
  bypassesGovernance,
  isLocked,
  lockHeaders,
  newLock,
  protectedError,
  requestedLock,
  requireDigest,
} from './object-lock.ts';
import type { BucketStore } from './object-store.ts';
import { readTagHeader } from './object-tags.ts';
import { maxUploadBytes } from './post-policy.ts';
import { notImplemented, S3Error } from './s3-errors.ts';
import { amzHeader, checksumHeaders, type S3Context, type S3Reply, type S3Request, statedOf } from './s3-request.ts';
import type { Lock, NewObject, ObjectRecord, VersionRecord } from './stored-records.ts';

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
  const lock = requestedLock(request, bucket, now);
  requireDigest(stated, lock, bucket);
  checkPreconditions(request, bucket.get(request.key));
  if ((stated.length ?? 0) > maxUploadBytes) throw tooLarge(stated.length ?? 0, maxUploadBytes);
  const received = await bucket.data.receive(request.body(), stated);
  const record = storeReceived(bucket, request, { ...about, lock, received }, now);
  return {
    status: 200,
    headers: {
      etag: record.etag,
      ...encryption,
      ...checksumHeaders(record.checksum),
      ...versionHeaders(bucket, record),
    },
  };
}

/**
 * Creates an object from received bytes. Drops them if a precondition no longer holds because of a concurrent write.
 */
export function storeReceived(
  bucket: BucketStore,
  request: S3Request,
  {
    received,
    lock,
    ...about
  }: Pick<ObjectRecord, 'key' | 'headers' | 'tags'> & {
    readonly lock: Lock;
    readonly received: ReceivedBytes;
  },
  now: Date,
): ObjectRecord {
  try {
    checkPreconditions(request, bucket.get(about.key));
  } catch (error) {
    bucket.data.discard(received);
    throw error;
  }
  const object: NewObject = {
    ...about,
    lock: newLock(lock, bucket, now),
    size: received.size,
    etag: `"${received.md5.toString('hex')}"`,
    modifiedAt: now.toISOString(),
    checksum: received.checksum,
    segments: [{ file: received.file, size: received.size }],
  };
  return bucket.add(object);
}

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

/**
 * Conditional writes: `If-None-Match: *` and `If-Match: <ETag>`. They concern the current object, so a key whose latest
 * version is a delete marker does not exist. Source: S3 user guide, "How to prevent object overwrites with conditional
 * writes".
 */
export function checkPreconditions({ headers, key }: S3Request, current: ObjectRecord | undefined): void {
  const [none, match] = [headers['if-none-match'], headers['if-match']];
  if (none !== undefined && none !== '*') throw notImplemented('a write with If-None-Match other than *');
  if (match?.trim() === '*') throw notImplemented('a write with If-Match: *');
  if (none !== undefined && current !== undefined) throw preconditionFailed('If-None-Match');
  if (match === undefined) return;
  if (current === undefined) throw noSuchKey(key);
  if (unquoted(match.trim()) !== unquoted(current.etag)) throw preconditionFailed('If-Match');
}

export const preconditionFailed = (Condition: string): S3Error =>
  new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', { Condition });
export const unquoted = (etag: string): string => etag.replaceAll('"', '');

export async function getObject(context: S3Context): Promise<S3Reply> {
  const { request, bucket } = context;
  const record = await existing(context);
  const unmodified = checkRead(context, record);
  if (unmodified !== undefined) return unmodified;
  const range = readRange(request.headers.range, record);
  const { start, end } = range ?? { start: 0, end: record.size - 1 };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...(await headersOf(context, record, range === undefined)),
      'content-length': String(end - start + 1),
      ...(range && { 'content-range': `bytes ${start}-${end}/${record.size}` }),
    },
    body: bucket.data.read(record, start, end),
  };
}

export async function headObject(context: S3Context): Promise<S3Reply> {
  const record = await existing(context);
  const unmodified = checkRead(context, record);
  if (unmodified !== undefined) return unmodified;
  const headers = await headersOf(context, record, true);
  return { status: 200, headers: { ...headers, 'content-length': String(record.size) } };
}

function checkRead({ request: { headers }, bucket }: S3Context, record: ObjectRecord): S3Reply | undefined {
  const [match, none] = [headers['if-match'], headers['if-none-match']];
  if (match !== undefined && !includesEtag(match, record)) throw preconditionFailed('If-Match');
  if (none === undefined || !includesEtag(none, record)) return undefined;
  return {
    status: 304,
    headers: { etag: record.etag, 'last-modified': httpDate(record), ...versionHeaders(bucket, record) },
  };
}

const includesEtag = (list: string, { etag }: ObjectRecord): boolean =>
  list.split(',').some((one) => one.trim() === '*' || unquoted(one.trim()) === unquoted(etag));

async function headersOf(context: S3Context, record: ObjectRecord, whole: boolean): Promise<Record<string, string>> {
  const { request, bucket } = context;
  const tags = Object.keys(record.tags).length;
  return {
    ...record.headers,
    ...overrides(request),
    etag: record.etag,
    'last-modified': httpDate(record),
    'accept-ranges': 'bytes',
    ...encryption,
    ...versionHeaders(bucket, record),
    ...(await lockHeaders(record, context)),
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

export async function deleteObject(context: S3Context): Promise<S3Reply> {
  const { request, bucket } = context;
  // Ignoring the condition could delete an object that it protects.
  if (request.headers['if-match'] !== undefined) throw notImplemented('DeleteObject with If-Match');
  const versionId = versionIdOf(request);
  const bypass = await bypassesGovernance(context, request.key);
  const touched = deleteVersion(context, request.key, versionId, bypass);
  bucket.sync();
  const touchedId = versionId ?? touched?.versionId;
  return {
    status: 204,
    headers: {
      ...(touched?.kind === 'deleteMarker' && { 'x-amz-delete-marker': 'true' }),
      ...(touchedId !== undefined && bucket.versioned && { 'x-amz-version-id': touchedId }),
    },
  };
}

/**
 * Deletes one version, or hides all versions of a key. A version that does not exist counts as deleted.
 * @throws S3Error AccessDenied for a locked version
 */
export function deleteVersion(
  { bucket, now }: S3Context,
  key: string,
  versionId: string | undefined,
  bypassGovernance: boolean,
): VersionRecord | undefined {
  if (versionId === undefined) return bucket.delete(checkKey(key), now);
  const removed = bucket.version(key, versionId);
  if (removed !== undefined && isLocked(removed, now, bypassGovernance)) throw protectedError();
  bucket.remove(removed);
  return removed;
}

const httpDate = ({ modifiedAt }: ObjectRecord): string => new Date(modifiedAt).toUTCString();
