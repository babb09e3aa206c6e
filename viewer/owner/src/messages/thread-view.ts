/** One conversation: its messages, and a field to write. */
import type { ConversationInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError, hasCode } from '../device/errors.ts';
import { announce, block, button, createElement, field, heading, paragraph, trouble } from '../ui/elements.ts';
import type { View } from '../ui/view.ts';
import { blockOf, titleOf } from './conversation-titles.ts';
import { MessageList } from './message-list.ts';
import { newParticipants } from './new-participants.ts';

/** Time between two looks at how far own messages are, milliseconds. This reads the device's own store. */
const lookMs = 1_000;

export const threadView: View = (app, place, conversation) => {
  const thread = new ThreadView(app, place, conversation);
  thread.begin();
  return () => thread.end();
};

class ThreadView {
  readonly #app: App;
  readonly #conversation: string;
  readonly #place: HTMLElement;
  readonly #title = heading('…');
  readonly #note = block('note');
  readonly #list: MessageList;
  readonly #composer: HTMLFormElement;
  readonly #text = createElement('textarea', { rows: 2, autocomplete: 'off' });
  #end: () => void = () => undefined;

  constructor(app: App, place: HTMLElement, conversation: string) {
    this.#app = app;
    this.#place = place;
    this.#conversation = conversation;
    this.#list = new MessageList(app, conversation);
    this.#composer = createElement('form', { className: 'composer' });
  }

  begin(): void {
    const back = createElement('a', { href: '#/messages', className: 'back' }, '‹ Messages');
    const send = button('Send', 'main', () => this.#send());
    this.#composer.append(field('Message', this.#text), send);
    this.#composer.addEventListener('submit', (event) => event.preventDefault());
    this.#text.addEventListener('keydown', (event) => {
      // On a phone, Enter begins a new line.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches)
        return;
      event.preventDefault();
      send.click();
    });
    this.#place.classList.add('thread');
    this.#place.append(back, this.#title, this.#list.element, this.#note, this.#composer);
    const show = () => void this.#show().catch((error: unknown) => this.#say(error));
    const timer = setInterval(() => void this.#look().catch(() => undefined), lookMs);
    const unsubscribe = this.#app.events.subscribe((change) => {
      if (change === 'messages' || change === 'directory') show();
    });
    const seen = () => void this.#markSeen().catch(() => undefined);
    document.addEventListener('visibilitychange', seen);
    this.#end = () => {
      clearInterval(timer);
      unsubscribe();
      document.removeEventListener('visibilitychange', seen);
      this.#place.classList.remove('thread');
    };
    show();
  }

  end(): void {
    this.#end();
  }

  async #show(): Promise<void> {
    const info = await this.#app.client.conversations.get(this.#conversation);
    if (info === undefined) {
      this.#title.textContent = 'No such conversation';
      this.#composer.hidden = true;
      return;
    }
    this.#title.textContent = titleOf(this.#app, info);
    await this.#list.show();
    await this.#showNote(info);
    await this.#markSeen();
  }

  async #showNote(info: ConversationInfo): Promise<void> {
    const blocked = blockOf(this.#app, info);
    this.#composer.hidden = blocked !== undefined;
    if (blocked !== undefined) return this.#note.replaceChildren(paragraph('hint', blocked));
    const changes = await this.#app.client.conversations.changes(this.#conversation);
    const again = () => void this.#show().catch((error: unknown) => this.#say(error));
    this.#note.replaceChildren(...newParticipants(this.#app, changes, again));
  }

  async #send(): Promise<void> {
    const text = this.#text.value;
    if (text.trim() === '') return this.#text.focus();
    try {
      const { id, state } = await this.#app.client.send(this.#conversation, text);
      this.#app.book.addSent(this.#conversation, id, text, state);
      this.#text.value = '';
      announce(state === 'queued' ? 'Stored on this device. It is sent when there is a connection.' : 'Sent.');
      await this.#list.show();
    } catch (error) {
      this.#say(error);
      if (hasCode(error, 'participants_changed')) await this.#show();
    }
    this.#text.focus();
  }

  async #look(): Promise<void> {
    if (document.hidden) return;
    if (await this.#app.book.refreshStates(this.#conversation)) await this.#list.show();
  }

  async #markSeen(): Promise<void> {
    if (document.hidden || this.#app.book.unread(this.#conversation) === 0) return;
    await this.#app.book.markSeen(this.#conversation);
    this.#app.events.emit('messages');
  }

  #say(error: unknown): void {
    this.#note.replaceChildren(trouble(describeError(error)));
  }
}
