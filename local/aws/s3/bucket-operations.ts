/** Operations on many objects, and on tags. Source: S3 API reference, "Actions". */

import { checksumXml } from './checksums.ts';
import { checkVersionId, existing, versionHeaders } from './existing-version.ts';
import { bypassesGovernance } from './object-lock.ts';
import { deleteVersion } from './object-operations.ts';
import { readTagXml, tagXml } from './object-tags.ts';
import { S3Error } from './s3-errors.ts';
import { queryNumber, readXml, type S3Context, type S3Reply, type S3Request } from './s3-request.ts';
import type { ObjectRecord, VersionRecord } from './stored-records.ts';
import { compareKeys } from './version-index.ts';
import { childrenNamed, childText, malformed, type XmlContent, type XmlElement, xmlReply } from './xml.ts';

export const pageSize = 1000;

export async function listObjects({ request, bucket }: S3Context): Promise<S3Reply> {
  const { query } = request;
  if (query.get('list-type') !== '2') throw new S3Error('InvalidArgument', 'Invalid List Type value.');
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  const maxKeys = Math.min(queryNumber(request, 'max-keys', pageSize, 0, 2 ** 31 - 1), pageSize);
  const after = token === null ? (startAfter ?? '') : readToken(token);
  const found = bucket.list().filter(({ key }) => key.startsWith(prefix) && compareKeys(key, after) > 0);
  const page = found.slice(0, maxKeys);
  const isTruncated = page.length > 0 && found.length > page.length;
  const said = encoderOf(request);
  return xmlReply('ListBucketResult', {
    Name: bucket.name,
    Prefix: said(prefix),
    ...(startAfter !== null && { StartAfter: said(startAfter) }),
    ...(token !== null && { ContinuationToken: token }),
    ...(isTruncated && { NextContinuationToken: Buffer.from(page.at(-1)?.key ?? '').toString('base64url') }),
    KeyCount: page.length,
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: isTruncated,
    Contents: page.map((record) => contentXml(record, said)),
  });
}

const contentXml = ({ key, modifiedAt, etag, checksum, size }: ObjectRecord, said: (text: string) => string) => ({
  Key: said(key),
  LastModified: modifiedAt,
  ETag: etag,
  ...checksumXml(checksum),
  Size: size,
  StorageClass: 'STANDARD',
});

function readToken(token: string): string {
  const key = Buffer.from(token, 'base64url');
  if (key.toString('base64url') === token) return key.toString();
  throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect', {
    ArgumentName: 'continuation-token',
  });
}

/** The encoder of keys in a list. XML cannot represent every character, so a client can request URL encoding. */
export function encoderOf({ query }: S3Request): (text: string) => string {
  const type = query.get('encoding-type');
  if (type === null) return (text) => text;
  if (type !== 'url') throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/');
}

export async function deleteObjects(context: S3Context): Promise<S3Reply> {
  const { request, bucket } = context;
  const document = await readXml(request, { sealed: true });
  const objects = childrenNamed(document, 'Object');
  if (document.name !== 'Delete' || objects.length === 0 || objects.length > pageSize) throw malformed();
  const targets = objects.map(readTarget);
  const quiet = childText(document, 'Quiet') === 'true';
  const deleted: XmlContent[] = [];
  const failed: XmlContent[] = [];
  for (const { key, versionId } of targets) {
    const asked = { Key: key, VersionId: versionId };
    try {
      const deletion = await deleteTarget(context, key, versionId);
      deleted.push({ ...asked, ...deletionXml(deletion) });
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      failed.push({ ...asked, Code: error.code, Message: error.message });
    }
  }
  bucket.sync();
  return xmlReply('DeleteResult', { ...(!quiet && { Deleted: deleted }), Error: failed });
}

function readTarget(object: XmlElement): { readonly key: string; readonly versionId: string | undefined } {
  const [key, versionId] = [childText(object, 'Key'), childText(object, 'VersionId')];
  // Conditions are not supported. Ignoring them could delete an object that they protect.
  const members = versionId === undefined ? 1 : 2;
  if (key === undefined || key === '' || object.children.length !== members) throw malformed();
  return { key, versionId };
}

async function deleteTarget(
  context: S3Context,
  key: string,
  versionId: string | undefined,
): Promise<VersionRecord | undefined> {
  const permission = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
  if (!(await context.allows(permission, key))) throw new S3Error('AccessDenied', 'Access Denied');
  if (versionId !== undefined) checkVersionId(versionId);
  const bypass = await bypassesGovernance(context, key);
  return deleteVersion(context, key, versionId, bypass);
}

const deletionXml = (touched: VersionRecord | undefined) =>
  touched?.kind === 'deleteMarker' ? { DeleteMarker: true, DeleteMarkerVersionId: touched.versionId } : {};

export async function putObjectTagging(context: S3Context): Promise<S3Reply> {
  await existing(context);
  const tags = readTagXml(await readXml(context.request, { sealed: true }));
  // Read the object again: it might have changed while the body was received, and that change must not be overwritten.
  const record = await existing(context);
  context.bucket.update({ ...record, tags });
  return { status: 200, headers: versionHeaders(context.bucket, record) };
}

export async function getObjectTagging(context: S3Context): Promise<S3Reply> {
  const record = await existing(context);
  return xmlReply('Tagging', tagXml(record.tags), versionHeaders(context.bucket, record));
}
