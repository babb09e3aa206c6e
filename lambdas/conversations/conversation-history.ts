/** Decrypts the earlier messages of a conversation. */
import type { MessageMedia } from '../../contract/conversations/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import type { Umk, UserRef } from '../../core/users/user-root-key.ts';
import { undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { StoredRecord } from '../users/user-ports.ts';
import { decryptMessage, type MessageContent, type StoredMedia } from '../users/user-record-encryption.ts';
import type { MediaUrls, ResponderRequest } from './conversation-ports.ts';

/** The ID of the answer to a message. */
export const answerIdOf = (messageId: string): string => `${messageId}-r`;

/**
 * Selects the earlier messages for an attempt. A message that a responder cannot handle must not prevent the answers to
 * later messages. The second attempt therefore leaves out the messages without an answer, and later attempts all of
 * them.
 * @param attempt number of this attempt, from 1
 */
export function selectHistory(newestFirst: readonly StoredRecord[], attempt: number): readonly StoredRecord[] {
  if (attempt <= 1) return newestFirst;
  if (attempt > 2) return [];
  const ids = new Set(newestFirst.map(({ id }) => id));
  return newestFirst.filter(({ id }) => ids.has(answerIdOf(id)) || id.endsWith('-r'));
}

/**
 * Decrypts earlier messages up to limits.historyBytes. Damaged messages are left out, because otherwise no later
 * message could be answered. The same applies to empty texts, which a responder may refuse.
 * @returns the messages, oldest first
 */
export function decryptHistory(umk: Umk, newestFirst: readonly StoredRecord[]): readonly MessageContent[] {
  const history: MessageContent[] = [];
  let bytes = 0;
  for (const stored of newestFirst) {
    const message = undefinedIfUndecryptable(() => decryptMessage(umk, stored));
    if (message === undefined || message.text.trim() === '') continue;
    bytes += Buffer.byteLength(message.text);
    if (bytes > limits.historyBytes) break;
    history.push(message);
  }
  return history.reverse();
}

/** Adds a URL to each file. */
export const withUrls = async (
  urls: MediaUrls,
  owner: UserRef,
  media: readonly StoredMedia[],
): Promise<MessageMedia[]> =>
  await Promise.all(media.map(async (stored) => ({ ...stored, url: await urls.presign(owner, stored.id) })));

/** History as the responder receives it: with URLs of the files, and without the quotations of emails. */
export const toResponderHistory = async (
  urls: MediaUrls,
  owner: UserRef,
  history: readonly MessageContent[],
): Promise<ResponderRequest['history']> =>
  await Promise.all(
    history.map(async ({ original: _, media, ...message }) => ({
      ...message,
      ...(media === undefined ? {} : { media: await withUrls(urls, owner, media) }),
    })),
  );
