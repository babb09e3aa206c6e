/** API keys as DynamoDB items (docs/format.md, section 5). */
import type { KeyOrigin } from '../../../contract/api-keys/wire.ts';
import { type Role, roles } from '../../../contract/shared/roles.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Fields, type Item, requireText, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { ListedApiKey, StoredApiKey } from '../api-key-ports.ts';

export function parseStoredApiKey(item: Item): StoredApiKey {
  const fields = unmarshallItem(item);
  const role = requireText(fields, 'role');
  if (!isRole(role)) throw new DecryptionError();
  return {
    org: requireText(fields, 'org'),
    id: requireText(fields, 'id'),
    role,
    name: optionalText(fields, 'name'),
    prefixes: optionalTextList(fields, 'prefixes'),
    verbs: optionalTextList(fields, 'verbs'),
    expiresAt: optionalText(fields, 'expiresAt'),
    createdAt: requireText(fields, 'createdAt'),
    lastUsedAt: optionalText(fields, 'lastUsedAt'),
    overlapEndsAt: optionalText(fields, 'overlapEndsAt'),
    revokedAt: optionalText(fields, 'revokedAt'),
    origin: optionalOrigin(fields.origin),
    hash: requireText(fields, 'hash'),
    mac: requireText(fields, 'mac'),
  };
}

/** A record of a list, also if it is damaged. The key schema of the table guarantees its ID. */
export function parseListedApiKey(item: Item): ListedApiKey {
  const id = item.id?.S ?? '';
  try {
    return { id, stored: parseStoredApiKey(item) };
  } catch {
    return { id, stored: undefined };
  }
}

const optionalText = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined ? undefined : requireText(fields, name);

function optionalTextList(fields: Fields, name: string): string[] | undefined {
  const list = fields[name];
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) throw new DecryptionError();
  return list;
}

function optionalOrigin(stored: unknown): KeyOrigin | undefined {
  if (stored === undefined) return undefined;
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) throw new DecryptionError();
  const fields: Fields = { ...stored };
  return { login: requireText(fields, 'login'), subject: requireText(fields, 'subject') };
}

const isRole = (role: string): role is Role => Object.hasOwn(roles, role);
