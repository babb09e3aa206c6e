/** Conversion of DynamoDB items (docs/format.md, section 5). Items read from a table are untrusted. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';

export type Item = Record<string, AttributeValue>;
export type Fields = Record<string, unknown>;

export const toItem = (fields: Fields): Item => marshall(fields, { removeUndefinedValues: true });

/** Placeholders for attribute names, because several of them are reserved words in DynamoDB. */
export const namePlaceholders = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`#${name}`, name]));

/**
 * A stored number, or NaN, which no check accepts: all numbers of the vault are integers that JavaScript represents. A
 * rounded one would be read as a number with which no condition of a write holds.
 */
export function numberOf(text: string | undefined): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : Number.NaN;
}

function requireNumber(text: string): number {
  const number = numberOf(text);
  if (Number.isNaN(number)) throw new DecryptionError();
  return number;
}

/** The fields of an item. @throws DecryptionError if it has a number that the vault cannot have written */
export const unmarshallItem = (item: Item): Fields => unmarshall(item, { wrapNumbers: requireNumber });

/**
 * The fields of an item, as far as it can be read: a number that the vault cannot have written is NaN. Such a number in
 * one attribute must not hide the others, with which conditions compare.
 */
export const unmarshallReadable = (item: Item): Fields => unmarshall(item, { wrapNumbers: numberOf });

/**
 * The unverified fields of a keyring; core/org-keys/org-keyring.ts and core/users/user-keyring.ts check them. Does not
 * throw, so that one damaged item does not end a list.
 */
export const unmarshallKeyring = (item: Item): unknown => unmarshallReadable(item);

/** The parsed item, or none if it is damaged: one item of a list must not hide the others. */
export function parsedOrNone<T>(item: Item, parse: (item: Item) => T): T[] {
  try {
    return [parse(item)];
  } catch (error) {
    if (error instanceof DecryptionError) return [];
    throw error;
  }
}

export function requireText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new DecryptionError();
  return value;
}
