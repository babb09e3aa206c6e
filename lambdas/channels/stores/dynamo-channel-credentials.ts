import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { parseStoredValue } from '../../shared/stores/value-item-codec.ts';
import type { ReadKeyringAndValue } from '../channel-credentials-service.ts';

/**
 * Reads the keyring and the value with one strongly consistent BatchGetItem, so a lock or shred takes effect
 * immediately.
 */
export const readChannelCredentialsFromDynamo =
  (
    clientOf: (org: string) => DynamoClient,
    tables: { readonly keyrings: string; readonly values: string },
  ): ReadKeyringAndValue =>
  async (org, name) => {
    const found = await batchGet(clientOf(org), {
      [tables.keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [tables.values]: { Keys: [toItem({ org, name })], ConsistentRead: true },
    });
    const [keyring] = found.get(tables.keyrings) ?? [];
    const [value] = found.get(tables.values) ?? [];
    return {
      keyring: keyring === undefined ? undefined : unmarshallKeyring(keyring),
      value: value === undefined ? undefined : parseStoredValue(value),
    };
  };
