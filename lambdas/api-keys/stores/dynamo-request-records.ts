import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { batchGet, type Requests } from '../../shared/stores/dynamo-batch-get.ts';
import { keyringOf, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { currentVersion, storedValueOf } from '../../shared/stores/value-item-codec.ts';
import type { RecordStore, Records, RecordsRequest } from '../request-record-ports.ts';
import { apiKeyOf } from './api-key-item-codec.ts';

export interface RecordTables {
  readonly apiKeys: string;
  readonly keyrings: string;
  /** Absent for functions that read no values. */
  readonly values?: string;
}

/** What BatchGetItem takes at once; two of the first are the API key and the keyring. */
const batchLimit = 100;

/** API key, keyring and values by BatchGetItem, strongly consistent: what was revoked or shredded is so at once. */
export class DynamoRecords implements RecordStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #tables: RecordTables;

  constructor(clientOf: (org: string) => DynamoDBClient, tables: RecordTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(request: RecordsRequest): Promise<Records> {
    const { org, keyId, names } = request;
    const first: Requests = {
      [this.#tables.apiKeys]: { Keys: [toItem({ org, id: keyId })], ConsistentRead: true },
      [this.#tables.keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
    };
    const room = batchLimit - 2;
    const batches = [{ ...first, ...this.#valueKeys(request, names.slice(0, room)) }];
    for (let at = room; at < names.length; at += batchLimit) {
      batches.push(this.#valueKeys(request, names.slice(at, at + batchLimit)));
    }
    const found = await Promise.all(batches.map((batch) => batchGet(this.#clientOf(org), batch)));
    const items = (table: string) => found.flatMap((part) => part.get(table) ?? []);
    const [apiKey] = items(this.#tables.apiKeys);
    const [keyring] = items(this.#tables.keyrings);
    const values = (this.#tables.values === undefined ? [] : items(this.#tables.values)).map(storedValueOf);
    return {
      apiKey: apiKey === undefined ? undefined : apiKeyOf(apiKey),
      keyring: keyring === undefined ? undefined : keyringOf(keyring),
      values: new Map(values.map((value) => [value.name, value])),
    };
  }

  #valueKeys({ org, history }: RecordsRequest, names: readonly string[]): Requests {
    if (this.#tables.values === undefined || names.length === 0) return {};
    const Keys = names.map((name) => toItem({ org, name }));
    // Earlier versions can be most of an item: they travel only where they are wanted.
    const projection = history ? {} : currentVersion;
    return { [this.#tables.values]: { Keys, ConsistentRead: true, ...projection } };
  }
}
