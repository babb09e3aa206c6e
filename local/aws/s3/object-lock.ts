/**
 * Object Lock: retention and legal holds of object versions. Source: S3 user guide, "Locking objects with Object Lock"
 * and "Object Lock considerations".
 */
import type { BucketStore } from './object-store.ts';
import type { Stated } from './request-body.ts';
import { S3Error } from './s3-errors.ts';
import { amzHeader, type S3Context, type S3Request, statesDigest } from './s3-request.ts';
import { type Lock, type ObjectRecord, retentionModes, type VersionRecord } from './stored-records.ts';

export type Retention = NonNullable<Lock['retention']>;

export const dayMs = 24 * 3600_000;

export const protectedError = (): S3Error =>
  new S3Error('AccessDenied', 'Access Denied because object protected by object lock.');

/** @throws S3Error InvalidRequest if Object Lock is not enabled for the bucket */
export function checkLockEnabled({ objectLock }: BucketStore): void {
  if (objectLock === undefined) throw new S3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration');
}

/** The lock that the headers of an upload request. @throws S3Error InvalidArgument, InvalidRequest */
export function requestedLock(request: S3Request, bucket: BucketStore, now: Date): Lock {
  const mode = amzHeader(request, 'x-amz-object-lock-mode');
  const until = amzHeader(request, 'x-amz-object-lock-retain-until-date');
  const legalHold = amzHeader(request, 'x-amz-object-lock-legal-hold');
  if ([mode, until, legalHold].every((value) => value === undefined)) return { retention: null, legalHold: null };
  checkLockEnabled(bucket);
  if ((mode === undefined) !== (until === undefined)) {
    throw invalid('x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied');
  }
  return {
    retention: mode === undefined || until === undefined ? null : checkRetention(mode, until, now),
    legalHold: legalHold === undefined ? null : checkLegalHold(legalHold),
  };
}

/** @throws S3Error InvalidArgument */
export function checkRetention(mode: string, until: string, now: Date): Retention {
  const known = retentionModes.find((one) => one === mode);
  if (known === undefined) throw invalid('Unknown wormMode directive.');
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(until)
    ? Date.parse(until)
    : Number.NaN;
  if (Number.isNaN(time)) throw invalid('The retain until date must be provided in ISO 8601 format');
  if (time <= now.getTime()) throw invalid('The retain until date must be in the future!');
  return { mode: known, until: new Date(time).toISOString() };
}

/** @throws S3Error InvalidArgument */
export function checkLegalHold(status: string): NonNullable<Lock['legalHold']> {
  if (status === 'ON' || status === 'OFF') return status;
  throw invalid('Legal Hold must be either of ON or OFF');
}

const invalid = (message: string): S3Error => new S3Error('InvalidArgument', message);

/** The lock of a new version: a version without a retention of its own gets the default retention of the bucket. */
export function newLock(requested: Lock, { objectLock }: BucketStore, now: Date): Lock {
  const rule = objectLock?.defaultRetention;
  if (requested.retention !== null || rule === undefined) return requested;
  const until = new Date(now.getTime() + (rule.Days ?? 0) * dayMs);
  if (rule.Years !== undefined) until.setUTCFullYear(until.getUTCFullYear() + rule.Years);
  return { ...requested, retention: { mode: rule.Mode, until: until.toISOString() } };
}

/**
 * S3 accepts a version that will be locked only with a digest of its bytes in the request. The signed payload hash is
 * not enough.
 * @throws S3Error InvalidRequest
 */
export function requireDigest(
  stated: Stated,
  { retention, legalHold }: Lock,
  { objectLock }: BucketStore,
  what: 'Put Object' | 'Put Part' = 'Put Object',
): void {
  if (retention === null && legalHold === null && objectLock?.defaultRetention === undefined) return;
  if (statesDigest(stated)) return;
  throw new S3Error(
    'InvalidRequest',
    `Content-MD5 OR x-amz-checksum- HTTP header is required for ${what} requests with Object Lock parameters`,
  );
}

export const isRetained = ({ retention }: Lock, now: Date): boolean =>
  retention !== null && new Date(retention.until) > now;

/** Whether Object Lock forbids the permanent deletion of a version. Delete markers are never locked. */
export function isLocked(record: VersionRecord, now: Date, bypassGovernance = false): boolean {
  if (record.kind === 'deleteMarker') return false;
  const { lock } = record;
  const retained = isRetained(lock, now) && !(bypassGovernance && lock.retention?.mode === 'GOVERNANCE');
  return lock.legalHold === 'ON' || retained;
}

/** Whether the request bypasses governance retention, which requires a header and a permission. */
export const bypassesGovernance = async ({ request, allows }: S3Context, key: string): Promise<boolean> =>
  amzHeader(request, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true' &&
  (await allows('s3:BypassGovernanceRetention', key));

/** The response headers of a lock. S3 leaves out what the caller has no permission to read. */
export async function lockHeaders({ key, lock }: ObjectRecord, { allows }: S3Context): Promise<Record<string, string>> {
  const { retention, legalHold } = lock;
  return {
    ...(retention !== null &&
      (await allows('s3:GetObjectRetention', key)) && {
        'x-amz-object-lock-mode': retention.mode,
        'x-amz-object-lock-retain-until-date': retention.until,
      }),
    ...(legalHold !== null &&
      (await allows('s3:GetObjectLegalHold', key)) && { 'x-amz-object-lock-legal-hold': legalHold }),
  };
}
