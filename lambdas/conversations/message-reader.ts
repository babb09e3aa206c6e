/** Reads the messages of a user's conversation. */

import type { ListMessagesResponse, Message } from '../../contract/conversations/wire.ts';
import type { OpenUser } from '../users/unlocked-user.ts';
import { openMessage } from '../users/user-record-encryption.ts';
import type { PageRequest, UserRecordPages } from '../users/user-record-pages.ts';

export class MessageReader {
  readonly #pages: UserRecordPages;

  constructor(pages: UserRecordPages) {
    this.#pages = pages;
  }

  /** One page of the conversation, oldest first. @throws as {@link UserRecordPages.list} */
  async list(user: OpenUser, request: PageRequest): Promise<ListMessagesResponse> {
    const { items, ...rest } = await this.#pages.list(user, 'messages', request, (stored): Message => {
      return { id: stored.id, ...openMessage(user.umk, stored) };
    });
    return { messages: items, ...rest };
  }
}
