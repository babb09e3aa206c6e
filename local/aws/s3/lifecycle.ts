/** Lifecycle rules of a bucket. Source: S3 user guide, "Managing the lifecycle of objects". */
import type { LifecycleRule } from '../cloudformation/resource-schemas.ts';
import type { BucketStore } from './object-store.ts';

export interface LifecycleResult {
  /** Keys of the removed objects. */
  readonly expired: readonly string[];
  /** Keys of the aborted multipart uploads. */
  readonly aborted: readonly string[];
}

const dayMs = 24 * 3600_000;

/** Applies the rules as of `now`. S3 applies a rule some time after it is due and does not report it. */
export function applyLifecycleRules(bucket: BucketStore, rules: readonly LifecycleRule[], now: Date): LifecycleResult {
  const active = rules.filter(({ Status }) => Status === 'Enabled');
  const expired = bucket
    .list()
    .filter(({ key, size, tags, modifiedAt }) =>
      active.some(
        (rule) =>
          key.startsWith(rule.Prefix ?? '') &&
          rule.TagFilters.every(({ Key, Value }) => Object.hasOwn(tags, Key) && tags[Key] === Value) &&
          size > (rule.ObjectSizeGreaterThan ?? -1) &&
          size < (rule.ObjectSizeLessThan ?? Number.POSITIVE_INFINITY) &&
          isDue(modifiedAt, rule.ExpirationInDays, now),
      ),
    )
    .map(({ key }) => key);
  for (const key of expired) bucket.delete(key);
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
  return { expired, aborted: aborted.map(({ key }) => key) };
}

// S3 adds the days, then rounds up to the next midnight in UTC.
const isDue = (since: string, days: number | undefined, now: Date): boolean =>
  days !== undefined && Math.ceil(new Date(since).getTime() / dayMs + days) * dayMs <= now.getTime();
