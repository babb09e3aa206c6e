/**
 * Files of messages in S3: `<org>/media/<user>/<id>.enc`, and files that the worker has not taken over yet:
 * `<org>/media/received/<id>.enc`. All of them are ciphertext (docs/format.md, section 12, "Files of messages").
 */
import {
  ChecksumAlgorithm,
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  TaggingDirective,
} from '@aws-sdk/client-s3';
import { keptLifetimeValue, objectLifetimeTag } from '../../../contract/shared/environment-variables.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, type S3Refusal, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type { UserItemStore } from '../../users/user-ports.ts';
import type { MediaStore } from '../conversation-ports.ts';
import { mediaFolder, receivedMediaKey, userMediaKey } from './media-object-keys.ts';

const kept = `${objectLifetimeTag}=${keptLifetimeValue}`;
const contentType = 'application/octet-stream';
const notStoredDetail = 'A file of the message was not stored.';
const notDeletedDetail = 'The stored data may still exist. Send the same request again.';

/** Timeout for storing or copying one file. */
const transferTimeoutMs = 10_000;
const transferOptions = () => ({
  requestTimeout: transferTimeoutMs,
  abortSignal: AbortSignal.timeout(transferTimeoutMs),
});

/** S3 returns 403 for a missing object if the caller has no permission to list its prefix. */
const isMissingObject = (error: S3Refusal): boolean => hasStatus(error, 403, 404);

export class S3Media implements MediaStore, UserItemStore {
  readonly #clientOf: (org: string) => S3Client;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3Client, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async put(owner: UserRef, id: string, object: Uint8Array): Promise<void> {
    const command = new PutObjectCommand({
      ...this.#location(owner, id),
      Body: object,
      ContentType: contentType,
      Tagging: kept,
    });
    await mapTransientErrors(notStoredDetail, () => this.#clientOf(owner.org).send(command, transferOptions()));
  }

  async takeOver(owner: UserRef, id: string): Promise<boolean> {
    const client = this.#clientOf(owner.org);
    const received = { Bucket: this.#bucket, Key: receivedMediaKey(owner.org, id) };
    const copy = new CopyObjectCommand({
      ...this.#location(owner, id),
      CopySource: `${received.Bucket}/${received.Key}`,
      // S3 computes the checksum of the copy from its bytes.
      ChecksumAlgorithm: ChecksumAlgorithm.SHA256,
      // The copy is kept until its user is deleted.
      TaggingDirective: TaggingDirective.REPLACE,
      Tagging: kept,
    });
    const copied = await undefinedIfRefused(isMissingObject, notStoredDetail, () =>
      client.send(copy, transferOptions()),
    );
    if (copied === undefined) return await this.#exists(owner, id);
    await mapTransientErrors(notStoredDetail, () => client.send(new DeleteObjectCommand(received)));
    return true;
  }

  /** Whether an earlier attempt took the file over. */
  async #exists(owner: UserRef, id: string): Promise<boolean> {
    const command = new HeadObjectCommand(this.#location(owner, id));
    const found = await undefinedIfRefused(isMissingObject, nothingReadDetail, () =>
      this.#clientOf(owner.org).send(command),
    );
    return found !== undefined;
  }

  async list(org: string, user: string | undefined, limit: number): Promise<Page<string>> {
    // Also without a user, the prefix must be one that the session policy allows.
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: mediaFolder(org, user),
      MaxKeys: limit,
    });
    const { Contents = [], IsTruncated } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).send(command),
    );
    return { items: Contents.flatMap(({ Key }) => Key ?? []), more: IsTruncated === true };
  }

  /** @param ids of one user, or object keys of an org */
  async delete(ownerOrOrg: UserRef | string, ids: readonly string[]): Promise<void> {
    const org = typeof ownerOrOrg === 'string' ? ownerOrOrg : ownerOrOrg.org;
    const keys = typeof ownerOrOrg === 'string' ? ids : ids.map((id) => this.#location(ownerOrOrg, id).Key);
    const Objects = keys.map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } });
    const { Errors = [] } = await mapTransientErrors(notDeletedDetail, () => this.#clientOf(org).send(command));
    if (Errors.length > 0) throw new VaultError('unavailable', { detail: notDeletedDetail });
  }

  #location(owner: UserRef, id: string) {
    return { Bucket: this.#bucket, Key: userMediaKey(owner, id) };
  }
}
