/** Conditions of writes to the table of values: the item is still the one that was read. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ReadVersion } from '../ports.ts';
import { type Item, namePlaceholders, toItem } from './dynamo-item-codec.ts';

/**
 * Condition: the item is exactly the one that was read. Each encryption of `info` uses a new nonce, so this also
 * detects a rotation that re-encrypted the same version. A new write must not undo that.
 */
export const ifUnchanged = (before: ReadVersion) => ifEqual(before, ['life', 'version', 'writeId', 'info']);

/**
 * Condition: the item holds the same version, whether or not it was re-encrypted. The life is compared, because a name
 * that was deleted and set again restarts its versions at 1. An item without the documented form must be unchanged.
 */
export const ifSameVersion = (before: ReadVersion) =>
  'malformed' in before ? ifUnchanged(before) : ifEqual(before, ['life', 'version']);

function ifEqual(before: ReadVersion, names: readonly string[]) {
  const attributes = 'malformed' in before ? (before.attributes as Item) : toItem({ ...before });
  const tests = names.map((name) => testOf(name, attributes[name]));
  const values = Object.assign({}, ...tests.map(({ values }) => values)) as Item;
  return {
    // The first test matters for an item that had none of the attributes: it must not have been deleted.
    ConditionExpression: ['attribute_exists(#name)', ...tests.map(({ test }) => test)].join(' AND '),
    ExpressionAttributeNames: namePlaceholders('name', ...names),
    // DynamoDB refuses an empty map.
    ExpressionAttributeValues: Object.keys(values).length === 0 ? undefined : values,
  };
}

function testOf(name: string, value: AttributeValue | undefined): { readonly test: string; readonly values: Item } {
  if (value === undefined) return { test: `attribute_not_exists(#${name})`, values: {} };
  // No valid item has a list or a map here, so a repair changes the type. The embedded engine cannot compare their
  // content.
  const nested = value.L === undefined ? (value.M === undefined ? undefined : 'M') : 'L';
  if (nested !== undefined)
    return { test: `attribute_type(#${name}, :${name})`, values: { [`:${name}`]: { S: nested } } };
  return { test: `#${name} = :${name}`, values: { [`:${name}`]: value } };
}
