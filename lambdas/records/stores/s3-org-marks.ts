import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { orgMarkPrefix } from '../../../contract/shared/environment-variables.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  writeOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import type { OrgMarkStore, StoredOrgMark } from '../record-ports.ts';

const missingStatuses = [404];
/**
 * S3 responds with 403 for a missing object to a caller that may not list the bucket, and no function may list marks. A
 * missing mark can therefore not be distinguished from a wrong policy. Neither is a fault of the caller.
 */
const forbiddenStatus = 403;
/**
 * 404: the object to replace does not exist. 409: another conditional write was in progress
 * (ConditionalRequestConflict). 412: the condition failed.
 */
const refusedStatuses = [404, 409, 412];

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
    return await undefinedIfStatus(missingStatuses, () =>
      mapForbidden(async () => {
        const { Body, ETag } = await this.#clientOf(org).send(command);
        return { text: (await Body?.transformToString()) ?? '', etag: ETag ?? '' };
      }),
    );
  }

  async write(org: string, text: string, before: string | undefined): Promise<string | undefined> {
    const command = new PutObjectCommand({
      ...this.#location(org),
      Body: text,
      ContentType: 'application/json',
      // A bucket with Object Lock requires a checksum (API reference of PutObject).
      ChecksumSHA256: createHash('sha256').update(text).digest('base64'),
      ...(before === undefined ? { IfNoneMatch: '*' } : { IfMatch: before }),
    });
    return await undefinedIfStatus(refusedStatuses, () =>
      mapTransientErrors(writeOutcomeUnknownDetail, async () => (await this.#clientOf(org).send(command)).ETag ?? ''),
    );
  }

  #location(org: string) {
    return { Bucket: this.#bucket, Key: `${orgMarkPrefix}${org}` };
  }
}

/** @throws VaultError `unavailable` */
async function mapForbidden<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await mapTransientErrors(nothingReadDetail, read);
  } catch (error) {
    const isForbidden = error instanceof S3ServiceException && error.$metadata.httpStatusCode === forbiddenStatus;
    throw isForbidden ? new VaultError('unavailable', { detail: nothingReadDetail }) : error;
  }
}

async function undefinedIfStatus<T>(expected: readonly number[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status !== undefined && expected.includes(status)) return undefined;
    throw error;
  }
}
