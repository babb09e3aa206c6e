/** Records of a user as they lie in the table: JSON, sealed under the UMK for exactly one place and version (docs/format.md, section 12). */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { u64 } from '../../core/encoding/length-prefixed-fields.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import type { Umk, UserRef } from '../../core/users/user-root-key.ts';
import { fitsSortKey } from '../shared/pagination-cursor.ts';
import { activeUserKeyring, type UnlockedUser } from './unlocked-user.ts';
import type { Collection, RecordKey, StoredRecord, StoredUserData } from './user-ports.ts';

/** What a record of `memory` holds. Times are RFC 3339. */
export interface MemoryContent {
  /** Any JSON. */
  readonly data: unknown;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What a record of `messages` holds. */
export interface MessageContent {
  readonly role: 'user' | 'agent';
  readonly text: string;
  /** Name of the channel that it came or went by. */
  readonly channel: string;
  /** RFC 3339. */
  readonly at: string;
}

const recordIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Whether a text may be the id of a record: what can't be one is never stored. */
export const isRecordId = (text: string): boolean => recordIdPattern.test(text);

/** Whether a record of that id may be in the table, as whoever can write there may have put it: a key has room for so much beside user and collection. */
export const canBeStoredId = (text: string): boolean => text !== '' && fitsSortKey(text, 'messages'.length + 18);

/** The record of a path, if its id can be one. */
export const memoryRecordKeys = (id: string): RecordKey[] => (isRecordId(id) ? [{ collection: 'memory', id }] : []);

/** What a record is bound to: moved to another org, user, collection, id or version, it does not open. */
export const recordEncryptionContext = (
  { org, user }: UserRef,
  collection: Collection,
  id: string,
  version: number,
): SealContext => ['user.record', org, user, collection, id, u64(version)];

/** The sealed string of a version of a record in `memory`. */
export const encryptMemory = (umk: Umk, id: string, version: number, content: MemoryContent): string =>
  encryptJson(umk, recordEncryptionContext(umk, 'memory', id, version), content);

/** The sealed string of a version of a record in `messages`. */
export const encryptMessage = (umk: Umk, id: string, version: number, content: MessageContent): string =>
  encryptJson(umk, recordEncryptionContext(umk, 'messages', id, version), content);

/** @throws DecryptionError for every cause, a record of another collection included */
export function decryptMemory(umk: Umk, stored: StoredRecord): MemoryContent {
  const fields = decryptJson(umk, 'memory', stored);
  const { data, createdAt, updatedAt } = fields;
  if (data === undefined || typeof createdAt !== 'string' || typeof updatedAt !== 'string') throw new DecryptionError();
  return { data, createdAt, updatedAt };
}

/** @throws DecryptionError for every cause, a record of another collection included */
export function decryptMessage(umk: Umk, stored: StoredRecord): MessageContent {
  const { role, text, channel, at } = decryptJson(umk, 'messages', stored);
  if ((role !== 'user' && role !== 'agent') || typeof text !== 'string') throw new DecryptionError();
  if (typeof channel !== 'string' || typeof at !== 'string') throw new DecryptionError();
  return { role, text, channel, at };
}

function encryptJson(umk: Umk, context: SealContext, content: MemoryContent | MessageContent): string {
  const plaintext = Buffer.from(JSON.stringify(content), 'utf8');
  try {
    return seal(umk, context, plaintext);
  } finally {
    plaintext.fill(0);
  }
}

function decryptJson(umk: Umk, collection: Collection, { id, version, data }: StoredRecord): Record<string, unknown> {
  // A count that u64 would refuse was never sealed.
  if (!Number.isSafeInteger(version) || version < 1) throw new DecryptionError();
  const plaintext = open(umk, recordEncryptionContext(umk, collection, id, version), data);
  try {
    return requireObjectFields(JSON.parse(plaintext.toString('utf8')));
  } catch {
    throw new DecryptionError();
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Refuses a user who is not there any more, by what was just read: deleted, its org shut, or the slot gone that it came by. Asked before
 * anything is opened that was fetched after the request's own read, so that what was deleted or revoked counts at once there too.
 * @throws VaultError `invalid_credential`, `org_locked`, `org_shredded`
 */
export function assertAccessNotRevoked({ owner, slot }: UnlockedUser, read: StoredUserData): void {
  const keyring = activeUserKeyring(read, owner);
  if (keyring?.slots.some(({ id }) => id === slot.id) !== true) throw new VaultError('invalid_credential');
}
