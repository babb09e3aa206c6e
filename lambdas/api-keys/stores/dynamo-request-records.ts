import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { type BatchGetRequests, batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { parseStoredValue } from '../../shared/stores/value-item-codec.ts';
import type { RequestRecordStore, RequestRecords, RequestRecordsQuery } from '../request-record-ports.ts';
import { parseStoredApiKey } from './api-key-item-codec.ts';

export interface RequestRecordTables {
  readonly apiKeys: string;
  readonly keyrings: string;
  /** Absent for functions that read no values. */
  readonly values?: string;
}

/** Maximum number of items per BatchGetItem. The first batch includes the API key and the keyring. */
const batchLimit = 100;

/**
 * Reads API key, keyring and values with strongly consistent BatchGetItem calls, so revocation and shredding take
 * effect immediately.
 */
export class DynamoRequestRecords implements RequestRecordStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #tables: RequestRecordTables;

  constructor(clientOf: (org: string) => DynamoClient, tables: RequestRecordTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(request: RequestRecordsQuery): Promise<RequestRecords> {
    const { org, keyId, names } = request;
    const authBatch: BatchGetRequests = {
      [this.#tables.apiKeys]: { Keys: [toItem({ org, id: keyId })], ConsistentRead: true },
      [this.#tables.keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
    };
    const firstBatchValues = batchLimit - 2;
    const batches = [{ ...authBatch, ...this.#valueKeys(request, names.slice(0, firstBatchValues)) }];
    for (let at = firstBatchValues; at < names.length; at += batchLimit) {
      batches.push(this.#valueKeys(request, names.slice(at, at + batchLimit)));
    }
    const found = await Promise.all(batches.map((batch) => batchGet(this.#clientOf(org), batch)));
    const items = (table: string) => found.flatMap((part) => part.get(table) ?? []);
    const [apiKey] = items(this.#tables.apiKeys);
    const [keyring] = items(this.#tables.keyrings);
    const values = this.#tables.values === undefined ? [] : items(this.#tables.values);
    return {
      apiKey: apiKey === undefined ? undefined : parseStoredApiKey(apiKey),
      keyring: keyring === undefined ? undefined : unmarshallKeyring(keyring),
      values: new Map(values.map((item) => [item.name?.S ?? '', parseStoredValue(item)])),
    };
  }

  #valueKeys({ org }: RequestRecordsQuery, names: readonly string[]): BatchGetRequests {
    if (this.#tables.values === undefined || names.length === 0) return {};
    const Keys = names.map((name) => toItem({ org, name }));
    return { [this.#tables.values]: { Keys, ConsistentRead: true } };
  }
}
