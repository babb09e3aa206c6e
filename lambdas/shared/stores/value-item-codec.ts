/** Conversion of values from DynamoDB items (docs/format.md, section 5). */
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { StoredValue, StoredVersion } from '../ports.ts';
import { type Fields, type Item, namePlaceholders, requireText } from './dynamo-item-codec.ts';

/** Projection that omits earlier versions, which can be most of an item. */
export const currentVersionProjection = {
  ProjectionExpression: '#name, #life, #version, #value, #info, #writeId',
  ExpressionAttributeNames: namePlaceholders('name', 'life', 'version', 'value', 'info', 'writeId'),
};

export function parseStoredValue(item: Item): StoredValue {
  const fields: Fields = unmarshall(item);
  const history = fields.history ?? [];
  if (!Array.isArray(history)) throw new DecryptionError();
  return {
    name: requireText(fields, 'name'),
    ...versionOf(fields),
    history: history.map((kept: Fields) => versionOf(kept)),
  };
}

function versionOf(fields: Fields): StoredVersion {
  return {
    life: requireText(fields, 'life'),
    version: count(fields, 'version'),
    value: requireText(fields, 'value'),
    info: requireText(fields, 'info'),
    writeId: requireText(fields, 'writeId'),
  };
}

export function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new DecryptionError();
  return value;
}
