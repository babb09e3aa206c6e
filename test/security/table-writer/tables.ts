/** Reads, changes and restores all tables of a local stack, as an attacker with write access to them. */
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  ListTablesCommand,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { expect } from 'vitest';
import type { Item, LocalStack } from '../../shared/local-stack.ts';

/** The tables of the template, by the beginning of their logical ID, as the threat model names them. */
export const tableTitles = {
  ValuesTable: 'values',
  ApiKeysTable: 'API keys',
  KeyringsTable: 'keyrings',
  RotationsTable: 'rotations',
  BlobRecordsTable: 'blobs',
  UserCustodyKeyringsTable: 'user keyrings',
  UserCustodyRecordsTable: 'user records',
  UserCustodyDeliveriesTable: 'deliveries',
  DeviceCustodyRostersTable: 'device rosters',
  DeviceCustodyLogsTable: 'device logs',
  AuditTable: 'audit',
} as const;
export type TableId = keyof typeof tableTitles;
export const tableIds = Object.keys(tableTitles) as TableId[];

/**
 * Tables whose attacks need new processes, because functions keep the verified state of a directory:
 * test/sessions/hostile-tables.e2e.test.ts. The attacks on the tables of the broker, of approvals, of logins and of
 * requests for a secret are in test/broker, test/approvals, test/logins and test/secret-requests.
 */
const attackedElsewhere = [
  'SessionCustodyDirectoriesTable',
  'SessionCustodyMailboxesTable',
  'BrokerTable',
  'ApprovalsQuestionsTable',
  'LoginsTable',
  'SecretRequestsTable',
];

/** Items of all tables, by table and by the text of their key. */
export type Snapshot = Readonly<Record<TableId, ReadonlyMap<string, Item>>>;

export function keyNames(table: TableId): string[] {
  if (table === 'KeyringsTable' || table === 'RotationsTable') return ['org'];
  return ['org', table === 'ValuesTable' ? 'name' : 'id'];
}
export const keyOf = (table: TableId, item: Item): string =>
  keyNames(table)
    .map((name) => item[name]?.S ?? '')
    .join(' ');
export const keyAttributes = (table: TableId, item: Item): Item =>
  Object.fromEntries(keyNames(table).map((name) => [name, item[name] as AttributeValue]));

export class Tables {
  readonly #dynamo: DynamoDBClient;
  readonly #names: Readonly<Record<TableId, string>>;

  private constructor(dynamo: DynamoDBClient, names: Readonly<Record<TableId, string>>) {
    this.#dynamo = dynamo;
    this.#names = names;
  }

  /** Fails if the deployment has a table that is not listed above: its attributes must be attacked too. */
  static async open({ vault }: LocalStack): Promise<Tables> {
    const { operator, credentials, endpoints, resources } = vault;
    const dynamo = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
    const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
    const logicalIds = Object.entries(resources).flatMap(([id, name]) =>
      TableNames.includes(name) ? [[id, name]] : [],
    );
    expect(logicalIds).toHaveLength(TableNames.length);
    const prefixOf = (id: string) => tableIds.find((start) => id.startsWith(start)) ?? expect.fail(`new table ${id}`);
    const attacked = logicalIds.filter(([id = '']) => !attackedElsewhere.some((start) => id.startsWith(start)));
    expect(attacked).toHaveLength(logicalIds.length - attackedElsewhere.length);
    const names = Object.fromEntries(attacked.map(([id = '', name]) => [prefixOf(id), name]));
    expect(Object.keys(names).sort()).toEqual([...tableIds].sort());
    return new Tables(dynamo, names as Record<TableId, string>);
  }

  async read(table: TableId): Promise<ReadonlyMap<string, Item>> {
    const items: Item[] = [];
    const input = { TableName: this.#names[table], ConsistentRead: true };
    for await (const { Items = [] } of paginateScan({ client: this.#dynamo }, input)) items.push(...Items);
    return new Map(items.map((item) => [keyOf(table, item), item]));
  }

  async snapshot(): Promise<Snapshot> {
    const all = await Promise.all(tableIds.map(async (id) => [id, await this.read(id)] as const));
    return Object.fromEntries(all) as Record<TableId, ReadonlyMap<string, Item>>;
  }

  async put(table: TableId, item: Item): Promise<void> {
    await this.#dynamo.send(new PutItemCommand({ TableName: this.#names[table], Item: item }));
  }

  async remove(table: TableId, item: Item): Promise<void> {
    const Key = keyAttributes(table, item);
    await this.#dynamo.send(new DeleteItemCommand({ TableName: this.#names[table], Key }));
  }

  /** Makes the tables equal to a snapshot again. The audit may grow: requests record themselves. */
  async restore(snapshot: Snapshot, tables: readonly TableId[]): Promise<void> {
    await Promise.all(tables.map((table) => this.#restoreOne(table, snapshot[table])));
  }

  async #restoreOne(table: TableId, wanted: ReadonlyMap<string, Item>): Promise<void> {
    const current = await this.read(table);
    for (const [key, item] of current) {
      if (!wanted.has(key) && table !== 'AuditTable') await this.remove(table, item);
    }
    for (const [key, item] of wanted) {
      if (JSON.stringify(current.get(key)) !== JSON.stringify(item)) await this.put(table, item);
    }
  }
}
