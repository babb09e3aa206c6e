/** Lifecycle rules of a bucket. Source: S3 user guide, "Managing the lifecycle of objects". */
import type { LifecycleRule } from '../cloudformation/resource-schemas.ts';
import { dayMs, isLocked } from './object-lock.ts';
import type { BucketStore } from './object-store.ts';
import type { VersionRecord } from './stored-records.ts';

export interface LifecycleResult {
  /** Keys of the removed objects and versions. */
  readonly expired: readonly string[];
  /** Keys of the aborted multipart uploads. */
  readonly aborted: readonly string[];
}

/**
 * Applies the rules as of `now`. S3 applies a rule some time after it is due and does not report it. Locked versions
 * are never removed.
 */
export function applyLifecycleRules(bucket: BucketStore, rules: readonly LifecycleRule[], now: Date): LifecycleResult {
  const active = rules.filter(({ Status }) => Status === 'Enabled');
  const expired = bucket
    .list()
    .filter((record) =>
      active.some((rule) => covers(rule, record) && isDue(record.modifiedAt, rule.ExpirationInDays, now)),
    )
    .map(({ key }) => key);
  for (const key of expired) bucket.delete(key, now);
  const removed = bucket.keys().flatMap((key) => expiredVersions(bucket.versions(key), active, now));
  for (const record of removed) bucket.remove(record);
  if (expired.length + removed.length > 0) bucket.sync();
  const aborted = bucket
    .uploads()
    .map(({ record }) => record)
    .filter(({ key, initiatedAt }) =>
      active.some(
        (rule) =>
          key.startsWith(rule.Prefix ?? '') &&
          isDue(initiatedAt, rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation, now),
      ),
    );
  for (const { uploadId } of aborted) bucket.endUpload(uploadId);
  return { expired: [...expired, ...removed.map(({ key }) => key)], aborted: aborted.map(({ key }) => key) };
}

/** The noncurrent versions that are due, or a delete marker that hides nothing. @param versions the latest first */
function expiredVersions(
  versions: readonly VersionRecord[],
  active: readonly LifecycleRule[],
  now: Date,
): readonly VersionRecord[] {
  const [latest, ...noncurrent] = versions;
  if (latest?.kind === 'deleteMarker' && noncurrent.length === 0) {
    const isExpired = ({ Prefix = '', ExpiredObjectDeleteMarker, ExpirationInDays }: LifecycleRule) =>
      latest.key.startsWith(Prefix) &&
      (ExpiredObjectDeleteMarker === true || isDue(latest.modifiedAt, ExpirationInDays, now));
    return active.some(isExpired) ? [latest] : [];
  }
  return noncurrent.filter(
    (record, i) =>
      !isLocked(record, now) &&
      // A version is noncurrent since its successor exists.
      active.some(
        (rule) =>
          covers(rule, record) &&
          isDue(versions[i]?.modifiedAt ?? record.modifiedAt, rule.NoncurrentVersionExpiration?.NoncurrentDays, now),
      ),
  );
}

/** Whether the filter of a rule selects a version. Delete markers have no tags and no size. */
function covers(rule: LifecycleRule, record: VersionRecord): boolean {
  const [size, tags] = record.kind === 'object' ? [record.size, record.tags] : [0, {} as Record<string, string>];
  return (
    record.key.startsWith(rule.Prefix ?? '') &&
    rule.TagFilters.every(({ Key, Value }) => Object.hasOwn(tags, Key) && tags[Key] === Value) &&
    size > (rule.ObjectSizeGreaterThan ?? -1) &&
    size < (rule.ObjectSizeLessThan ?? Number.POSITIVE_INFINITY)
  );
}

// S3 adds the days, then rounds up to the next midnight in UTC.
const isDue = (since: string, days: number | undefined, now: Date): boolean =>
  days !== undefined && Math.ceil(new Date(since).getTime() / dayMs + days) * dayMs <= now.getTime();
