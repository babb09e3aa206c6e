/** Creates the template's tables in the engine. Existing tables are not changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { TableSpec } from '../cloudformation/deployment-spec.ts';
import { LocalError } from '../shared/errors.ts';
import type { DynamoDbEngine } from './dynamodb-engine.ts';

const activeTimeoutMs = 5_000;

const descriptionSchema = z.object({
  Table: z.object({
    TableStatus: z.string(),
    KeySchema: z.array(z.object({ AttributeName: z.string(), KeyType: z.string() })),
  }),
});

/**
 * Throws a LocalError if an existing table's key schema differs from the template, or if a table does not become
 * active.
 */
export async function ensureTables(engine: DynamoDbEngine, tables: readonly TableSpec[]): Promise<void> {
  await engine.protect(tables);
  await Promise.all(tables.map((table) => ensureTable(engine, table)));
}

async function ensureTable(engine: DynamoDbEngine, table: TableSpec): Promise<void> {
  const existing = await describeTable(engine, table.tableName);
  if (existing === undefined) await createTable(engine, table);
  else if (JSON.stringify(existing.KeySchema) !== JSON.stringify(keyAttributesOf(table))) {
    throw new LocalError(
      `The key schema of the table ${table.tableName} in the data folder differs from the template. Nothing was changed. ` +
        `Start with a new folder (--data), or move the old folder elsewhere.`,
    );
  }
  await waitUntilActive(engine, table.tableName);
}

async function createTable(engine: DynamoDbEngine, table: TableSpec): Promise<void> {
  const { tableName, AttributeDefinitions, GlobalSecondaryIndexes, LocalSecondaryIndexes } = table;
  const { status, body } = await engine.call('CreateTable', {
    TableName: tableName,
    AttributeDefinitions,
    KeySchema: keyAttributesOf(table),
    BillingMode: 'PAY_PER_REQUEST',
    ...(GlobalSecondaryIndexes && { GlobalSecondaryIndexes }),
    ...(LocalSecondaryIndexes && { LocalSecondaryIndexes }),
  });
  if (status !== 200) throw new LocalError(`The DynamoDB emulator did not create the table ${tableName}: ${body}`);
}

async function waitUntilActive(engine: DynamoDbEngine, tableName: string): Promise<void> {
  const deadline = Date.now() + activeTimeoutMs;
  while ((await describeTable(engine, tableName))?.TableStatus !== 'ACTIVE') {
    if (Date.now() > deadline) {
      throw new LocalError(
        `The table ${tableName} is incomplete: an earlier start was killed while it created the data folder. ` +
          `The table has no data. Start with a new folder (--data), or delete this folder if it was never in use.`,
      );
    }
    await sleep(2);
  }
}

async function describeTable(engine: DynamoDbEngine, tableName: string) {
  const { status, body } = await engine.call('DescribeTable', { TableName: tableName });
  if (status === 200) return descriptionSchema.parse(JSON.parse(body)).Table;
  if (body.includes('ResourceNotFoundException')) return undefined;
  throw new LocalError(`The DynamoDB emulator cannot describe the table ${tableName}: ${body}`);
}

const keyAttributesOf = ({ KeySchema }: TableSpec) =>
  KeySchema.map(({ AttributeName, KeyType }) => ({ AttributeName, KeyType }));
