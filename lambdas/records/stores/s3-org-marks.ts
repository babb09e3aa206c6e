import {
  ChecksumAlgorithm,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { orgMarkPrefix } from '../../../contract/shared/environment-variables.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { nothingReadDetail, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, s3StatusOf, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type { OrgMarkStore, StoredOrgMark } from '../record-ports.ts';

/** Marks in the locked bucket: `marks/<org>`. */
export class S3OrgMarks implements OrgMarkStore {
  readonly #clientOf: (org: string) => S3Client;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3Client, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async read(org: string): Promise<StoredOrgMark | undefined> {
    const command = new GetObjectCommand(this.#location(org));
    try {
      return await undefinedIfRefused(isMissing, nothingReadDetail, async () => {
        const { Body, ETag } = await this.#clientOf(org).send(command);
        return { text: (await Body?.transformToString()) ?? '', etag: ETag ?? '' };
      });
    } catch (error) {
      // S3 responds with 403 for a missing object to a caller that may not list the bucket, and no function may list
      // marks. A missing mark can therefore not be distinguished from a wrong policy. Neither is a fault of the caller.
      throw s3StatusOf(error) === 403 ? new VaultError('unavailable', { detail: nothingReadDetail }) : error;
    }
  }

  async write(org: string, text: string, before: string | undefined): Promise<string | undefined> {
    const command = new PutObjectCommand({
      ...this.#location(org),
      Body: text,
      ContentType: 'application/json',
      // Object Lock requires a checksum (S3 API reference, PutObject). The client computes it only if it is named.
      ChecksumAlgorithm: ChecksumAlgorithm.SHA256,
      ...(before === undefined ? { IfNoneMatch: '*' } : { IfMatch: before }),
    });
    return await undefinedIfRefused(
      isConflict,
      writeOutcomeUnknownDetail,
      async () => (await this.#clientOf(org).send(command)).ETag ?? '',
    );
  }

  #location(org: string) {
    return { Bucket: this.#bucket, Key: `${orgMarkPrefix}${org}` };
  }
}

const isMissing = (error: S3ServiceException): boolean => hasStatus(error, 404);

/**
 * 404: the object to replace does not exist. 409: another conditional write was in progress
 * (ConditionalRequestConflict). 412: the condition failed.
 */
const isConflict = (error: S3ServiceException): boolean => hasStatus(error, 404, 409, 412);
