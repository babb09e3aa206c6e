/** Operations on all versions of a bucket. Source: S3 API reference, "ListObjectVersions" and "GetBucketVersioning". */
import { account } from '../shared/aws-account.ts';
import { encoderOf, pageSize } from './bucket-operations.ts';
import { checksumXml } from './checksums.ts';
import { versionIdOf } from './existing-version.ts';
import type { BucketStore } from './object-store.ts';
import { S3Error } from './s3-errors.ts';
import { queryNumber, type S3Context, type S3Reply, type S3Request } from './s3-request.ts';
import type { VersionRecord } from './stored-records.ts';
import { compareKeys } from './version-index.ts';
import { xmlReply } from './xml.ts';

/** Canonical user ID of the account. */
const owner = { ID: account.id.padStart(64, '0') };

export async function listObjectVersions({ request, bucket }: S3Context): Promise<S3Reply> {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = versionMarkerOf(request, keyMarker);
  const maxKeys = Math.min(queryNumber(request, 'max-keys', pageSize, 0, 2 ** 31 - 1), pageSize);
  const left = versionsAfter(bucket, keyMarker, idMarker).filter(({ key }) => key.startsWith(prefix));
  const page = left.slice(0, maxKeys);
  const last = page.at(-1);
  const isTruncated = last !== undefined && left.length > page.length;
  const said = encoderOf(request);
  return xmlReply('ListVersionsResult', [
    {
      Name: bucket.name,
      Prefix: said(prefix),
      KeyMarker: said(keyMarker),
      VersionIdMarker: idMarker ?? '',
      ...(isTruncated && { NextKeyMarker: said(last.key), NextVersionIdMarker: last.versionId }),
      MaxKeys: maxKeys,
      EncodingType: query.get('encoding-type') ?? undefined,
      IsTruncated: isTruncated,
    },
    ...page.map((record) => versionXml(record, bucket.versions(record.key)[0] === record, said)),
  ]);
}

/** @throws S3Error InvalidArgument */
function versionMarkerOf(request: S3Request, keyMarker: string): string | undefined {
  const name = 'version-id-marker';
  const argument = (message: string) => new S3Error('InvalidArgument', message, { ArgumentName: name });
  const text = request.query.get(name);
  if (text === null) return undefined;
  if (keyMarker === '') {
    // The SDK sends an empty marker for an empty string.
    if (text === '') return undefined;
    throw argument('A version-id marker cannot be specified without a key marker.');
  }
  if (text === '') throw argument('A version-id marker cannot be empty.');
  return versionIdOf(request, name);
}

/** The versions after a position, by key, the latest version of a key first. */
function versionsAfter(bucket: BucketStore, keyMarker: string, idMarker: string | undefined): VersionRecord[] {
  const marked = idMarker === undefined ? undefined : bucket.version(keyMarker, idMarker);
  return bucket.keys().flatMap((key) => {
    const order = compareKeys(key, keyMarker);
    if (order > 0) return bucket.versions(key);
    if (order < 0 || marked === undefined) return [];
    return bucket.versions(key).filter(({ sequence }) => sequence < marked.sequence);
  });
}

function versionXml(record: VersionRecord, IsLatest: boolean, said: (text: string) => string) {
  const common = {
    Key: said(record.key),
    VersionId: record.versionId,
    IsLatest,
    LastModified: record.modifiedAt,
    Owner: owner,
  };
  if (record.kind === 'deleteMarker') return { DeleteMarker: common };
  const { etag, checksum, size } = record;
  return { Version: { ...common, ETag: etag, ...checksumXml(checksum), Size: size, StorageClass: 'STANDARD' } };
}

export async function getBucketVersioning({ bucket }: S3Context): Promise<S3Reply> {
  return xmlReply('VersioningConfiguration', bucket.versioned ? { Status: 'Enabled' } : {});
}
