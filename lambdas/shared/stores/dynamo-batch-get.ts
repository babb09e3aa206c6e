import { setTimeout as sleep } from 'node:timers/promises';
import type { KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, nothingReadDetail } from './aws-error-mapping.ts';
import type { Item } from './dynamo-item-codec.ts';

/** The requested keys by table. */
export type BatchGetRequests = Record<string, KeysAndAttributes>;

const maxAttempts = 6;

/**
 * Reads one batch and retries keys that DynamoDB left unprocessed. @throws VaultError `unavailable` if keys remain
 * unprocessed
 */
export async function batchGet(client: DynamoClient, batch: BatchGetRequests): Promise<Map<string, Item[]>> {
  const items = new Map<string, Item[]>();
  let pending = batch;
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const { Responses = {}, UnprocessedKeys = {} } = await mapTransientErrors(nothingReadDetail, () =>
      client.batchGetItem({ RequestItems: pending }),
    );
    for (const [table, found] of Object.entries(Responses)) items.set(table, [...(items.get(table) ?? []), ...found]);
    if (Object.keys(UnprocessedKeys).length === 0) return items;
    // Only the keys are taken from the reply; consistency and projection stay as requested.
    pending = Object.fromEntries(
      Object.entries(UnprocessedKeys).map(([table, { Keys }]) => [table, { ...batch[table], Keys }]),
    );
    await sleep(Math.random() * 25 * 2 ** attempt);
  }
  throw new VaultError('unavailable', { detail: nothingReadDetail });
}
