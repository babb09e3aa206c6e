/**
 * The objects of blobs in S3: `<org>/<id>.enc`, and what forms upload: `<org>/<id>.form`. Error texts from S3 are never
 * passed on.
 */
import {
  AbortMultipartUploadCommand,
  ChecksumAlgorithm,
  ChecksumMode,
  ChecksumType,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectTaggingCommand,
  type S3Client,
  TaggingDirective,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { objectLifetimeTag, unfinishedLifetimeValue } from '../../../contract/shared/environment-variables.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, type S3Refusal, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type {
  AnnouncedPart,
  FoundObject,
  LinkObjectStore,
  OrgObjectPurger,
  StoredPart,
  UploadObjectStore,
} from '../blob-ports.ts';

/** A generic type, because the vault does not know the content. */
const contentType = 'application/octet-stream';
const expiresIn = limits.blobPresignedUrlSeconds;

const notStartedDetail = 'No blob was created. Send the same request again.';
const notCompletedDetail = 'The upload is not complete yet. Send the same request again.';
const notDeletedDetail = 'The stored data may still exist. Send the same request again.';

/**
 * Timeout for assembling or copying an object. S3 needs some seconds for a large one: more than other calls may take,
 * and less than the function's timeout.
 */
const completeTimeoutMs = 8000;
const completionOptions = () => ({
  requestTimeout: completeTimeoutMs,
  abortSignal: AbortSignal.timeout(completeTimeoutMs),
});

