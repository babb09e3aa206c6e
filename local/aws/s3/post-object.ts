/** Uploads with a browser form. Source: S3 API reference, "POST Object". */

import { versionHeaders } from './existing-version.ts';
import { requestedLock, requireDigest } from './object-lock.ts';
import { checkKey, keptOf, storeReceived, tooLarge } from './object-operations.ts';
import { readTagXml } from './object-tags.ts';
import type { Form } from './post-form.ts';
import { judgePolicy, maxUploadBytes, type SizeRange } from './post-policy.ts';
import { notImplemented, S3Error } from './s3-errors.ts';
import { checksumOf, type S3Context, type S3Reply } from './s3-request.ts';
import type { Tags } from './stored-records.ts';
import { parseXml, xmlDocument } from './xml.ts';

/** Fields of the signature, which do not describe the object. */
const signatureFields: ReadonlySet<string> = new Set(['x-amz-algorithm', 'x-amz-credential', 'x-amz-signature']);
const refusedFields = ['success_action_redirect', 'redirect', 'x-amz-tagging'];

/** The object key of a form. @throws S3Error */
export function keyOf({ fields, fileName }: Form): string {
  const key = fields.get('key');
  if (key === undefined || key === '') {
    throw new S3Error('InvalidArgument', "Bucket POST must contain a field named 'key'.", { ArgumentName: 'key' });
  }
  // With a replacement string, `$&` in a file name would be interpreted.
  return checkKey(key.replaceAll(/\$\{filename\}/g, () => fileName));
}

export function tagsOf({ fields }: Form): Tags {
  const tagging = fields.get('tagging');
  return tagging === undefined ? {} : readTagXml(parseXml(tagging));
}

/** The form fields that correspond to PutObject headers, by header name. */
export function headersOf({ fields }: Form): Record<string, string> {
  for (const name of refusedFields) if (fields.has(name)) throw notImplemented(`the form field ${name}`);
  return Object.fromEntries(
    [...fields]
      .map(([name, value]) => [name === 'acl' ? 'x-amz-acl' : name, value] as const)
      .filter(([name]) => !signatureFields.has(name) && !name.startsWith('if-')),
  );
}

/** Checks the form against its signed policy, then stores the file if its size is allowed. */
export async function postObject(
  { request, bucket, now }: Pick<S3Context, 'request' | 'bucket' | 'now'>,
  form: Form,
  host: string,
): Promise<S3Reply> {
  const { key } = request;
  const range = judgePolicy(form.fields.get('policy') ?? '', form.fields, { bucket: bucket.name, key }, now);
  const checksum = checksumOf(request);
  const tags = tagsOf(form);
  const lock = requestedLock(request, bucket, now);
  requireDigest({ checksum }, lock, bucket);
  const received = await bucket.data.receive(limitSize(range, request.body()), { checksum });
  const headers = keptOf(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const record = storeReceived(bucket, request, { key, headers, tags, lock, received }, now);
  const { etag } = record;
  const location = `http://${host}/${bucket.name}/${encodeURIComponent(key)}`;
  const status = form.fields.get('success_action_status');
  if (status === '201') {
    return {
      status: 201,
      headers: { etag, location, ...versionHeaders(bucket, record), 'content-type': 'application/xml' },
      body: xmlDocument('PostResponse', { Location: location, Bucket: bucket.name, Key: key, ETag: etag }),
    };
  }
  return { status: status === '200' ? 200 : 204, headers: { etag, location, ...versionHeaders(bucket, record) } };
}

/**
 * Checks the size of a file while it is received. A file that is too large is rejected at the first byte over the
 * limit.
 */
async function* limitSize({ min, max }: SizeRange, file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of file) {
    size += chunk.length;
    if (size > Math.min(max, maxUploadBytes)) throw tooLarge(size, max);
    yield chunk;
  }
  if (size >= min) return;
  throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
    ProposedSize: String(size),
    MinSizeAllowed: String(min),
  });
}
