/**
 * Stored records of a user: JSON, sealed under the UMK and bound to one location and version (docs/format.md, section
 * 12).
 */
import type { MessageMedia } from '../../contract/conversations/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { u64 } from '../../core/encoding/length-prefixed-fields.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { open, type SealContext, seal } from '../../core/encryption/sealed-string.ts';
import type { Umk, UserRef } from '../../core/users/user-root-key.ts';
import { fitsSortKey } from '../shared/pagination-cursor.ts';
import { activeUserKeyring, type UnlockedUser } from './unlocked-user.ts';
import type { Collection, RecordKey, StoredRecord, StoredUserData } from './user-ports.ts';

/** Content of a record in `memory`. Times are RFC 3339. */
export interface MemoryContent {
  /** Any JSON. */
  readonly data: unknown;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly namespace?: string[] | undefined;
  readonly key?: string | undefined;
  /** Paths of the members that have tags. */
  readonly index?: string[] | undefined;
  /** RFC 3339. From then on, the record does not exist. */
  readonly expiresAt?: string | undefined;
  /** Vectors to compare with, each as base64 of 32-bit numbers. */
  readonly embeddings?: string[] | undefined;
}

/** A file of a message. Its object is encrypted with `key` (core/messages/media-object.ts). */
export interface StoredMedia extends Omit<MessageMedia, 'url'> {}

/** Content of a record in `messages`. */
export interface MessageContent {
  readonly role: 'user' | 'agent';
  readonly text: string;
  readonly subject?: string | undefined;
  readonly original?: string | undefined;
  readonly media?: readonly StoredMedia[] | undefined;
  /** Name of the channel that received or sent the message. */
  readonly channel: string;
  /** RFC 3339. */
  readonly at: string;
}

const recordIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Whether a text is a valid record id. Records with other ids are never stored. */
export const isRecordId = (text: string): boolean => recordIdPattern.test(text);

/**
 * Whether the table could contain a record with this id, even if someone with write access put it there. The sort key
 * limits the length of the id, because it also contains the user and the collection.
 */
export const canBeStoredId = (text: string): boolean => text !== '' && fitsSortKey(text, 'messages'.length + 18);

/** The record key for an id from a path, or none if the id is invalid. */
export const memoryRecordKeys = (id: string): RecordKey[] => (isRecordId(id) ? [{ collection: 'memory', id }] : []);

/**
 * The encryption context of a record. A record that is moved to another organization, user, collection, id or version
 * does not open.
 */
export const recordEncryptionContext = (
  { org, user }: UserRef,
  collection: Collection,
  id: string,
  version: number,
): SealContext => ['user.record', org, user, collection, id, u64(version)];

/** Seals a version of a record in `memory`. */
export const encryptMemory = (umk: Umk, id: string, version: number, content: MemoryContent): string =>
  encryptJson(umk, recordEncryptionContext(umk, 'memory', id, version), content);

/** Seals a version of a record in `messages`. */
export const encryptMessage = (umk: Umk, id: string, version: number, content: MessageContent): string =>
  encryptJson(umk, recordEncryptionContext(umk, 'messages', id, version), content);

/** @throws DecryptionError for every cause, including a record of another collection */
export function decryptMemory(umk: Umk, stored: StoredRecord): MemoryContent {
  const fields = decryptJson(umk, 'memory', stored);
  const { data, createdAt, updatedAt, namespace, key, index, expiresAt, embeddings } = fields;
  if (data === undefined || typeof createdAt !== 'string' || typeof updatedAt !== 'string') throw new DecryptionError();
  return {
    ...{ data, createdAt, updatedAt },
    ...(isTexts(namespace) ? { namespace } : {}),
    ...(typeof key === 'string' ? { key } : {}),
    ...(isTexts(index) ? { index } : {}),
    ...(typeof expiresAt === 'string' ? { expiresAt } : {}),
    ...(isTexts(embeddings) ? { embeddings } : {}),
  };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((part) => typeof part === 'string');

/** @throws DecryptionError for every cause, including a record of another collection */
export function decryptMessage(umk: Umk, stored: StoredRecord): MessageContent {
  const { role, text, subject, original, media, channel, at } = decryptJson(umk, 'messages', stored);
  if ((role !== 'user' && role !== 'agent') || typeof text !== 'string') throw new DecryptionError();
  if (typeof channel !== 'string' || typeof at !== 'string') throw new DecryptionError();
  return {
    role,
    text,
    ...(typeof subject === 'string' ? { subject } : {}),
    ...(typeof original === 'string' ? { original } : {}),
    ...(Array.isArray(media) ? { media: media.map(decodeStoredMedia) } : {}),
    channel,
    at,
  };
}

const mediaKinds = ['image', 'audio', 'video', 'sticker', 'contact', 'file'] as const;

/** @throws DecryptionError for malformed fields */
function decodeStoredMedia(entry: unknown): StoredMedia {
  const { id, kind: rawKind, name, type, bytes, key } = requireObjectFields(entry);
  const kind = mediaKinds.find((one) => one === rawKind);
  if (kind === undefined || typeof id !== 'string' || typeof bytes !== 'number' || typeof key !== 'string')
    throw new DecryptionError();
  return {
    id,
    kind,
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    bytes,
    key,
  };
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
  // A version that u64 rejects was never sealed.
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
 * Checks against a new read that the user still has access: the user exists, the organization is neither locked nor
 * shredded, and the presented slot still exists. Call it before opening data that was fetched after the initial read of
 * the request, so that deletions and revocations apply at once.
 * @throws VaultError `invalid_credential`, `org_locked`, `org_shredded`
 */
export function assertAccessNotRevoked({ owner, slot }: UnlockedUser, read: StoredUserData): void {
  const keyring = activeUserKeyring(read, owner);
  if (keyring?.slots.some(({ id }) => id === slot.id) !== true) throw new VaultError('invalid_credential');
}
