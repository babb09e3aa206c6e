import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ReadValue } from '../domain/channel-secrets.ts';
import { batchGet } from './batch-get.ts';
import { currentVersion, keyringOf, storedValueOf, toItem } from './items.ts';

/** Keyring and value by one BatchGetItem, strongly consistent: what is locked or shredded is so at once. */
export const readChannelValue =
  (
    clientOf: (org: string) => DynamoDBClient,
    tables: { readonly keyrings: string; readonly values: string },
  ): ReadValue =>
  async (org, name) => {
    const found = await batchGet(clientOf(org), {
      [tables.keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [tables.values]: {
        Keys: [toItem({ org, name })],
        ConsistentRead: true,
        ...currentVersion,
      },
    });
    const [keyring] = found.get(tables.keyrings) ?? [];
    const [value] = found.get(tables.values) ?? [];
    return {
      keyring: keyring === undefined ? undefined : keyringOf(keyring),
      value: value === undefined ? undefined : storedValueOf(value),
    };
  };
