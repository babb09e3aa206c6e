/** Keys and fields of items in the user tables (docs/format.md, section 12). Stored fields are not trusted. */
import { DecryptionError } from '../../../core/decryption-error.ts';
import { isOpaqueId } from '../../../core/encoding/random-id.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import { type Item, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import type { Collection, RecordKey, StoredLocator, StoredRecord } from '../user-ports.ts';

export const userItemIdPrefix = 'user/';
export const userItemId = (user: string): string => userItemIdPrefix + user;
/** Id of the user, from the key of a keyring item. */
export const userIdOfItem = ({ id }: Item): string => (id?.S ?? '').slice(userItemIdPrefix.length);
export const locatorItemId = (locator: string): string => `locator/${locator}`;
export const attemptsItemId = (counter: string): string => `attempts/${counter}`;

export const collectionItemIdPrefix = ({ user }: UserRef, collection: Collection): string => `${user}/${collection}/`;
export const recordItemId = (owner: UserRef, { collection, id }: RecordKey): string =>
  collectionItemIdPrefix(owner, collection) + id;

/**
 * Replaces missing fields and fields of the wrong type with values that cannot be opened. The services then report the
 * record as damaged.
 */
export function parseRecordItem(item: Item): StoredRecord {
  const { version, data, writeId, sent } = unmarshallReadable(item);
  const [, collection, ...rest] = (item.id?.S ?? '').split('/');
  return {
    collection: collection === 'messages' ? 'messages' : 'memory',
    id: rest.join('/'),
    version: typeof version === 'number' && Number.isSafeInteger(version) ? version : 0,
    data: typeof data === 'string' ? data : '',
    ...(typeof writeId === 'string' ? { writeId } : {}),
    ...(typeof sent === 'boolean' ? { sent } : {}),
  };
}

export function parseLocatorItem(item: Item, locator: string): StoredLocator {
  const { user, since, slot, expiresAt, tries, ttl } = unmarshallReadable(item);
  // The key of the user's item is made of it, and has a limited length.
  if (typeof user !== 'string' || !isOpaqueId(user)) throw new DecryptionError();
  return {
    locator,
    user,
    ...(typeof since === 'string' ? { since } : {}),
    ...(typeof slot === 'string' ? { slot } : {}),
    // Link codes expire, and have a `ttl` from the start.
    ...(typeof ttl === 'number' && expiresAt === undefined ? { retired: true } : {}),
    ...(typeof expiresAt === 'string' ? { expiresAt } : {}),
    ...(typeof tries === 'number' ? { tries } : {}),
  };
}
