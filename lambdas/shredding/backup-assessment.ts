/** Judging the copies of a table that were found: which of them may hold what was destroyed. */
import type { BackupSearchResult } from '../../core/shredding/receipt-statements.ts';
import type { TableBackups } from './shred-ports.ts';

/** Backups that a receipt lists; it counts all. */
const maxListedBackups = 25;

/** What a backup holds is only known to about this long before and after its own time, milliseconds. */
const backupTimeToleranceMs = 5 * 60_000;

/**
 * Copies of a table in view of what lay in it from one time to another.
 * @param from RFC 3339; undefined when nothing ever did
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
    // A time that can't be read may be any.
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

/** What was found of two tables, as of one. */
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

/** Whether any copy may hold what lay in the table from one time to another. What can't be told counts as a copy. */
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