export class S3Objects implements UploadObjectStore, LinkObjectStore, OrgObjectPurger {
  readonly #clientOf: (org: string) => S3Client;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3Client, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async presignForm(org: string, id: string, size: number): Promise<{ url: string; fields: Record<string, string> }> {
    const { Bucket, Key } = this.#formLocation(org, id);
    const tag = `<Tag><Key>${objectLifetimeTag}</Key><Value>${unfinishedLifetimeValue}</Value></Tag>`;
    return await mapTransientErrors(notStartedDetail, () =>
      createPresignedPost(this.#clientOf(org), {
        Bucket,
        Key,
        Expires: expiresIn,
        // Each field becomes an exact-match condition of the upload policy.
        Fields: {
          'Content-Type': contentType,
          tagging: `<Tagging><TagSet>${tag}</TagSet></Tagging>`,
          'x-amz-checksum-algorithm': ChecksumAlgorithm.SHA256,
          success_action_status: '204',
        },
        Conditions: [
          ['content-length-range', size, size],
          ['starts-with', '$x-amz-checksum-sha256', ''],
        ],
      }),
    );
  }

  async startMultipartUpload(org: string, id: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      ...this.#objectLocation(org, id),
      ContentType: contentType,
      ChecksumAlgorithm: ChecksumAlgorithm.SHA256,
      ChecksumType: ChecksumType.COMPOSITE,
      Tagging: `${objectLifetimeTag}=${unfinishedLifetimeValue}`,
    });
    const { UploadId } = await mapTransientErrors(notStartedDetail, () => this.#clientOf(org).send(command));
    if (UploadId === undefined) throw new VaultError('unavailable', { detail: notStartedDetail });
    return UploadId;
  }

  async presignPart(
    org: string,
    id: string,
    UploadId: string,
    { number, size, checksum }: AnnouncedPart,
  ): Promise<{ url: string; headers: Record<string, string> }> {
    const command = new UploadPartCommand({
      ...this.#objectLocation(org, id),
      UploadId,
      PartNumber: number,
      ContentLength: size,
      ChecksumSHA256: checksum,
    });
    // The checksum is sent as a header instead of a URL parameter, so that S3 verifies the data against it. The content
    // length is also signed; every client sends it.
    const unhoistableHeaders = new Set(['x-amz-checksum-sha256']);
    const url = await mapTransientErrors(nothingReadDetail, () =>
      getSignedUrl(this.#clientOf(org), command, { expiresIn, unhoistableHeaders }),
    );
    return { url, headers: { 'x-amz-checksum-sha256': checksum } };
  }

  async listParts(
    org: string,
    id: string,
    UploadId: string,
    after: number,
    limit: number,
  ): Promise<Page<StoredPart> | undefined> {
    const PartNumberMarker = after === 0 ? undefined : String(after);
    const command = new ListPartsCommand({
      ...this.#objectLocation(org, id),
      UploadId,
      MaxParts: limit,
      PartNumberMarker,
    });
    const list = await undefinedIfRefused(isMissingUpload, nothingReadDetail, () => this.#clientOf(org).send(command));
    if (list === undefined) return undefined;
    const items = (list.Parts ?? []).map(({ PartNumber = 0, Size = 0, ChecksumSHA256 = '', ETag = '' }) => ({
      number: PartNumber,
      size: Size,
      checksum: ChecksumSHA256,
      tag: ETag,
    }));
    return { items, more: list.IsTruncated === true };
  }

  async completeMultipartUpload(
    org: string,
    id: string,
    UploadId: string,
    parts: readonly StoredPart[],
  ): Promise<void> {
    const Parts = parts.map(({ number, checksum, tag }) => ({
      PartNumber: number,
      ETag: tag,
      ChecksumSHA256: checksum,
    }));
    const command = new CompleteMultipartUploadCommand({
      ...this.#objectLocation(org, id),
      UploadId,
      MultipartUpload: { Parts },
    });
    const options = completionOptions();
    const isMissingOrChanged = (error: S3Refusal) => isMissingUpload(error) || error.name === 'InvalidPart';
    await undefinedIfRefused(isMissingOrChanged, notCompletedDetail, () => this.#clientOf(org).send(command, options));
  }

  findFormUpload(org: string, id: string): Promise<FoundObject | undefined> {
    return this.#find(org, this.#formLocation(org, id));
  }

  findObject(org: string, id: string): Promise<FoundObject | undefined> {
    return this.#find(org, this.#objectLocation(org, id));
  }

  async copyFormUpload(org: string, id: string, tag: string, lifetime: string): Promise<void> {
    const { Bucket, Key } = this.#formLocation(org, id);
    const command = new CopyObjectCommand({
      ...this.#objectLocation(org, id),
      CopySource: `${Bucket}/${Key}`,
      CopySourceIfMatch: tag,
      IfNoneMatch: '*',
      // S3 computes the checksum of the copy from its bytes.
      ChecksumAlgorithm: ChecksumAlgorithm.SHA256,
      TaggingDirective: TaggingDirective.REPLACE,
      Tagging: `${objectLifetimeTag}=${lifetime}`,
    });
    const isMissingOrChanged = (error: S3Refusal) => isMissingObject(error) || isConflict(error);
    await undefinedIfRefused(isMissingOrChanged, notCompletedDetail, () =>
      this.#clientOf(org).send(command, completionOptions()),
    );
  }

  async #find(org: string, location: { Bucket: string; Key: string }): Promise<FoundObject | undefined> {
    const command = new HeadObjectCommand({ ...location, ChecksumMode: ChecksumMode.ENABLED });
    const found = await undefinedIfRefused(isMissingObject, nothingReadDetail, () => this.#clientOf(org).send(command));
    if (found === undefined) return undefined;
    return { size: found.ContentLength ?? 0, tag: found.ETag ?? '', checksum: found.ChecksumSHA256 };
  }

  async setLifetimeTag(org: string, id: string, lifetime: string): Promise<boolean> {
    const command = new PutObjectTaggingCommand({
      ...this.#objectLocation(org, id),
      Tagging: { TagSet: [{ Key: objectLifetimeTag, Value: lifetime }] },
    });
    return (
      (await undefinedIfRefused(isMissingObject, notCompletedDetail, () => this.#clientOf(org).send(command))) !==
      undefined
    );
  }

  async abortMultipartUpload(org: string, id: string, UploadId: string): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#objectLocation(org, id), UploadId });
    await undefinedIfRefused(isMissingUpload, notDeletedDetail, () => this.#clientOf(org).send(command));
  }

  async deleteFormUpload(org: string, id: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#formLocation(org, id));
    await mapTransientErrors(notDeletedDetail, () => this.#clientOf(org).send(command));
  }

  async deleteObject(org: string, id: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#objectLocation(org, id));
    await mapTransientErrors(notDeletedDetail, () => this.#clientOf(org).send(command));
  }

  async presignDownload(org: string, id: string): Promise<string> {
    const command = new GetObjectCommand({ ...this.#objectLocation(org, id), ResponseContentType: contentType });
    return await mapTransientErrors(nothingReadDetail, () => getSignedUrl(this.#clientOf(org), command, { expiresIn }));
  }

  async listKeys(org: string, after: string | undefined): Promise<Page<string>> {
    // The prefix must be exactly the one in the session policy.
    const command = new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: `${org}/`, StartAfter: after });
    const { Contents = [], IsTruncated } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).send(command),
    );
    return { items: Contents.flatMap(({ Key }) => Key ?? []), more: IsTruncated === true };
  }

  async deleteKeys(org: string, names: readonly string[]): Promise<void> {
    const Objects = names.map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } });
    const { Errors = [] } = await mapTransientErrors(notDeletedDetail, () => this.#clientOf(org).send(command));
    if (Errors.length > 0) throw new VaultError('unavailable', { detail: notDeletedDetail });
  }

  #objectLocation(org: string, id: string) {
    return { Bucket: this.#bucket, Key: `${org}/${id}.enc` };
  }

  #formLocation(org: string, id: string) {
    return { Bucket: this.#bucket, Key: `${org}/${id}.form` };
  }
}

/** 412: the source changed or the object exists. 409: another conditional write was in progress. */
const isConflict = (error: S3Refusal): boolean => hasStatus(error, 409, 412);

/** Whether the upload does not exist (any more). */
const isMissingUpload = (error: S3Refusal): boolean => error.name === 'NoSuchUpload';

/**
 * Whether the object does not exist. Only the status is checked, because a HEAD response has no body with an error
 * code. S3 returns 403 for a missing object if the caller has no permission to list the bucket (API reference of
 * HeadObject).
 */
const isMissingObject = (error: S3Refusal): boolean => hasStatus(error, 403, 404);
