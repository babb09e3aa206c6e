/** Operations on many objects, and on tags. Source: S3 API reference, "Actions". */

import { existing } from './object-operations.ts';
import { compareKeys } from './object-store.ts';
import { readTagXml, tagXml } from './object-tags.ts';
import { S3Error } from './s3-errors.ts';
import { queryNumber, readXml, type S3Context, type S3Reply, type S3Request } from './s3-request.ts';
import type { ObjectRecord } from './stored-records.ts';
import { childrenNamed, childText, malformed, xmlDocument } from './xml.ts';

const pageSize = 1000;

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
  ...(checksum && {
    ChecksumAlgorithm: checksum.algorithm,
    ChecksumType: checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT',
  }),
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

export async function deleteObjects({ request, bucket, allows }: S3Context): Promise<S3Reply> {
  const document = await readXml(request, { sealed: true });
  const objects = childrenNamed(document, 'Object');
  if (document.name !== 'Delete' || objects.length === 0 || objects.length > pageSize) throw malformed();
  const keys = objects.map((object) => {
    const key = childText(object, 'Key');
    // Versions and conditions are not supported. Ignoring them could delete an object that they protect.
    if (key === undefined || key === '' || object.children.length !== 1) throw malformed();
    return key;
  });
  const quiet = childText(document, 'Quiet') === 'true';
  const deleted: string[] = [];
  const denied: string[] = [];
  for (const key of keys) {
    if (await allows('s3:DeleteObject', key)) {
      bucket.delete(key);
      deleted.push(key);
    } else denied.push(key);
  }
  return xmlReply('DeleteResult', {
    ...(!quiet && { Deleted: deleted.map((Key) => ({ Key })) }),
    Error: denied.map((Key) => ({ Key, Code: 'AccessDenied', Message: 'Access Denied' })),
  });
}

export async function putObjectTagging(context: S3Context): Promise<S3Reply> {
  await existing(context);
  const tags = readTagXml(await readXml(context.request, { sealed: true }));
  // Read the object again: it might have changed while the body was received, and that change must not be overwritten.
  context.bucket.put({ ...(await existing(context)), tags });
  return { status: 200 };
}

export async function getObjectTagging(context: S3Context): Promise<S3Reply> {
  return xmlReply('Tagging', tagXml((await existing(context)).tags));
}

export const xmlReply = (...[name, content]: Parameters<typeof xmlDocument>): S3Reply => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: xmlDocument(name, content),
});
