/**
 * Selects the operation of a request by its method, its path, the parameter names of its query, and whether it names a
 * source to copy.
 */
import { deleteObjects, getObjectTagging, listObjects, putObjectTagging } from './bucket-operations.ts';
import { copyObject } from './copy-operation.ts';
import {
  getObjectLegalHold,
  getObjectLockConfiguration,
  getObjectRetention,
  putObjectLegalHold,
  putObjectRetention,
} from './lock-operations.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
} from './multipart-operations.ts';
import { deleteObject, getObject, headObject, putObject } from './object-operations.ts';
import { notImplemented } from './s3-errors.ts';
import type { S3Context, S3Reply } from './s3-request.ts';
import { getBucketVersioning, listObjectVersions } from './version-operations.ts';

export interface S3Operation {
  /** E.g. `GetObject`. */
  readonly action: string;
  readonly method: string;
  readonly on: 'bucket' | 'object';
  /** Parameters that the query must have. `may` lists optional ones. */
  readonly needs?: readonly string[];
  readonly may?: readonly string[];
  /** Whether the request must have the header `x-amz-copy-source`, which no other operation accepts. */
  readonly copies?: boolean;
  /**
   * The required IAM permission, e.g. `s3:GetObject`. If absent, the operation checks permissions itself.
   * Source: Service authorization reference, "Amazon S3".
   */
  readonly permission?: string;
  /** The permission that is required instead if the request names a version, e.g. `s3:GetObjectVersion`. */
  readonly versionPermission?: string;
  /** Whether the operation can create an object with tags and a lock, which require separate permissions. */
  readonly creates?: boolean;
  readonly run: (context: S3Context) => Promise<S3Reply>;
}

const overrides = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const read = {
  may: ['versionId', ...overrides.map((name) => `response-${name}`)],
  permission: 's3:GetObject',
  versionPermission: 's3:GetObjectVersion',
};
const lock = (name: string, action: string) =>
  ({ on: 'object', needs: [name], may: ['versionId'], permission: `s3:${action}` }) as const;

