/**
 * Reports which copies of tables exist: backups and point-in-time recovery of DynamoDB, and recovery points of AWS
 * Backup. No table is ever copied; tests declare which copies to report.
 * Source: DynamoDB API reference 2012-08-10, AWS Backup API reference 2018-11-15.
 */
import { z } from 'zod';
import type { TableSpec } from '../cloudformation/deployment-spec.ts';
import type { EngineReply, ServiceEngine } from '../endpoint/service-engine.ts';
import {
  jsonErrorResponse,
  type ServiceMessage,
  type ServiceOperation,
  type WireProtocol,
} from '../endpoint/wire-protocols.ts';
import { account, arn } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';

export interface ReportedBackup {
  readonly table: string;
  /** DynamoDB lists `USER` and `SYSTEM`; AWS Backup lists `AWS_BACKUP`. */
  readonly type: 'USER' | 'SYSTEM' | 'AWS_BACKUP';
  readonly createdAt: Date;
}

interface PointInTimeRecovery {
  readonly earliest: Date;
}

const tableName = z.string();
const listSchema = z.strictObject({
  TableName: tableName.optional(),
  BackupType: z.enum(['USER', 'SYSTEM', 'AWS_BACKUP', 'ALL']).default('USER'),
  ExclusiveStartBackupArn: z.string().optional(),
  Limit: z.int().min(1).max(100).default(100),
});
const describeSchema = z.strictObject({ TableName: tableName });
const recoveryPointsInput = z.object({ ResourceArn: z.string() });

export class TableBackups {
  #backups: readonly (ReportedBackup & { readonly arn: string })[] = [];
  readonly #recovery = new Map<string, PointInTimeRecovery>();
  readonly #tables = new Set<string>();

  /**
   * Registers the tables of a template. Point-in-time recovery of a table starts at `now` if the template enables it.
   */
  follow(tables: readonly TableSpec[], now: Date): void {
    for (const { tableName: name, PointInTimeRecoverySpecification: specification } of tables) {
      this.#tables.add(name);
      if (specification?.PointInTimeRecoveryEnabled === true) this.#recovery.set(name, { earliest: now });
    }
  }

  /** Reports a backup from now on. */
  add(backup: ReportedBackup): void {
    const at = backup.createdAt.getTime();
    const name =
      backup.type === 'AWS_BACKUP'
        ? `arn:${account.partition}:backup:${account.region}:${account.id}:recovery-point:${at}-${this.#backups.length}`
        : arn('dynamodb', `table/${backup.table}/backup/${at}-${this.#backups.length}`);
    this.#backups = [...this.#backups, { ...backup, arn: name }];
  }

  /** Stops reporting the backups of a table. */
  clear(table: string): void {
    this.#backups = this.#backups.filter((backup) => backup.table !== table);
  }

  /** Reports point-in-time recovery as enabled since `earliest`, or as disabled. */
  setRecovery(table: string, earliest: Date | undefined): void {
    if (earliest === undefined) this.#recovery.delete(table);
    else this.#recovery.set(table, { earliest });
  }

  /** The DynamoDB response; undefined for an action that is not about copies. */
  dynamoDb(action: string, input: unknown): object | undefined {
    if (action === 'ListBackups') return this.#list(parseInput(listSchema, input));
    if (action === 'DescribeContinuousBackups') return this.#describe(parseInput(describeSchema, input).TableName);
    return undefined;
  }

  #list({ TableName, BackupType, ExclusiveStartBackupArn, Limit }: z.infer<typeof listSchema>): object {
    const wanted = this.#backups.filter(
      ({ table, type }) =>
        (TableName === undefined || table === TableName) &&
        // According to the API reference, `ALL` excludes backups made with AWS Backup.
        (BackupType === 'ALL' ? type !== 'AWS_BACKUP' : type === BackupType),
    );
    const start = wanted.findIndex((backup) => backup.arn === ExclusiveStartBackupArn) + 1;
    const page = wanted.slice(start, start + Limit);
    const BackupSummaries = page.map(({ table, type, createdAt, arn: BackupArn }) => ({
      TableName: table,
      BackupArn,
      BackupName: BackupArn.split('/').at(-1),
      BackupType: type,
      BackupStatus: 'AVAILABLE',
      BackupCreationDateTime: createdAt.getTime() / 1000,
    }));
    const more = start + Limit < wanted.length;
    return { BackupSummaries, ...(more && { LastEvaluatedBackupArn: page.at(-1)?.arn }) };
  }

  #describe(name: string): object {
    if (!this.#tables.has(name)) throw new ServiceError('TableNotFoundException', `Table not found: ${name}`);
    const recovery = this.#recovery.get(name);
    return {
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: 'ENABLED',
        PointInTimeRecoveryDescription:
          recovery === undefined
            ? { PointInTimeRecoveryStatus: 'DISABLED' }
            : {
                PointInTimeRecoveryStatus: 'ENABLED',
                RecoveryPeriodInDays: 35,
                EarliestRestorableDateTime: recovery.earliest.getTime() / 1000,
                LatestRestorableDateTime: Date.now() / 1000,
              },
      },
    };
  }

  /** The AWS Backup response for a table. */
  recoveryPoints(resourceArn: string): object {
    const points = this.#backups.filter(
      ({ table, type }) => type === 'AWS_BACKUP' && arn('dynamodb', `table/${table}`) === resourceArn,
    );
    return {
      RecoveryPoints: points.map(({ arn: RecoveryPointArn, createdAt }) => ({
        RecoveryPointArn,
        CreationDate: createdAt.getTime() / 1000,
        Status: 'COMPLETED',
        BackupVaultName: 'Default',
      })),
    };
  }
}

const recoveryPointsPath = /^\/resources\/([^/]+)\/recovery-points\/?$/;

const protocol: WireProtocol = {
  contentType: 'application/json',
  matches: ({ path }) => recoveryPointsPath.test(path),
  parseOperation: ({ path }: ServiceMessage): ServiceOperation => ({
    action: 'ListRecoveryPointsByResource',
    input: { ResourceArn: decodeURIComponent(recoveryPointsPath.exec(path)?.[1] ?? '') },
  }),
  formatError: jsonErrorResponse,
};

/** The part of the AWS Backup API that lists recovery points of a table. */
export const backupEngine = (copies: TableBackups): ServiceEngine => ({
  service: 'backup',
  protocol,
  run: async ({ input }): Promise<EngineReply> => {
    const { ResourceArn } = parseInput(recoveryPointsInput, input);
    return { status: 200, body: JSON.stringify(copies.recoveryPoints(ResourceArn)) };
  },
});

function parseInput<Input>(schema: z.ZodType<Input>, input: unknown): Input {
  const result = schema.safeParse(input);
  if (!result.success) throw new ServiceError('ValidationException', firstIssue(result.error));
  return result.data;
}
