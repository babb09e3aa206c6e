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

/** The fields of an item. @throws DecryptionError if it has a number that JavaScript cannot represent */
export function unmarshallItem(item: Item): Fields {
  try {
    return unmarshall(item);
  } catch {
    throw new DecryptionError();
  }
}

/**
 * The fields of an item, or none if it has a number that JavaScript cannot represent. The item then counts as damaged.
 */
export function unmarshallOrEmpty(item: Item): Fields {
  try {
    return unmarshall(item);
  } catch {
    return {};
  }
}

/**
 * The unverified fields of a keyring; core/org-keys/org-keyring.ts and core/users/user-keyring.ts check them. Does not
 * throw, so that one damaged item does not end a list.
 */
export const unmarshallKeyring = (item: Item): unknown => unmarshallOrEmpty(item);

export function requireText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new DecryptionError();
  return value;
}
