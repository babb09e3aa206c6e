/** What shredding needs from the world. As with all stores (ports.ts), reads are strongly consistent where that is possible. */

/** A backup of a table. */
export interface Backup {
  readonly arn: string;
  /** `USER`, `SYSTEM` or `AWS_BACKUP`. */
  readonly type: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** The copies of a table that exist at a moment. */
export interface TableBackups {
  readonly backups: readonly Backup[];
  /** Whether the list of backups is whole. */
  readonly complete: boolean;
  readonly pointInTimeRecovery: 'ENABLED' | 'DISABLED';
  /** RFC 3339: the earliest state that point-in-time recovery could bring back; absent when it can bring back none. */
  readonly earliestRestorable?: string | undefined;
}

/** Looks for copies of a table, made by whomever. @throws VaultError `unavailable` */
export type FindBackups = () => Promise<TableBackups>;

export interface ValueCounter {
  /** How many values there are in a stretch after a name, and where it ended; `last` is undefined at the end of the list. */
  countAfter(
    org: string,
    after: string | undefined,
  ): Promise<{ readonly count: number; readonly last: string | undefined }>;
}
