/**
 * Conversion of values from DynamoDB items (docs/format.md, section 5). Each attribute is read by itself, so
 * that damage of one does not hide the others.
 */
import { historySlots } from '../../../core/values/history-slots.ts';
import type { MalformedItem, ReadValue, ReadVersion, StoredVersion } from '../ports.ts';
import { type Item, numberOf } from './dynamo-item-codec.ts';

/** The current version of a value. Its name is the sort key of the item. */
export function parseStoredValue(item: Item): ReadValue {
  const version = versionOf(item);
  const name = item.name?.S;
  if (version === undefined || name === undefined) return malformed(item);
  const hints = item.hints?.B;
  // Others are of no use, and could make the next version too large for an item.
  return { name, ...version, hints: hints?.length === historySlots ? hints : undefined };
}

/** A version in a history slot. */
export const parseSlotVersion = (item: Item): ReadVersion => versionOf(item) ?? malformed(item);

/** The fields of a version without its value, as a list projects them; undefined if one is missing or invalid. */
export function summaryOf(item: Item): Omit<StoredVersion, 'value'> | undefined {
  const life = item.life?.S;
  const version = numberOf(item.version?.N);
  const writeId = item.writeId?.S;
  const info = item.info?.S;
  if (life === undefined || writeId === undefined || info === undefined) return undefined;
  return version >= 1 ? { life, version, writeId, info } : undefined;
}

function versionOf(item: Item): StoredVersion | undefined {
  const summary = summaryOf(item);
  const value = item.value?.S;
  return summary === undefined || value === undefined ? undefined : { ...summary, value };
}

const malformed = (attributes: Item): MalformedItem => ({ malformed: true, attributes });