const operations: readonly S3Operation[] = [
  { action: 'GetObject', method: 'GET', on: 'object', ...read, run: getObject },
  { action: 'HeadObject', method: 'HEAD', on: 'object', ...read, run: headObject },
  { action: 'PutObject', method: 'PUT', on: 'object', permission: 's3:PutObject', creates: true, run: putObject },
  {
    action: 'CopyObject',
    method: 'PUT',
    on: 'object',
    copies: true,
    permission: 's3:PutObject',
    creates: true,
    run: copyObject,
  },
  {
    action: 'DeleteObject',
    method: 'DELETE',
    on: 'object',
    may: ['versionId'],
    permission: 's3:DeleteObject',
    versionPermission: 's3:DeleteObjectVersion',
    run: deleteObject,
  },
  {
    action: 'GetObjectTagging',
    method: 'GET',
    on: 'object',
    needs: ['tagging'],
    may: ['versionId'],
    permission: 's3:GetObjectTagging',
    versionPermission: 's3:GetObjectVersionTagging',
    run: getObjectTagging,
  },
  {
    action: 'PutObjectTagging',
    method: 'PUT',
    on: 'object',
    needs: ['tagging'],
    may: ['versionId'],
    permission: 's3:PutObjectTagging',
    versionPermission: 's3:PutObjectVersionTagging',
    run: putObjectTagging,
  },
  {
    action: 'CreateMultipartUpload',
    method: 'POST',
    on: 'object',
    needs: ['uploads'],
    permission: 's3:PutObject',
    creates: true,
    run: createMultipartUpload,
  },
  {
    action: 'UploadPart',
    method: 'PUT',
    on: 'object',
    needs: ['partNumber', 'uploadId'],
    permission: 's3:PutObject',
    run: uploadPart,
  },
  {
    action: 'ListParts',
    method: 'GET',
    on: 'object',
    needs: ['uploadId'],
    may: ['max-parts', 'part-number-marker'],
    permission: 's3:ListMultipartUploadParts',
    run: listParts,
  },
  {
    action: 'CompleteMultipartUpload',
    method: 'POST',
    on: 'object',
    needs: ['uploadId'],
    permission: 's3:PutObject',
    run: completeMultipartUpload,
  },
  {
    action: 'AbortMultipartUpload',
    method: 'DELETE',
    on: 'object',
    needs: ['uploadId'],
    permission: 's3:AbortMultipartUpload',
    run: abortMultipartUpload,
  },
  {
    action: 'ListObjectsV2',
    method: 'GET',
    on: 'bucket',
    needs: ['list-type'],
    may: ['prefix', 'max-keys', 'continuation-token', 'start-after', 'encoding-type'],
    permission: 's3:ListBucket',
    run: listObjects,
  },
  {
    action: 'ListMultipartUploads',
    method: 'GET',
    on: 'bucket',
    needs: ['uploads'],
    may: ['prefix', 'max-uploads', 'key-marker', 'upload-id-marker', 'encoding-type'],
    permission: 's3:ListBucketMultipartUploads',
    run: listMultipartUploads,
  },
  {
    action: 'ListObjectVersions',
    method: 'GET',
    on: 'bucket',
    needs: ['versions'],
    may: ['prefix', 'max-keys', 'key-marker', 'version-id-marker', 'encoding-type'],
    permission: 's3:ListBucketVersions',
    run: listObjectVersions,
  },
  {
    action: 'GetBucketVersioning',
    method: 'GET',
    on: 'bucket',
    needs: ['versioning'],
    permission: 's3:GetBucketVersioning',
    run: getBucketVersioning,
  },
  {
    action: 'GetObjectLockConfiguration',
    method: 'GET',
    on: 'bucket',
    needs: ['object-lock'],
    permission: 's3:GetBucketObjectLockConfiguration',
    run: getObjectLockConfiguration,
  },
  { action: 'GetObjectRetention', method: 'GET', ...lock('retention', 'GetObjectRetention'), run: getObjectRetention },
  { action: 'PutObjectRetention', method: 'PUT', ...lock('retention', 'PutObjectRetention'), run: putObjectRetention },
  { action: 'GetObjectLegalHold', method: 'GET', ...lock('legal-hold', 'GetObjectLegalHold'), run: getObjectLegalHold },
  { action: 'PutObjectLegalHold', method: 'PUT', ...lock('legal-hold', 'PutObjectLegalHold'), run: putObjectLegalHold },
  { action: 'DeleteObjects', method: 'POST', on: 'bucket', needs: ['delete'], run: deleteObjects },
];

/** Parameters that do not select an operation: the signature, headers moved into the query, and the SDK's log hint. */
const neutral = /^x-(?:amz-.*|id)$/i;

/**
 * Finds the operation of a request in the table.
 * @throws S3Error NotImplemented if the table has no such operation; the error names the query parameters
 */
export function operationOf(
  method: string,
  on: 'bucket' | 'object',
  query: URLSearchParams,
  copies = false,
): S3Operation {
  const names = [...new Set(query.keys())].filter((name) => !neutral.test(name));
  const found = operations.find(
    (operation) =>
      operation.method === method &&
      operation.on === on &&
      (operation.copies ?? false) === copies &&
      (operation.needs ?? []).every((name) => names.includes(name)) &&
      names.every((name) => operation.needs?.includes(name) === true || operation.may?.includes(name) === true),
  );
  if (found !== undefined) return found;
  const asked = names.length === 0 ? '' : ` with ${names.join(', ')} in the query`;
  const source = copies ? ' with x-amz-copy-source' : '';
  throw notImplemented(`${method} of ${on === 'object' ? 'an object' : 'a bucket'}${asked}${source}`);
}
