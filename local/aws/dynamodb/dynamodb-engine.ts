/**
 * A DynamoDB emulator based on dynalite. It adds deletion protection and table backups, which dynalite does not
 * support.
 */

import { z } from 'zod';
import type { TableSpec } from '../cloudformation/deployment-spec.ts';
import type { EngineReply, ServiceEngine } from '../endpoint/service-engine.ts';
import { jsonProtocol } from '../endpoint/wire-protocols.ts';
import { ServiceError } from '../shared/errors.ts';
import { openTables, tablesOf } from './dynalite-store.ts';
import { externalTablesVariable, openExternalTables } from './external-tables.ts';
import { TableBackups } from './table-backups.ts';

export interface DynamoDbEngine extends ServiceEngine {
  /** Runs an action from within this process, without signature and hooks. */
  call(action: string, input: unknown): Promise<EngineReply>;
  /**
   * Sets the tables for which DeleteTable is refused, and the tables that must not be copied. Must be called before the
   * first item. @throws LocalError
   */
  protect(tables: readonly TableSpec[]): Promise<void>;
  close(): Promise<void>;
}

const protocol = jsonProtocol('DynamoDB_20120810.', '1.0');

/** @param path folder of the tables; null keeps them in memory @param copies emulates backups of tables */
export async function openDynamoDb(path: string | null, copies = new TableBackups()): Promise<DynamoDbEngine> {
  const external = process.env[externalTablesVariable];
  const tables = external === undefined ? await openTables(path) : openExternalTables(external, path);
  let protectedTables: ReadonlySet<string> = new Set();
  return {
    service: 'dynamodb',
    protocol,
    call: tables.call,
    async run({ action, input }) {
      if (action === 'DeleteTable' && tablesOf(input).some((table) => protectedTables.has(table))) {
        throw new ServiceError(
          'ValidationException',
          'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
        );
      }
      const answer = copies.dynamoDb(action, input);
      return answer === undefined ? tables.call(action, input) : { status: 200, body: JSON.stringify(answer) };
    },
    async protect(specs) {
      protectedTables = new Set(
        specs.filter((table) => table.DeletionProtectionEnabled).map(({ tableName }) => tableName),
      );
      await tables.eraseAtOnce(new Set(specs.filter(deniesCopies).map(({ tableName }) => tableName)));
    },
    close: tables.close,
  };
}

/**
 * Whether the resource policy of a table denies backups. The files of such a table must not be a copy of what was
 * deleted from it either.
 */
const deniesCopies = ({ ResourcePolicy }: TableSpec): boolean =>
  (ResourcePolicy?.PolicyDocument.Statement ?? []).some((statement) => {
    const parsed = denySchema.safeParse(statement);
    return parsed.success && [parsed.data.Action].flat().includes('dynamodb:CreateBackup');
  });

const denySchema = z.object({ Effect: z.literal('Deny'), Action: z.union([z.string(), z.array(z.string())]) });
