/** Ports of shredding. Reads are strongly consistent where that is possible (api-keys/request-record-ports.ts). */

/** A backup of a table. */
export interface Backup {
  readonly arn: string;
  /** `USER`, `SYSTEM` or `AWS_BACKUP`. */
  readonly type: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** The copies of a table that exist at one time. */
export interface TableBackups {
  readonly backups: readonly Backup[];
  /** Whether the list of backups is complete. */
  readonly complete: boolean;
  readonly pointInTimeRecovery: 'ENABLED' | 'DISABLED';
  /** RFC 3339: the earliest state that point-in-time recovery can restore; absent if there is none. */
  readonly earliestRestorable?: string | undefined;
}

/** Finds all backups of a table, whoever created them. @throws VaultError `unavailable` */
export type FindBackups = () => Promise<TableBackups>;

export interface ValueCounter {
  /** Counts the values of one page after a name. `last` is the last name counted; undefined at the end of the list. */
  countAfter(
    org: string,
    after: string | undefined,
  ): Promise<{ readonly count: number; readonly last: string | undefined }>;
}
