/** Conditions of writes to the table of values: the item is still the one that was read. */
import { isMalformed, type MalformedItem, type StoredVersion } from '../ports.ts';
import { type Item, namePlaceholders, toItem } from './dynamo-item-codec.ts';

type ReadItem = StoredVersion | MalformedItem;

/**
 * Condition: the item is exactly the one that was read. Each encryption of `info` uses a new nonce, so this also
 * detects a rotation that re-encrypted the same version. A new write must not undo that.
 */
export const ifUnchanged = (before: ReadItem) => ifEqual(before, ['life', 'version', 'writeId', 'info']);

/**
 * Condition: the item holds the same version, whether or not it was re-encrypted. The life is compared, because a name
 * that was deleted and set again restarts its versions at 1. An item without the documented form must be unchanged.
 */
export const ifSameVersion = (before: ReadItem) =>
  isMalformed(before) ? ifUnchanged(before) : ifEqual(before, ['life', 'version']);

function ifEqual(before: ReadItem, names: readonly string[]) {
  const attributes = isMalformed(before) ? (before.attributes as Item) : toItem({ ...before });
  const present = names.filter((name) => attributes[name] !== undefined);
  const tests = names.map((name) =>
    present.includes(name) ? `#${name} = :${name}` : `attribute_not_exists(#${name})`,
  );
  return {
    // The first test matters for an item that had none of the attributes: it must not have been deleted.
    ConditionExpression: ['attribute_exists(#name)', ...tests].join(' AND '),
    ExpressionAttributeNames: namePlaceholders('name', ...names),
    // DynamoDB refuses an empty map.
    ExpressionAttributeValues:
      present.length === 0
        ? undefined
        : (Object.fromEntries(present.map((name) => [`:${name}`, attributes[name]])) as Item),
  };
}
