/**
 * Multipart uploads. Source: S3 API reference, "CreateMultipartUpload" and related actions; S3 quotas for multipart
 * uploads.
 */
import { createHash } from 'node:crypto';
import { encoderOf, pageSize } from './bucket-operations.ts';
import { type ChecksumAlgorithm, compositeChecksum, readAlgorithm } from './checksums.ts';
import { versionHeaders } from './existing-version.ts';
import { newLock, requestedLock, requireDigest } from './object-lock.ts';
import { checkPreconditions, descriptionOf, tooLarge, unquoted } from './object-operations.ts';
import { maxUploadBytes } from './post-policy.ts';
import { notImplemented, S3Error } from './s3-errors.ts';
import {
  amzHeader,
  checksumHeaders,
  queryNumber,
  readXml,
  type S3Context,
  type S3Reply,
  type S3Request,
  statedOf,
} from './s3-request.ts';
import type { NewObject, PartRecord, Upload } from './stored-records.ts';
import { childrenNamed, childText, malformed, type XmlElement, xmlReply } from './xml.ts';

const minPartBytes = 5 * 1024 ** 2;
const maxPartNumber = 10_000;

export async function createMultipartUpload({ request, bucket, now }: S3Context): Promise<S3Reply> {
  const name = amzHeader(request, 'x-amz-checksum-algorithm');
  const algorithm = name === undefined ? null : readAlgorithm(name);
  if ((amzHeader(request, 'x-amz-checksum-type') ?? 'COMPOSITE') !== 'COMPOSITE') {
    throw notImplemented('x-amz-checksum-type other than COMPOSITE');
  }
  const record = bucket.createUpload({
    ...descriptionOf(request),
    algorithm,
    initiatedAt: now.toISOString(),
    lock: requestedLock(request, bucket, now),
  });
  const reply = xmlReply('InitiateMultipartUploadResult', {
    Bucket: bucket.name,
    Key: record.key,
    UploadId: record.uploadId,
  });
  return algorithm === null
    ? reply
    : {
        ...reply,
        headers: { ...reply.headers, 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': 'COMPOSITE' },
      };
}

export async function uploadPart(context: S3Context): Promise<S3Reply> {
  const { request, bucket, now } = context;
  const { record } = uploadOf(context);
  const number = queryNumber(request, 'partNumber', 0, 1, maxPartNumber);
  const stated = statedOf(request);
  requireDigest(stated, record.lock, bucket, 'Put Part');
  const algorithm = stated.checksum?.algorithm ?? stated.trailer ?? null;
  if (record.algorithm !== null && algorithm !== record.algorithm) {
    throw new S3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${record.algorithm.toLowerCase()}, ` +
        `actual checksum Type: ${algorithm?.toLowerCase() ?? 'null'}`,
    );
  }
  if ((stated.length ?? 0) > maxUploadBytes) throw tooLarge(stated.length ?? 0, maxUploadBytes);
  const received = await bucket.data.receive(request.body(), stated);
  const { file, size, checksum } = received;
  const md5 = received.md5.toString('hex');
  if (!bucket.putPart(record.uploadId, { number, file, size, md5, modifiedAt: now.toISOString(), checksum })) {
    bucket.data.discard(received);
    throw noSuchUpload();
  }
  return { status: 200, headers: { etag: `"${md5}"`, ...partChecksum(received) } };
}

// Only the checksum of an object has a type, not the checksum of a part.
function partChecksum({ checksum }: Pick<PartRecord, 'checksum'>): Record<string, string> {
  const { 'x-amz-checksum-type': _, ...headers } = checksumHeaders(checksum);
  return headers;
}

export async function listParts(context: S3Context): Promise<S3Reply> {
  const { request, bucket } = context;
  const { record, parts } = uploadOf(context);
  const marker = queryNumber(request, 'part-number-marker', 0, 0, 2 ** 31 - 1);
  const maxParts = Math.min(queryNumber(request, 'max-parts', pageSize, 0, 2 ** 31 - 1), pageSize);
  const left = [...parts.values()].filter(({ number }) => number > marker).sort((a, b) => a.number - b.number);
  const page = left.slice(0, maxParts);
  return xmlReply('ListPartsResult', {
    Bucket: bucket.name,
    Key: encoderOf(request)(record.key),
    UploadId: record.uploadId,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: page.length > 0 && left.length > page.length,
    ...(record.algorithm && { ChecksumAlgorithm: record.algorithm, ChecksumType: 'COMPOSITE' }),
    StorageClass: 'STANDARD',
    Part: page.map(({ number, modifiedAt, md5, size, checksum }) => ({
      PartNumber: number,
      LastModified: modifiedAt,
      ETag: `"${md5}"`,
      Size: size,
      ...(checksum && { [`Checksum${checksum.algorithm}`]: checksum.value }),
    })),
  });
}

export async function completeMultipartUpload(context: S3Context): Promise<S3Reply> {
  const { request, bucket, now } = context;
  uploadOf(context);
  const document = await readXml(request, { ofObject: true });
  // Check again: another request might have ended the upload while the body was received.
  const upload = uploadOf(context);
  const parts = listedParts(document, upload);
  const { key, headers, tags, algorithm, uploadId, lock } = upload.record;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const wantedSize = amzHeader(request, 'x-amz-mp-object-size');
  if (wantedSize !== undefined && Number(wantedSize) !== size) {
    throw new S3Error(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${wantedSize} does not match what was computed: ${size}`,
    );
  }
  const values = parts.flatMap(({ checksum }) => checksum?.value ?? []);
  const checksum = algorithm === null ? null : compositeChecksum(algorithm, values);
  checkObjectChecksum(request, checksum?.algorithm, checksum?.value, parts.length);
  checkPreconditions(request, bucket.get(key));
  const md5s = createHash('md5').update(Buffer.concat(parts.map(({ md5 }) => Buffer.from(md5, 'hex'))));
  const object: NewObject = {
    key,
    headers,
    tags,
    lock: newLock(lock, bucket, now),
    size,
    etag: `"${md5s.digest('hex')}-${parts.length}"`,
    modifiedAt: now.toISOString(),
    checksum,
    segments: parts.map(({ file, size: bytes }) => ({ file, size: bytes })),
    uploadId,
  };
  const record = bucket.add(object);
  bucket.endUpload(uploadId, record);
  const result = {
    Location: `http://${request.headers.host ?? ''}/${bucket.name}/${encodeURIComponent(key)}`,
    Bucket: bucket.name,
    Key: key,
    ETag: record.etag,
    ...(checksum && { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: 'COMPOSITE' }),
  };
  return xmlReply('CompleteMultipartUploadResult', result, versionHeaders(bucket, record));
}

