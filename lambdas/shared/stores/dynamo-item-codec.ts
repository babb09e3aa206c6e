/** DynamoDB items and what they stand for (docs/format.md, section 5). Nothing that comes back is trusted. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { type Role, roles } from '../../../contract/roles.ts';
import { type Verb, verbs } from '../../../contract/routes.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { ListedValue, StoredApiKey, StoredValue, StoredVersion } from '../ports.ts';

export type Item = Record<string, AttributeValue>;
type Fields = Record<string, unknown>;

export const toItem = (fields: Fields): Item => marshall(fields, { removeUndefinedValues: true });

/** Attribute names as placeholders: several of ours are reserved words. */
export const placeholders = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`#${name}`, name]));

/** For a read of values without their earlier versions, which can be most of an item. */
export const currentVersion = {
  ProjectionExpression: '#name, #version, #value, #info, #writeId',
  ExpressionAttributeNames: placeholders('name', 'version', 'value', 'info', 'writeId'),
};

export function storedValueOf(item: Item): StoredValue {
  const fields: Fields = unmarshall(item);
  const history = fields.history ?? [];
  if (!Array.isArray(history)) throw new DecryptionError();
  return { name: text(fields, 'name'), ...versionOf(fields), history: history.map((kept: Fields) => versionOf(kept)) };
}

export function listedOf(item: Item): ListedValue {
  const fields: Fields = unmarshall(item);
  return { name: text(fields, 'name'), version: count(fields, 'version'), info: text(fields, 'info') };
}

function versionOf(fields: Fields): StoredVersion {
  return {
    version: count(fields, 'version'),
    value: text(fields, 'value'),
    info: text(fields, 'info'),
    writeId: text(fields, 'writeId'),
  };
}

export function apiKeyOf(item: Item): StoredApiKey {
  const fields: Fields = unmarshall(item);
  const role = text(fields, 'role');
  if (!isRole(role)) throw new DecryptionError();
  return {
    org: text(fields, 'org'),
    id: text(fields, 'id'),
    role,
    name: optionalText(fields, 'name'),
    prefixes: optionalTexts(fields, 'prefixes'),
    verbs: optionalTexts(fields, 'verbs')?.filter(isVerb),
    expiresAt: optionalText(fields, 'expiresAt'),
    createdAt: text(fields, 'createdAt'),
    lastUsedAt: optionalText(fields, 'lastUsedAt'),
    overlapEndsAt: optionalText(fields, 'overlapEndsAt'),
    revokedAt: optionalText(fields, 'revokedAt'),
    hash: text(fields, 'hash'),
  };
}

/** The keyring's fields as they are; core/keyring.ts checks them. */
export const keyringOf = (item: Item): unknown => unmarshall(item);

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new DecryptionError();
  return value;
}

const optionalText = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined ? undefined : text(fields, name);

function optionalTexts(fields: Fields, name: string): string[] | undefined {
  const list = fields[name];
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) throw new DecryptionError();
  return list;
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new DecryptionError();
  return value;
}

/** A verb that this version does not know is no right in it. */
const isVerb = (verb: string): verb is Verb => verbs.some((known) => known === verb);

const isRole = (role: string): role is Role => Object.hasOwn(roles, role);
