/** Runs the deployed template on this machine for tests, over HTTP, with or without the SDK. */
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { type ErrorCode, errors, problemMediaType } from '../../contract/shared/error-codes.ts';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import { type LocalOptions, type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { Anima } from '../../sdk/src/index.ts';

export type Item = Record<string, AttributeValue>;

export interface LocalStack {
  readonly vault: LocalVault;
  /** SDK client with the agent key of the first org. */
  readonly client: Anima;
  clientOf(apiKey: string): Anima;
  /** Sends an HTTP request. With `key` undefined, no Authorization header is sent. */
  http(
    method: string,
    path: string,
    options?: { key?: string | undefined; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  /** Sends a request signed with the operator's credentials. */
  asOperator(method: string, path: string, body?: unknown): Promise<Response>;
  /** Creates another org and returns its admin key and an agent key. */
  newOrg(): Promise<{ org: string; adminKey: string; agentKey: string }>;
  /** Physical name of a table, by the prefix of its logical ID. */
  table(start: TablePrefix): string;
  getItem(table: string, key: Record<string, string>): Promise<Item>;
  putItem(table: string, item: Item): Promise<void>;
  deleteItem(table: string, key: Record<string, string>): Promise<void>;
  /** All items of a table. */
  allItems(table: string): Promise<Item[]>;
  /**
   * The AWS calls since the log was reset, as `service Action`, without those of functions that no request waits for.
   * Such a function can still be at work on what an earlier test started, so its calls would come at any time.
   */
  requestCalls(): string[];
}

const background = /^(?:RotationWorkflow|ShredWorkflow|Sealer|Publisher|Worker)/i;

type TablePrefix =
  | 'KeyringsTable'
  | 'RotationsTable'
  | 'ApiKeysTable'
  | 'ValuesTable'
  | 'AuditTable'
  | 'BlobRecordsTable'
  | 'UserCustodyKeyringsTable'
  | 'UserCustodyRecordsTable'
  | 'UserCustodyDeliveriesTable'
  | 'DeviceCustodyRostersTable'
  | 'DeviceCustodyLogsTable'
  | 'SessionCustodyDirectoriesTable'
  | 'SessionCustodyMailboxesTable'
  | 'BrokerTable'
  | 'ApprovalsQuestionsTable'
  | 'LoginsTable'
  | 'SecretRequestsTable';

/** Starts a stack before the tests of a file and stops it afterwards. */
export function useLocalStack(options: LocalOptions = {}): LocalStack {
  let started: LocalStack | undefined;
  beforeAll(async () => {
    started = await startLocalStack(options);
  });
  afterAll(async () => await started?.vault.close());
  return new Proxy({} as LocalStack, { get: (_, name) => Reflect.get(started ?? {}, name) });
}

export async function startLocalStack(options: LocalOptions = {}): Promise<LocalStack> {
  const vault = await startLocalVault({
    assembly: inject('assembly'),
    port: 0,
    memory: options.dataDir === undefined,
    ...options,
  });
  const clientOf = (apiKey: string) => new Anima({ apiKey, baseURL: vault.url });
  const dynamo = new DynamoDBClient({
    endpoint: vault.endpoints.dynamodb,
    region: vault.operator.region,
    credentials: vault.credentials,
  });
  const toKey = (key: Record<string, string>): Item =>
    Object.fromEntries(Object.entries(key).map(([k, S]) => [k, { S }]));

  const stack: LocalStack = {
    vault,
    client: clientOf(vault.agentKey),
    clientOf,
    http: async (method, path, { key, body, headers = {} } = {}) =>
      await fetch(vault.url + path, {
        method,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    asOperator: async (method, path, body) => {
      const url = new URL(path, vault.url);
      const text = body === undefined ? '' : JSON.stringify(body);
      const request = { method, url, headers: { 'content-type': 'application/json' }, body: text };
      const headers = await signRequest(request, 'execute-api', vault.operator);
      return await fetch(url, { method, headers, ...(text === '' ? {} : { body: text }) });
    },
    newOrg: async () => {
      const made = await stack.asOperator('POST', '/v1/orgs');
      expect(made.status).toBe(201);
      const { org, adminKey } = await made.json();
      const agent = await stack.http('POST', '/v1/keys', { key: adminKey.key, body: { role: 'agent' } });
      expect(agent.status).toBe(201);
      return { org, adminKey: adminKey.key, agentKey: (await agent.json()).key };
    },
    table: (start) => {
      const id = Object.keys(vault.resources).find((logicalId) => logicalId.startsWith(start));
      return vault.resources[id ?? ''] ?? expect.fail(`no table ${start}`);
    },
    getItem: async (table, key) => {
      const { Item } = await dynamo.send(
        new GetItemCommand({ TableName: table, Key: toKey(key), ConsistentRead: true }),
      );
      return Item ?? expect.fail('no such item');
    },
    putItem: async (table, item) => void (await dynamo.send(new PutItemCommand({ TableName: table, Item: item }))),
    deleteItem: async (table, key) =>
      void (await dynamo.send(new DeleteItemCommand({ TableName: table, Key: toKey(key) }))),
    allItems: async (table) => {
      const { Items, LastEvaluatedKey } = await dynamo.send(
        new ScanCommand({ TableName: table, ConsistentRead: true }),
      );
      expect(LastEvaluatedKey, 'more than one page').toBeUndefined();
      return Items ?? [];
    },
    requestCalls: () =>
      vault.calls
        .list()
        .filter(({ principal }) => !background.test(principal))
        .map(({ service, action }) => `${service} ${action}`),
  };
  return stack;
}

/** Asserts that a response is exactly the documented problem without internal details, and returns it. */
export async function expectProblem(answer: Response, code: ErrorCode): Promise<Record<string, unknown>> {
  const body = await answer.text();
  expect(body).toContain(code);
  const problem = JSON.parse(body);
  const { status, title, retryable } = errors[code];
  expect(answer.status).toBe(status);
  expect(problem).toMatchObject({ type: `urn:anima:error:${code}`, code, status, title, retryable });
  expect(answer.headers.get('content-type')).toBe(problemMediaType);
  expect(answer.headers.get('x-request-id')).toBe(problem.requestId);
  expect(answer.headers.get('retry-after') !== null).toBe(retryable);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(body).not.toMatch(/enc:v1:|anm_[0-9a-z]|node_modules|Exception|at .*\.mjs/);
  return problem;
}