/** Checks the object's checksum. A client can send it with or without the number of parts. */
function checkObjectChecksum(
  request: S3Request,
  algorithm: ChecksumAlgorithm | undefined,
  value: string | undefined,
  parts: number,
): void {
  if (algorithm === undefined || value === undefined) return;
  const stated = amzHeader(request, `x-amz-checksum-${algorithm.toLowerCase()}`);
  if (stated === undefined || stated === value || `${stated}-${parts}` === value) return;
  throw new S3Error('BadDigest', `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`);
}

/** The parts that the request lists, each compared with the uploaded part. */
function listedParts(document: XmlElement, { record, parts }: Upload): PartRecord[] {
  const listed = childrenNamed(document, 'Part');
  if (document.name !== 'CompleteMultipartUpload' || listed.length === 0 || listed.length > maxPartNumber) {
    throw malformed();
  }
  let last = 0;
  const found = listed.map((element) => {
    const number = Number(childText(element, 'PartNumber'));
    if (!Number.isInteger(number)) throw malformed();
    if (number <= last)
      throw new S3Error(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    last = number;
    const part = parts.get(number);
    if (part === undefined || unquoted(childText(element, 'ETag') ?? '') !== part.md5)
      throw invalidPart(record.uploadId, number);
    checkPartChecksum(element, part, record.algorithm, record.uploadId);
    return part;
  });
  for (const { size, number, md5 } of found.slice(0, -1)) {
    if (size >= minPartBytes) continue;
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      ProposedSize: String(size),
      MinSizeAllowed: String(minPartBytes),
      PartNumber: String(number),
      ETag: md5,
    });
  }
  return found;
}

function checkPartChecksum(
  element: XmlElement,
  { number, checksum }: PartRecord,
  algorithm: ChecksumAlgorithm | null,
  uploadId: string,
): void {
  const stated = checksum === null ? undefined : childText(element, `Checksum${checksum.algorithm}`);
  if (algorithm !== null && stated === undefined) {
    throw new S3Error(
      'InvalidRequest',
      `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the ` +
        `checksum for each part. It was missing for part ${number} in the request.`,
    );
  }
  if (stated !== undefined && stated !== checksum?.value) throw invalidPart(uploadId, number);
}

const invalidPart = (UploadId: string, number: number): S3Error =>
  new S3Error(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { UploadId, PartNumber: String(number) },
  );

export async function abortMultipartUpload(context: S3Context): Promise<S3Reply> {
  context.bucket.endUpload(uploadOf(context).record.uploadId);
  return { status: 204 };
}

export async function listMultipartUploads({ request, bucket }: S3Context): Promise<S3Reply> {
  const { query } = request;
  const [prefix, keyMarker] = [query.get('prefix') ?? '', query.get('key-marker') ?? ''];
  const idMarker = query.get('upload-id-marker') ?? '';
  const maxUploads = Math.min(queryNumber(request, 'max-uploads', pageSize, 1, 2 ** 31 - 1), pageSize);
  const all = bucket.uploads().filter(({ record: { key } }) => key.startsWith(prefix));
  const left = all.filter(({ record: { key, uploadId } }) => {
    const order = Buffer.compare(Buffer.from(key), Buffer.from(keyMarker));
    return order > 0 || (order === 0 && keyMarker !== '' && idMarker !== '' && uploadId > idMarker);
  });
  const page = left.slice(0, maxUploads);
  const isTruncated = left.length > page.length;
  const last = page.at(-1)?.record;
  const said = encoderOf(request);
  return xmlReply('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: said(keyMarker),
    UploadIdMarker: idMarker,
    ...(isTruncated && { NextKeyMarker: said(last?.key ?? ''), NextUploadIdMarker: last?.uploadId ?? '' }),
    Prefix: said(prefix),
    MaxUploads: maxUploads,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: isTruncated,
    Upload: page.map(({ record }) => ({
      Key: said(record.key),
      UploadId: record.uploadId,
      StorageClass: 'STANDARD',
      Initiated: record.initiatedAt,
      ...(record.algorithm && { ChecksumAlgorithm: record.algorithm, ChecksumType: 'COMPOSITE' }),
    })),
  });
}

function uploadOf({ request: { key, query }, bucket }: S3Context): Upload {
  const upload = bucket.upload(key, query.get('uploadId') ?? '');
  if (upload === undefined) throw noSuchUpload();
  return upload;
}

const noSuchUpload = (): S3Error =>
  new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
