/** Reads the messages of a user's conversation. */

import type { ListMessagesResponse, Message } from '../../contract/conversations/wire.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import { decryptMessage, type MessageContent } from '../users/user-record-encryption.ts';
import type { PageRequest, UserRecordPager } from '../users/user-record-pager.ts';
import { withUrls } from './conversation-history.ts';
import type { MediaUrls } from './conversation-ports.ts';

export class MessageReader {
  readonly #pages: UserRecordPager;
  readonly #mediaUrls: MediaUrls;

  constructor(pages: UserRecordPager, mediaUrls: MediaUrls) {
    this.#pages = pages;
    this.#mediaUrls = mediaUrls;
  }

  /** Returns one page of the conversation, oldest first. @throws as {@link UserRecordPager.listPage} */
  async list(user: UnlockedUser, request: PageRequest): Promise<ListMessagesResponse> {
    const { items, ...rest } = await this.#pages.listPage(
      user,
      'messages',
      request,
      (stored): MessageContent & { id: string } => ({ id: stored.id, ...decryptMessage(user.umk, stored) }),
    );
    const messages = items.map(
      async ({ media, ...message }): Promise<Message> => ({
        ...message,
        ...(media === undefined ? {} : { media: await withUrls(this.#mediaUrls, user.owner, media) }),
      }),
    );
    return { messages: await Promise.all(messages), ...rest };
  }
}
