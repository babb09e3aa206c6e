/** The messages of a conversation, oldest first. Messages that are there are not made again, so that the focus stays. */

import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';
import type { DeliveryState, ReceivedFile, ReceivedMessage } from '../../../../sdk/src/session/index.ts';
import { formatByteSize } from '../../../src/page/byte-size.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { block, button, createElement, paragraph, trouble } from '../ui/elements.ts';
import { shortTime } from '../ui/times.ts';
import { messageText } from '../ui/visible-text.ts';
import { type BookItem, isOfPerson } from './message-book.ts';

/** Longer bodies are shown on request, because they are downloaded. */
const shownBytes = 4096;

/** A reader who is this near to the end sees new messages, pixels. */
const nearEnd = 80;

const stateTexts: Readonly<Record<DeliveryState, string>> = {
  queued: 'waits for a connection',
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  refused: 'not delivered',
};

export class MessageList {
  readonly element: HTMLElement;
  readonly #list = createElement('ol', {});
  readonly #app: App;
  readonly #conversation: string;
  readonly #shown = new Map<BookItem, { readonly element: HTMLElement; readonly state: HTMLElement }>();

  #isNew = true;
  #last: Promise<void> = Promise.resolve();

  constructor(app: App, conversation: string) {
    this.#app = app;
    this.#conversation = conversation;
    this.element = block('messages', this.#list);
    this.element.setAttribute('aria-label', 'Messages');
    // Screen readers read what is added.
    this.element.setAttribute('role', 'log');
  }

  /** One call after the other, so that no message is inserted twice. */
  show(): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#update());
    return this.#last;
  }

  async #update(): Promise<void> {
    const items = this.#app.book.items(this.#conversation);
    const page = document.documentElement;
    const isAtEnd = page.scrollTop + page.clientHeight >= page.scrollHeight - nearEnd;
    let hasNew = false;
    for (const [at, item] of items.entries()) {
      const found = this.#shown.get(item);
      if (found !== undefined) {
        const text = stateTexts[item.state];
        if (item.received === undefined && found.state.textContent !== text) found.state.textContent = text;
        continue;
      }
      hasNew = true;
      const made = await this.#make(item);
      this.#shown.set(item, made);
      this.#list.insertBefore(made.element, this.#list.children[at] ?? null);
    }
    if (hasNew && (isAtEnd || this.#isNew)) page.scrollTop = page.scrollHeight;
    this.#isNew = false;
  }

  async #make(item: BookItem): Promise<{ readonly element: HTMLElement; readonly state: HTMLElement }> {
    const { received, time } = item;
    const isOwn = received === undefined || isOfPerson(received);
    const sender = received === undefined ? 'You' : this.#senderOf(received);
    const state = createElement('span', { className: 'state' }, received === undefined ? stateTexts[item.state] : '');
    const head = block(
      'head',
      createElement('strong', {}, sender),
      createElement('time', { dateTime: new Date(time).toISOString() }, shortTime(new Date(time))),
      state,
    );
    const body = received === undefined ? [textOf(item.text)] : await bodyOf(received);
    return { element: createElement('li', { className: isOwn ? 'own' : '' }, head, ...body), state };
  }

  #senderOf(message: ReceivedMessage): string {
    const name = isOfPerson(message) ? 'You, another device' : this.#app.names.of(message.sender);
    return message.isLate ? `${name} (late)` : name;
  }
}

const textOf = (text: string): HTMLElement => {
  const made = paragraph('text', messageText(text));
  made.dir = 'auto';
  return made;
};

async function bodyOf(received: ReceivedMessage): Promise<HTMLElement[]> {
  const { type, length, files } = received;
  const parts = files.map(fileOf);
  if (!type.startsWith('text/') && type !== 'application/json')
    return [paragraph('text', `[${escapeHidden(type)}, ${formatByteSize(length)}]`), ...parts];
  if (length === 0) return parts;
  if (length <= shownBytes) return [textOf(await received.text()), ...parts];
  const place = block('long');
  place.append(
    button(`Show the text (${formatByteSize(length)})`, 'quiet', async () => {
      try {
        place.replaceChildren(textOf(await received.text()));
      } catch (error) {
        place.append(trouble(describeError(error)));
      }
    }),
  );
  return [place, ...parts];
}

function fileOf(file: ReceivedFile): HTMLElement {
  const place = block('file', createElement('span', { dir: 'auto' }, escapeHidden(file.name)));
  place.append(
    button(`Save (${formatByteSize(file.length)})`, 'quiet', async () => {
      try {
        save(file.name, await file.read());
      } catch (error) {
        place.append(trouble(describeError(error)));
      }
    }),
  );
  return place;
}

/** Never opened in the page: the media type is one that browsers only store. */
function save(name: string, bytes: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }));
  createElement('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
