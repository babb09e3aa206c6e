/** Operations on Object Lock. Source: S3 API reference, "PutObjectRetention" and related actions. */
import { existing } from './existing-version.ts';
import {
  bypassesGovernance,
  checkLegalHold,
  checkLockEnabled,
  checkRetention,
  isRetained,
  protectedError,
  type Retention,
} from './object-lock.ts';
import { S3Error } from './s3-errors.ts';
import { readXml, type S3Context, type S3Reply } from './s3-request.ts';
import type { ObjectRecord } from './stored-records.ts';
import { childText, malformed, type XmlElement, xmlReply } from './xml.ts';

const noLock = (): S3Error =>
  new S3Error('NoSuchObjectLockConfiguration', 'The specified object does not have a ObjectLock configuration');

export async function getObjectRetention(context: S3Context): Promise<S3Reply> {
  checkLockEnabled(context.bucket);
  const { retention } = (await existing(context)).lock;
  if (retention === null) throw noLock();
  return xmlReply('Retention', { Mode: retention.mode, RetainUntilDate: retention.until });
}

export async function putObjectRetention(context: S3Context): Promise<S3Reply> {
  const { request, bucket, now } = context;
  checkLockEnabled(bucket);
  await existing(context);
  const retention = readRetention(await readXml(request, { sealed: true }), now);
  const bypass = await bypassesGovernance(context, request.key);
  // Read the version again: it might have changed while the body was received, and that change must not be overwritten.
  const record = await existing(context);
  checkChange(record, retention, now, bypass);
  bucket.update({ ...record, lock: { ...record.lock, retention } });
  return { status: 200 };
}

/** An empty element removes the retention. */
function readRetention(document: XmlElement, now: Date): Retention | null {
  const [mode, until] = [childText(document, 'Mode'), childText(document, 'RetainUntilDate')];
  if (document.name !== 'Retention') throw malformed();
  if (mode === undefined && until === undefined) return null;
  if (mode === undefined || until === undefined) throw malformed();
  return checkRetention(mode, until, now);
}

/** A current retention can be extended. Any other change requires a bypass, which compliance mode does not have. */
function checkChange({ lock }: ObjectRecord, retention: Retention | null, now: Date, bypass: boolean): void {
  const { retention: current } = lock;
  if (current === null || !isRetained(lock, now)) return;
  const extends_ =
    retention !== null && retention.mode === current.mode && new Date(retention.until) >= new Date(current.until);
  if (!extends_ && !(bypass && current.mode === 'GOVERNANCE')) throw protectedError();
}

export async function getObjectLegalHold(context: S3Context): Promise<S3Reply> {
  checkLockEnabled(context.bucket);
  const { legalHold } = (await existing(context)).lock;
  if (legalHold === null) throw noLock();
  return xmlReply('LegalHold', { Status: legalHold });
}

export async function putObjectLegalHold(context: S3Context): Promise<S3Reply> {
  checkLockEnabled(context.bucket);
  await existing(context);
  const document = await readXml(context.request, { sealed: true });
  const status = childText(document, 'Status');
  if (document.name !== 'LegalHold' || status === undefined) throw malformed();
  const record = await existing(context);
  context.bucket.update({ ...record, lock: { ...record.lock, legalHold: checkLegalHold(status) } });
  return { status: 200 };
}

export async function getObjectLockConfiguration({ bucket }: S3Context): Promise<S3Reply> {
  if (bucket.objectLock === undefined) {
    throw new S3Error(
      'ObjectLockConfigurationNotFoundError',
      'Object Lock configuration does not exist for this bucket',
      { BucketName: bucket.name },
    );
  }
  const rule = bucket.objectLock.defaultRetention;
  return xmlReply('ObjectLockConfiguration', {
    ObjectLockEnabled: 'Enabled',
    ...(rule && { Rule: { DefaultRetention: rule } }),
  });
}
