import { type BackupClient, ListRecoveryPointsByResourceCommand } from '@aws-sdk/client-backup';
import { DescribeContinuousBackupsCommand, type DynamoDBClient, ListBackupsCommand } from '@aws-sdk/client-dynamodb';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import type { Backup, FindBackups, TableBackups } from '../shred-ports.ts';

/** Maximum number of pages read from each list. A page can contain 100 backups or more. */
const maxPages = 5;

export interface BackupClients {
  readonly dynamo: DynamoDBClient;
  readonly backup: BackupClient;
}

export interface BackedUpTable {
  readonly name: string;
  readonly arn: string;
}

/**
 * Finds the backups of a table in DynamoDB and in AWS Backup. DynamoDB lists its own backups and reports whether
 * point-in-time recovery is enabled. Only AWS Backup lists "backups made with AWS Backup" completely (API reference of
 * ListBackups).
 */
export const createBackupFinder =
  ({ dynamo, backup }: BackupClients, { name, arn }: BackedUpTable): FindBackups =>
  async () => {
    const [recovery, own, aws] = await Promise.all([
      describePointInTimeRecovery(dynamo, name),
      listDynamoBackups(dynamo, name),
      listRecoveryPoints(backup, arn),
    ]);
    const backups = new Map([...own.backups, ...aws.backups].map((one) => [one.arn, one]));
    return { ...recovery, backups: [...backups.values()], complete: own.complete && aws.complete };
  };

type BackupList = Pick<TableBackups, 'backups' | 'complete'>;

async function describePointInTimeRecovery(
  client: DynamoDBClient,
  TableName: string,
): Promise<Pick<TableBackups, 'pointInTimeRecovery' | 'earliestRestorable'>> {
  const command = new DescribeContinuousBackupsCommand({ TableName });
  const { ContinuousBackupsDescription } = await mapTransientErrors(nothingReadDetail, () => client.send(command));
  const { PointInTimeRecoveryStatus: status, EarliestRestorableDateTime: earliest } =
    ContinuousBackupsDescription?.PointInTimeRecoveryDescription ?? {};
  // Any status other than DISABLED counts as enabled.
  return {
    pointInTimeRecovery: status === 'DISABLED' ? 'DISABLED' : 'ENABLED',
    ...(earliest === undefined ? {} : { earliestRestorable: earliest.toISOString() }),
  };
}

async function listDynamoBackups(client: DynamoDBClient, TableName: string): Promise<BackupList> {
  const backups: Backup[] = [];
  let start: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const command = new ListBackupsCommand({
      TableName,
      // By default ListBackups lists only manual backups.
      BackupType: 'ALL',
      ExclusiveStartBackupArn: start,
    });
    const { BackupSummaries = [], LastEvaluatedBackupArn } = await mapTransientErrors(nothingReadDetail, () =>
      client.send(command),
    );
    for (const { BackupArn = '', BackupType = 'USER', BackupStatus, BackupCreationDateTime } of BackupSummaries) {
      if (BackupStatus !== 'DELETED') backups.push(toBackup(BackupArn, BackupType, BackupCreationDateTime));
    }
    start = LastEvaluatedBackupArn;
    if (start === undefined) return { backups, complete: true };
  }
  return { backups, complete: false };
}

async function listRecoveryPoints(client: BackupClient, ResourceArn: string): Promise<BackupList> {
  const backups: Backup[] = [];
  let next: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const command = new ListRecoveryPointsByResourceCommand({ ResourceArn, NextToken: next });
    const { RecoveryPoints = [], NextToken } = await mapTransientErrors(nothingReadDetail, () => client.send(command));
    for (const { RecoveryPointArn = '', CreationDate } of RecoveryPoints) {
      backups.push(toBackup(RecoveryPointArn, 'AWS_BACKUP', CreationDate));
    }
    next = NextToken;
    if (next === undefined) return { backups, complete: true };
  }
  return { backups, complete: false };
}

const toBackup = (arn: string, type: string, createdAt: Date | undefined): Backup => ({
  arn,
  type,
  createdAt: createdAt?.toISOString() ?? '',
});
