/** The list of conversations, and new ones with agents of the person. */
import type { ConversationInfo } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { block, button, createElement, heading, paragraph, trouble } from '../ui/elements.ts';
import { shortTime } from '../ui/times.ts';
import type { View } from '../ui/view.ts';
import { messageText } from '../ui/visible-text.ts';
import { titleOf } from './conversation-titles.ts';
import type { BookItem } from './message-book.ts';

const previewLength = 90;

export const conversationsView: View = (app, place) => {
  const list = block('list');
  place.append(heading('Messages'), list);
  const show = () =>
    void fill(app, list).catch((error: unknown) => list.replaceChildren(trouble(describeError(error))));
  show();
  return app.events.subscribe((change) => {
    if (change !== 'connection') show();
  });
};

async function fill(app: App, list: HTMLElement): Promise<void> {
  const conversations = [...(await app.client.conversations.list())];
  const timeOf = ({ conversation }: ConversationInfo) => app.book.items(conversation).at(-1)?.time ?? 0;
  conversations.sort((a, b) => timeOf(b) - timeOf(a));
  const rows = await Promise.all(
    conversations.filter((one) => one.isCurrent || timeOf(one) > 0).map((one) => rowOf(app, one)),
  );
  const talked = new Set(conversations.filter(({ isCurrent }) => isCurrent).flatMap(({ agents }) => agents));
  const others = app.client
    .devices()
    .filter(({ role, status, person, device }) => {
      return role === 'agent' && status === 'active' && person === app.client.person && !talked.has(device);
    })
    .map((agent) =>
      button(`Write to ${app.names.of(agent)}`, 'quiet', async () => {
        try {
          location.hash = `#/messages/${await app.client.conversations.open({ agents: [agent.device] })}`;
        } catch (error) {
          list.append(trouble(describeError(error)));
        }
      }),
    );
  if (rows.length + others.length === 0)
    rows.push(paragraph('empty', 'There are no agents yet. An admin invites one, and you confirm it under “Devices”.'));
  list.replaceChildren(...rows, ...others);
}

async function rowOf(app: App, info: ConversationInfo): Promise<HTMLElement> {
  const { conversation } = info;
  const last = app.book.items(conversation).at(-1);
  const unread = app.book.unread(conversation);
  const link = createElement(
    'a',
    { className: 'row', href: `#/messages/${conversation}` },
    createElement('strong', {}, titleOf(app, info)),
    createElement('span', { className: 'when' }, last === undefined ? '' : shortTime(new Date(last.time))),
    createElement(
      'span',
      { className: 'preview', dir: 'auto' },
      last === undefined ? 'No messages' : await previewOf(last),
    ),
  );
  if (unread > 0) {
    link.classList.add('unread');
    link.append(createElement('span', { className: 'badge' }, `${unread} new`));
  }
  return link;
}

async function previewOf({ received, text }: BookItem): Promise<string> {
  if (received === undefined) return messageText(`You: ${text}`).slice(0, previewLength);
  const { files, type, length } = received;
  if (files.length > 0) return `${files.length} ${files.length === 1 ? 'file' : 'files'}`;
  // A longer body would be downloaded.
  if (!type.startsWith('text/') || length > 4_096) return 'A long message';
  return messageText(await received.text()).slice(0, previewLength);
}
