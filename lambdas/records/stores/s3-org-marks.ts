import type { directoryMarkPrefix, orgMarkPrefix } from '../../../contract/shared/environment-variables.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { S3ObjectClient } from '../../aws/s3-object-client.ts';
import { nothingReadDetail, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, type S3Refusal, s3StatusOf, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type { OrgMarkStore, StoredOrgMark } from '../record-ports.ts';

/** Marks in the locked bucket: `marks/<org>` and `directories/<org>`. */
export class S3OrgMarks implements OrgMarkStore {
  readonly #clientOf: (org: string) => S3ObjectClient;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(
    clientOf: (org: string) => S3ObjectClient,
    bucket: string,
    prefix: typeof orgMarkPrefix | typeof directoryMarkPrefix,
  ) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async read(org: string): Promise<StoredOrgMark | undefined> {
    try {
      return await undefinedIfRefused(isMissing, nothingReadDetail, () =>
        this.#clientOf(org).getText(this.#location(org)),
      );
    } catch (error) {
      // S3 responds with 403 for a missing object to a caller that may not list the bucket, and no function may list
      // marks. A missing mark can therefore not be distinguished from a wrong policy. Neither is a fault of the caller.
      throw s3StatusOf(error) === 403 ? new VaultError('unavailable', { detail: nothingReadDetail }) : error;
    }
  }

  async write(org: string, text: string, before: string | undefined): Promise<string | undefined> {
    const input = {
      ...this.#location(org),
      Body: text,
      ContentType: 'application/json',
      ...(before === undefined ? { IfNoneMatch: '*' } : { IfMatch: before }),
    };
    return await undefinedIfRefused(isConflict, writeOutcomeUnknownDetail, () => this.#clientOf(org).putText(input));
  }

  #location(org: string) {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${org}` };
  }
}

const isMissing = (error: S3Refusal): boolean => hasStatus(error, 404);

/**
 * 404: the object to replace does not exist. 409: another conditional write was in progress
 * (ConditionalRequestConflict). 412: the condition failed.
 */
const isConflict = (error: S3Refusal): boolean => hasStatus(error, 404, 409, 412);
