/** Reads the messages of a user's conversation. */

import type { ListMessagesResponse, Message } from '../../contract/conversations/wire.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import { decryptMessage } from '../users/user-record-encryption.ts';
import type { PageRequest, UserRecordPager } from '../users/user-record-pager.ts';

export class MessageReader {
  readonly #pages: UserRecordPager;

  constructor(pages: UserRecordPager) {
    this.#pages = pages;
  }

  /** Returns one page of the conversation, oldest first. @throws as {@link UserRecordPager.listPage} */
  async list(user: UnlockedUser, request: PageRequest): Promise<ListMessagesResponse> {
    const { items, ...rest } = await this.#pages.listPage(user, 'messages', request, (stored): Message => {
      return { id: stored.id, ...decryptMessage(user.umk, stored) };
    });
    return { messages: items, ...rest };
  }
}
