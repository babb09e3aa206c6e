/** Derives from a blob's record its state, its public fields, and how long the record and the object are kept. */
import type { BlobInfo, BlobState, LookAtLinkResponse } from '../../contract/blobs/wire.ts';
import { keptLifetimeValue, objectLifetimeDays } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { StoredBlob } from './blob-ports.ts';

const daySeconds = 86_400;
/** Days for which the record of an ended blob is kept, so that requests get a specific error. */
const recordRetentionDays = 30;

/** Time in seconds since 1970 until which the record of a blob that ended at the given time is kept. */
export const recordRetentionEnd = (ended: string | Date): number =>
  Math.ceil(new Date(ended).getTime() / 1000) + recordRetentionDays * daySeconds;

/** The record; undefined if its TTL has passed and DynamoDB has not deleted it yet. */
export const unlessTtlPassed = (blob: StoredBlob | undefined, now: Date): StoredBlob | undefined =>
  blob?.ttl !== undefined && blob.ttl * 1000 <= now.getTime() ? undefined : blob;

const isSpent = ({ openings, maxOpens }: StoredBlob): boolean => maxOpens !== undefined && openings >= maxOpens;

/**
 * The state at a time. `spent` takes precedence over `expired`, because an expired blob cannot be opened any more and
 * so was spent before.
 */
export function effectiveState(blob: StoredBlob, now: Date): BlobState {
  if (blob.state === 'deleted' || blob.state === 'burned') return blob.state;
  if (isSpent(blob)) return 'spent';
  if (hasPassed(blob.expiresAt, now)) return 'expired';
  if (blob.state === 'uploading') return hasPassed(blob.uploadUntil, now) ? 'expired' : 'uploading';
  return 'ready';
}

/**
 * Checks that a blob can be opened now.
 * @throws VaultError `blob_not_uploaded`, `blob_expired`, `blob_spent` (also for a burned blob), `blob_deleted`
 */
export function assertReady(blob: StoredBlob, now: Date): void {
  const state = effectiveState(blob, now);
  if (state === 'ready') return;
  if (state === 'burned') throw new VaultError('blob_spent', { detail: 'A reader has destroyed it.' });
  if (state === 'uploading') throw new VaultError('blob_not_uploaded');
  throw new VaultError(`blob_${state}`);
}

/** Checks that a blob is being uploaded. @throws VaultError `blob_completed`, `blob_expired`, `blob_deleted` */
export function assertUploading(blob: StoredBlob, now: Date): void {
  if (blob.state === 'ready') throw new VaultError('blob_completed');
  if (blob.state !== 'uploading') throw new VaultError('blob_deleted');
  if (effectiveState(blob, now) !== 'uploading') {
    throw new VaultError('blob_expired', { detail: 'The upload was not completed in time.' });
  }
}

const timeFields = ({ createdAt, expiresAt }: StoredBlob) => ({
  createdAt,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

/** The fields returned to API keys of the organization: without locator and verifiers. */
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

/** The fields returned to anyone with the link. */
export function toLinkPreview(blob: StoredBlob): LookAtLinkResponse {
  const { size = 0, openings, maxOpens, burn } = blob;
  const openingsLeft = maxOpens === undefined ? {} : { openingsLeft: Math.max(0, maxOpens - openings) };
  return { size, ...timeFields(blob), ...openingsLeft, burn };
}

/**
 * The shortest available object lifetime that outlasts the blob. S3 counts it from the creation of the object, which is
 * not before that of the blob. A download URL issued just before the expiry must still work.
 */
export function objectLifetimeOf({ createdAt, expiresAt }: StoredBlob): string {
  if (expiresAt === undefined) return keptLifetimeValue;
  const seconds = (Date.parse(expiresAt) - Date.parse(createdAt)) / 1000 + limits.blobPresignedUrlSeconds;
  const days = objectLifetimeDays.find((lifetime) => lifetime * daySeconds >= seconds);
  return days === undefined ? keptLifetimeValue : String(days);
}

/**
 * The object lifetime set after the last opening: the shortest one, which leaves time for downloads that were already
 * authorized.
 */
export const [spentObjectLifetime] = objectLifetimeDays.map(String) as [string];
