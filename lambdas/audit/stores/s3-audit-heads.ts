/** Seals in the locked bucket: `heads/<org>/<number in 12 digits>`. Error texts from S3 are never passed on. */
import { setTimeout } from 'node:timers/promises';
import {
  ChecksumAlgorithm,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { auditHeadPrefix } from '../../../contract/shared/environment-variables.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { hasStatus, s3StatusOf, undefinedIfRefused } from '../../shared/stores/s3-refusals.ts';
import type { AuditHeadStore, StoredHead, StoredSeal } from '../audit-ports.ts';

/** Number of digits of a seal number in its key. */
const seqDigits = 12;
const maxEntriesPerPage = 1000;
/** Maximum number of pages per list: more than the vault itself can fill. */
const maxPages = 10;
/** Attempts and pause in milliseconds if S3 reports that another conditional write to the same key is in progress. */
const maxAttempts = 5;
const retryPauseMs = 50;

const notStoredDetail = 'The seal may or may not have been stored. The next run continues.';

export class S3AuditHeads implements AuditHeadStore {
  readonly #clientOf: (org: string) => S3Client;
  readonly #bucket: string;

  constructor(clientOf: (org: string) => S3Client, bucket: string) {
    this.#clientOf = clientOf;
    this.#bucket = bucket;
  }

  async listHeads(org: string, after: number, limit: number): Promise<Page<StoredHead>> {
    const found = new FoundHeads(org);
    let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } =
      after === 0 ? {} : { KeyMarker: headKey(org, after) };
    for (let page = 0; page < maxPages; page++) {
      const command = new ListObjectVersionsCommand({
        Bucket: this.#bucket,
        // The prefix must be exactly the one in the session policy.
        Prefix: orgPrefix(org),
        ...marker,
        // One more shows that the last head is complete. The others are for heads with several versions.
        MaxKeys: page === 0 ? Math.min(maxEntriesPerPage, limit + 8) : maxEntriesPerPage,
      });
      const listed = await mapTransientErrors(nothingReadDetail, () => this.#clientOf(org).send(command));
      for (const { Key, VersionId, Size } of listed.Versions ?? []) found.add(Key, VersionId, Size);
      if (listed.IsTruncated !== true) return found.page(limit, undefined);
      marker = { KeyMarker: listed.NextKeyMarker, VersionIdMarker: listed.NextVersionIdMarker };
      // More versions of the last key can follow.
      const result = found.page(limit, listed.NextKeyMarker);
      if (result.items.length >= limit) return result;
    }
    return found.incompletePage(limit, marker.KeyMarker);
  }

  async readVersion(org: string, seq: number, VersionId: string): Promise<string | undefined> {
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: headKey(org, seq), VersionId });
    return await undefinedIfRefused(
      (error) => hasStatus(error, 404),
      nothingReadDetail,
      async () => {
        const { Body } = await this.#clientOf(org).send(command);
        return await Body?.transformToString();
      },
    );
  }

  async addHead(org: string, seal: StoredSeal): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#put(org, seal, '*');
        return true;
      } catch (error) {
        if (s3StatusOf(error) === 412) return false;
        // ConditionalRequestConflict: S3 could not decide which of two concurrent writes comes first.
        if (s3StatusOf(error) !== 409) throw error;
        if (attempt === maxAttempts) throw new VaultError('unavailable', { detail: notStoredDetail });
        await setTimeout(retryPauseMs * attempt);
      }
    }
  }

  async addVersion(org: string, seal: StoredSeal): Promise<void> {
    await this.#put(org, seal, undefined);
  }

  async #put(org: string, { seq, jws }: StoredSeal, IfNoneMatch: '*' | undefined): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: headKey(org, seq),
      Body: jws,
      ContentType: 'application/jose',
      // Object Lock requires a checksum (S3 API reference, PutObject). The client computes it only if it is named.
      ChecksumAlgorithm: ChecksumAlgorithm.SHA256,
      IfNoneMatch,
    });
    await mapTransientErrors(notStoredDetail, () => this.#clientOf(org).send(command));
  }
}

const orgPrefix = (org: string): string => `${auditHeadPrefix}${org}/`;
const headKey = (org: string, seq: number): string => orgPrefix(org) + String(seq).padStart(seqDigits, '0');

/** Collects listed versions by head. Keys of another form are ignored: the vault does not create them. */
class FoundHeads {
  readonly #org: string;
  readonly #versions = new Map<number, { readonly id: string; readonly bytes: number }[]>();

  constructor(org: string) {
    this.#org = org;
  }

  add(key: string | undefined, id: string | undefined, bytes: number | undefined): void {
    const seq = this.#seqOf(key);
    if (seq === undefined || id === undefined) return;
    const versions = this.#versions.get(seq) ?? [];
    versions.push({ id, bytes: bytes ?? Number.POSITIVE_INFINITY });
    this.#versions.set(seq, versions);
  }

  /** The heads of which all versions are listed. @param openKey the last key of a list that goes on */
  page(limit: number, openKey: string | undefined): Page<StoredHead> {
    const open = this.#seqOf(openKey);
    const heads = [...this.#versions.keys()].filter((seq) => seq !== open);
    const items = heads.slice(0, limit).map((seq) => this.#head(seq, true));
    return { items, more: openKey !== undefined || heads.length > limit };
  }

  /** The page if the list was abandoned. It is empty if the listed objects are no heads. */
  incompletePage(limit: number, openKey: string | undefined): Page<StoredHead> {
    const page = this.page(limit, openKey);
    if (page.items.length > 0) return page;
    const open = this.#seqOf(openKey);
    return { items: open === undefined ? [] : [this.#head(open, false)], more: true };
  }

  #head(seq: number, complete: boolean): StoredHead {
    // S3 lists the newest version first.
    return { seq, versions: (this.#versions.get(seq) ?? []).toReversed(), complete };
  }

  #seqOf(key: string | undefined): number | undefined {
    const digits = key?.slice(orgPrefix(this.#org).length) ?? '';
    return /^[0-9]{12}$/.test(digits) && Number(digits) > 0 ? Number(digits) : undefined;
  }
}
