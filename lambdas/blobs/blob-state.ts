/** What follows from the record of a blob: its state, what may be told of it, and how long it and its object stay. */
import type { BlobInfo, BlobState, LookAtLinkResponse } from '../../contract/blobs/wire.ts';
import { keptLifetimeValue, objectLifetimeDays } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { StoredBlob } from './blob-ports.ts';

const daySeconds = 86_400;
/** Days for which it is told that a blob was there. */
const recordRetentionDays = 30;

/** Seconds since 1970 until which a record is kept of what ended at a time. */
export const recordRetentionEnd = (ended: string | Date): number =>
  Math.ceil(new Date(ended).getTime() / 1000) + recordRetentionDays * daySeconds;

/** The record, unless it is one that only the sweeper has not come to yet. */
export const unlessTtlPassed = (blob: StoredBlob | undefined, now: Date): StoredBlob | undefined =>
  blob?.ttl !== undefined && blob.ttl * 1000 <= now.getTime() ? undefined : blob;

const isSpent = ({ openings, maxOpens }: StoredBlob): boolean => maxOpens !== undefined && openings >= maxOpens;

/** What came first counts: once spent, it could not expire before. */
export function effectiveState(blob: StoredBlob, now: Date): BlobState {
  if (blob.state === 'deleted' || blob.state === 'burned') return blob.state;
  if (isSpent(blob)) return 'spent';
  if (hasPassed(blob.expiresAt, now)) return 'expired';
  if (blob.state === 'uploading') return hasPassed(blob.uploadUntil, now) ? 'expired' : 'uploading';
  return 'ready';
}

/**
 * Lets only a blob pass that can be opened now.
 * @throws VaultError `blob_not_uploaded`, `blob_expired`, `blob_spent` (also of a burned one), `blob_deleted`
 */
export function assertReady(blob: StoredBlob, now: Date): void {
  const state = effectiveState(blob, now);
  if (state === 'ready') return;
  if (state === 'burned') throw new VaultError('blob_spent', { detail: 'It was destroyed by who has read it.' });
  if (state === 'uploading') throw new VaultError('blob_not_uploaded');
  throw new VaultError(`blob_${state}`);
}

/** Lets only a blob pass that is being uploaded. @throws VaultError `blob_completed`, `blob_expired`, `blob_deleted` */
export function assertUploading(blob: StoredBlob, now: Date): void {
  if (blob.state === 'ready') throw new VaultError('blob_completed');
  if (blob.state !== 'uploading') throw new VaultError('blob_deleted');
  if (effectiveState(blob, now) !== 'uploading') {
    throw new VaultError('blob_expired', { detail: 'Its upload was not complete in time.' });
  }
}

const timeFields = ({ createdAt, expiresAt }: StoredBlob) => ({
  createdAt,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/** What members of the organization may see: neither its locator, nor its verifiers. */
export function toBlobInfo(blob: StoredBlob, now: Date): BlobInfo {
  const { id, size, completedAt, openings, maxOpens, burn } = blob;
  return {
    id,
    state: effectiveState(blob, now),
    ...(size === undefined ? {} : { size }),
    ...timeFields(blob),
    ...(completedAt === undefined ? {} : { completedAt }),
    openings,
    ...(maxOpens === undefined ? {} : { maxOpens }),
    burn,
  };
}

/** What anyone with its link may see. */
export function toLinkPreview(blob: StoredBlob): LookAtLinkResponse {
  const { size = 0, openings, maxOpens, burn } = blob;
  const openingsLeft = maxOpens === undefined ? {} : { openingsLeft: Math.max(0, maxOpens - openings) };
  return { size, ...timeFields(blob), ...openingsLeft, burn };
}

/**
 * The least lifetime of objects that outlasts a blob. S3 counts it from the object's beginning, which is no earlier than the
 * blob's; what is opened in the last moment is still to be downloaded.
 */
export function objectLifetimeOf({ createdAt, expiresAt }: StoredBlob): string {
  if (expiresAt === undefined) return keptLifetimeValue;
  const seconds = (Date.parse(expiresAt) - Date.parse(createdAt)) / 1000 + limits.blobPresignedUrlSeconds;
  const days = objectLifetimeDays.find((lifetime) => lifetime * daySeconds >= seconds);
  return days === undefined ? keptLifetimeValue : String(days);
}

/** The lifetime of an object that nobody will ask for any more, once those who may have come to their download. */
export const [spentObjectLifetime] = objectLifetimeDays.map(String) as [string];
