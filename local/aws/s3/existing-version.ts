/** Finds the version of an object that a request is about. */
import type { BucketStore } from './object-store.ts';
import { S3Error } from './s3-errors.ts';
import type { S3Context, S3Request } from './s3-request.ts';
import type { ObjectRecord, VersionRecord } from './stored-records.ts';

/** The parameter `versionId`; undefined if the request is about the current object. @throws S3Error InvalidArgument */
export function versionIdOf({ query }: S3Request, name = 'versionId'): string | undefined {
  const versionId = query.get(name);
  return versionId === null ? undefined : checkVersionId(versionId, name);
}

/** @throws S3Error InvalidArgument if S3 could not have made this ID */
export function checkVersionId(versionId: string, name = 'versionId'): string {
  if (/^(?:null|[0-9a-f]{32})$/.test(versionId)) return versionId;
  throw new S3Error('InvalidArgument', 'Invalid version id specified', {
    ArgumentName: name,
    ArgumentValue: versionId,
  });
}

/**
 * The object of a request, or its version that the request names. If it does not exist, a caller without
 * `s3:ListBucket` receives AccessDenied.
 */
export async function existing({ request, bucket, allows }: S3Context): Promise<ObjectRecord> {
  const { key } = request;
  const versionId = versionIdOf(request);
  const found = versionId === undefined ? bucket.versions(key)[0] : bucket.version(key, versionId);
  if (found?.kind === 'object') return found;
  if (!(await allows('s3:ListBucket'))) throw new S3Error('AccessDenied', 'Access Denied');
  const headers = found === undefined ? {} : { 'x-amz-delete-marker': 'true', ...versionHeaders(bucket, found) };
  if (versionId === undefined) throw noSuchKey(key, headers);
  if (found === undefined) {
    throw new S3Error('NoSuchVersion', 'The specified version does not exist.', { Key: key, VersionId: versionId });
  }
  throw new S3Error(
    'MethodNotAllowed',
    'The specified method is not allowed against this resource.',
    { Method: request.method, ResourceType: 'DeleteMarker' },
    { ...headers, allow: 'DELETE', 'last-modified': new Date(found.modifiedAt).toUTCString() },
  );
}

export const noSuchKey = (key: string, headers: Readonly<Record<string, string>> = {}): S3Error =>
  new S3Error('NoSuchKey', 'The specified key does not exist.', { Key: key }, headers);

/** The response header with the version ID. Only buckets with versioning have it. */
export const versionHeaders = ({ versioned }: BucketStore, { versionId }: VersionRecord): Record<string, string> =>
  versioned ? { 'x-amz-version-id': versionId } : {};
