/** Assesses which backups of a table may contain destroyed data. */
import type { BackupSearchResult } from '../../core/shredding/receipt-statements.ts';
import type { TableBackups } from './shred-ports.ts';

/** Maximum number of backups that a receipt lists. It counts all of them. */
const maxListedBackups = 25;

/** Tolerance in milliseconds: a backup may reflect a state up to this long before or after its creation time. */
const backupTimeToleranceMs = 5 * 60_000;

/**
 * Assesses the backups of a table for data that it contained from one time to another.
 * @param from RFC 3339; undefined if the data was never in the table
 * @param to RFC 3339
 */
export function assessBackups(
  tableBackups: TableBackups,
  from: string | undefined,
  to: string,
  now: Date,
): BackupSearchResult {
  const start = from === undefined ? Number.POSITIVE_INFINITY : Date.parse(from) - backupTimeToleranceMs;
  const end = Date.parse(to) + backupTimeToleranceMs;
  const assessed = tableBackups.backups.map((backup) => {
    const at = Date.parse(backup.createdAt);
    // An unparsable time could be any time.
    return { ...backup, relevant: Number.isNaN(at) ? from !== undefined : at >= start && at <= end };
  });
  const relevant = assessed.filter((backup) => backup.relevant);
  const others = assessed.filter((backup) => !backup.relevant);
  return {
    checkedAt: now.toISOString(),
    backups: [...relevant, ...others].slice(0, maxListedBackups),
    backupCount: assessed.length,
    complete: tableBackups.complete,
    pointInTimeRecovery: tableBackups.pointInTimeRecovery,
    ...(tableBackups.earliestRestorable === undefined ? {} : { earliestRestorable: tableBackups.earliestRestorable }),
  };
}

/** Merges the assessments of two tables. */
export function mergeAssessments(a: BackupSearchResult, b: BackupSearchResult): BackupSearchResult {
  const backups = [...a.backups, ...b.backups].toSorted((x, y) => Number(y.relevant) - Number(x.relevant));
  const earliest = [a.earliestRestorable, b.earliestRestorable].filter((time) => time !== undefined).sort()[0];
  return {
    checkedAt: a.checkedAt,
    backups: backups.slice(0, maxListedBackups),
    backupCount: a.backupCount + b.backupCount,
    complete: a.complete && b.complete,
    pointInTimeRecovery: b.pointInTimeRecovery === 'ENABLED' ? 'ENABLED' : a.pointInTimeRecovery,
    ...(earliest === undefined ? {} : { earliestRestorable: earliest }),
  };
}

/**
 * Whether any copy may contain data that the table held from one time to another. If that cannot be determined, the
 * result is true.
 */
export function canHoldCopy(
  tableBackups: TableBackups,
  assessment: BackupSearchResult,
  from: string | undefined,
  to: string,
): boolean {
  if (from === undefined) return false;
  if (!tableBackups.complete || assessment.backups.some(({ relevant }) => relevant)) return true;
  if (tableBackups.pointInTimeRecovery === 'DISABLED') return false;
  const { earliestRestorable } = tableBackups;
  return earliestRestorable === undefined || !(Date.parse(earliestRestorable) > Date.parse(to) + backupTimeToleranceMs);
}
