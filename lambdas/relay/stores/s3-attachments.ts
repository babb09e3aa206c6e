import type { CreateAttachmentRequest } from '../../../contract/sessions/wire.ts';
import { objectLifetimeTag, sessionAttachmentDays } from '../../../contract/shared/environment-variables.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { S3ObjectClient } from '../../aws/s3-object-client.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, type S3Refusal, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type { AttachmentObjects } from '../attachment-service.ts';

/** A generic type, because the service does not know the content. */
const contentType = 'application/octet-stream';
const expiresSeconds = limits.blobPresignedUrlSeconds;

/** Without the permission to list the bucket, S3 answers 403 for a missing object (API reference of HeadObject). */
const isMissing = (error: S3Refusal): boolean => hasStatus(error, 403, 404);

/** Attachments in the bucket of blobs, as `<org>/session/<name>`. */
export class S3Attachments implements AttachmentObjects {
  readonly #clientOf: (org: string) => S3ObjectClient;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3ObjectClient, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async presignUpload(org: string, { name, bytes, sha256 }: CreateAttachmentRequest) {
    // S3 verifies the checksum, and refuses the request if there is an object of this name.
    const headers = {
      'content-type': contentType,
      'if-none-match': '*',
      'x-amz-checksum-sha256': sha256,
      'x-amz-tagging': `${objectLifetimeTag}=${sessionAttachmentDays}`,
    };
    // The length is signed too. Every client sends it by itself, and browsers let no page set it.
    const signed = { ...headers, 'content-length': String(bytes) };
    const url = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).presign({ method: 'PUT', headers: signed, expiresSeconds, ...this.#place(org, name) }),
    );
    return { url, headers };
  }

  async exists(org: string, name: string): Promise<boolean> {
    const found = await undefinedIfRefused(isMissing, nothingReadDetail, () =>
      this.#clientOf(org).headObject(this.#place(org, name)),
    );
    return found !== undefined;
  }

  presignDownload(org: string, name: string): Promise<string> {
    const query = { 'response-content-type': contentType };
    return mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).presign({ method: 'GET', query, expiresSeconds, ...this.#place(org, name) }),
    );
  }

  #place(org: string, name: string) {
    return { Bucket: this.#bucket, Key: `${org}/session/${name}` };
  }
}
