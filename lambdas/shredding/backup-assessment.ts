/** Judging the copies of a table that were found: which of them may hold what was destroyed. */
import type { BackupSearchResult } from '../../core/shredding/receipt-statements.ts';
import type { Copies } from './shred-ports.ts';

/** Backups that a receipt lists; it counts all. */
const listed = 25;

/** What a backup holds is only known to about this long before and after its own time, milliseconds. */
const blur = 5 * 60_000;

/**
 * Copies of a table in view of what lay in it from one time to another.
 * @param from RFC 3339; undefined when nothing ever did
 */
export function judge(copies: Copies, from: string | undefined, to: string, now: Date): BackupSearchResult {
  const start = from === undefined ? Number.POSITIVE_INFINITY : Date.parse(from) - blur;
  const end = Date.parse(to) + blur;
  const judged = copies.backups.map((backup) => {
    const at = Date.parse(backup.createdAt);
    // A time that can't be read may be any.
    return { ...backup, relevant: Number.isNaN(at) ? from !== undefined : at >= start && at <= end };
  });
  const relevant = judged.filter((backup) => backup.relevant);
  const others = judged.filter((backup) => !backup.relevant);
  return {
    checkedAt: now.toISOString(),
    backups: [...relevant, ...others].slice(0, listed),
    backupCount: judged.length,
    complete: copies.complete,
    pointInTimeRecovery: copies.pointInTimeRecovery,
    ...(copies.earliestRestorable === undefined ? {} : { earliestRestorable: copies.earliestRestorable }),
  };
}

/** What was found of two tables, as of one. */
export function together(a: BackupSearchResult, b: BackupSearchResult): BackupSearchResult {
  const backups = [...a.backups, ...b.backups].toSorted((x, y) => Number(y.relevant) - Number(x.relevant));
  const earliest = [a.earliestRestorable, b.earliestRestorable].filter((time) => time !== undefined).sort()[0];
  return {
    checkedAt: a.checkedAt,
    backups: backups.slice(0, listed),
    backupCount: a.backupCount + b.backupCount,
    complete: a.complete && b.complete,
    pointInTimeRecovery: b.pointInTimeRecovery === 'ENABLED' ? 'ENABLED' : a.pointInTimeRecovery,
    ...(earliest === undefined ? {} : { earliestRestorable: earliest }),
  };
}

/** Whether any copy may hold what lay in the table from one time to another. What can't be told counts as a copy. */
export function mayHold(copies: Copies, found: BackupSearchResult, from: string | undefined, to: string): boolean {
  if (from === undefined) return false;
  if (!copies.complete || found.backups.some(({ relevant }) => relevant)) return true;
  if (copies.pointInTimeRecovery === 'DISABLED') return false;
  const { earliestRestorable } = copies;
  return earliestRestorable === undefined || !(Date.parse(earliestRestorable) > Date.parse(to) + blur);
}
