/** What the page says in each state: what happened, and what to do next. */
import type { IconName } from './icons.ts';

/** A state of the page. */
export interface PageView {
  readonly icon: IconName;
  readonly title: string;
  readonly text: readonly string[];
  /** Whether it is told at once to who listens instead of looks. */
  readonly trouble?: boolean;
}

const askForNewLink = 'Ask whoever sent you the link for a new one.';
const nothingUsedUp = 'Nothing was opened or used up.';

const troubleView = (icon: IconName, title: string, ...text: string[]): PageView => ({
  icon,
  title,
  text,
  trouble: true,
});

/** Every way not to show a file. */
export const troubles = {
  notALink: troubleView(
    'missing',
    'This is not a complete link',
    'This page opens encrypted files by their links, and this address is not one of them.',
    'Open the link again from the message it came in. If it is broken over two lines there, copy all of it.',
  ),
  noKey: troubleView(
    'key',
    'The key is missing from the link',
    'The file can only be decrypted with the key that stands in the link after the # sign. Here there is nothing after it.',
    `Open the link again from the message it came in, and copy all of it. ${nothingUsedUp}`,
  ),
  reloaded: troubleView(
    'key',
    'Open the link again from the message',
    'This page keeps the key in memory only, so reloading the page has dropped it.',
    'Go back to the message that the link came in and open it from there.',
  ),
  incomplete: troubleView(
    'key',
    'The key in the link is damaged',
    'A part of the link is missing, or something was added to its end.',
    `Open the link again from the message it came in, and copy all of it. ${nothingUsedUp}`,
  ),
  refused: troubleView(
    'key',
    'The key does not fit this file',
    'The link was changed on its way, or put together from two links.',
    `Open the link again from the message it came in. If it still does not work: ${askForNewLink.toLowerCase()} ${nothingUsedUp}`,
  ),
  damaged: troubleView(
    'damaged',
    'The file is damaged',
    'What the server sent is not what was encrypted: it was changed, cut off, or is another file. Nothing of it is shown or kept.',
    askForNewLink,
  ),
  expired: troubleView(
    'clock',
    'The link has expired',
    'Its time is over, and the file can’t be opened any more.',
    askForNewLink,
  ),
  spent: troubleView(
    'spent',
    'The file was already opened',
    'It could be opened a limited number of times, and all of them are used up, or it was destroyed after it was read.',
    `If you did not open it yourself, tell whoever sent you the link. ${askForNewLink}`,
  ),
  deleted: troubleView('bin', 'The file was deleted', 'Whoever sent it has deleted it.', askForNewLink),
  notReady: troubleView(
    'clock',
    'The file is not there yet',
    'It is still being uploaded.',
    `Wait until that is done, then open the link again from the message it came in. ${nothingUsedUp}`,
  ),
  gone: troubleView(
    'missing',
    'There is nothing at this link',
    'The file is gone, or its link was replaced by a new one.',
    `Check that you opened the newest link. Otherwise: ${askForNewLink.toLowerCase()}`,
  ),
  locked: troubleView(
    'lock',
    'The sender’s files are locked',
    'The organization that this file belongs to is about to have its data destroyed, and nothing of it can be opened now.',
    'Ask whoever sent you the link. If the lock is lifted, the link works again.',
  ),
  shredded: troubleView(
    'bin',
    'The sender’s data was destroyed',
    'The organization that this file belonged to has had all of its data destroyed for good.',
    'No link to it will work again.',
  ),
  offline: troubleView(
    'offline',
    'No connection',
    'The server can’t be reached. What was loaded so far is kept as long as this page stays open.',
    'Check your connection, then try again. Don’t reload the page: that would drop the key.',
  ),
  unavailable: troubleView(
    'warning',
    'The server is not answering as it should',
    'This usually passes by itself.',
    'Wait a moment, then try again. Don’t reload the page: that would drop the key.',
  ),
  lapsed: troubleView(
    'clock',
    'The time for downloading is over',
    'A download can be continued for half an hour, unless the file is deleted in the meantime.',
    'Open the link again from the message it came in. If it limits how often it can be opened, that counts once more.',
  ),
  notSaved: troubleView(
    'warning',
    'The file could not be saved',
    'This device did not take it all: there may be too little space, or no permission for that folder. Nothing incomplete is left behind.',
    'Make space, then open the link again from the message it came in.',
  ),
  oldBrowser: troubleView(
    'warning',
    'This browser can’t open the file',
    'The file is decrypted on your device, which needs a browser from 2022 or later, and a page that came by https.',
    `Open the link in an up-to-date browser. ${nothingUsedUp}`,
  ),
  failed: troubleView(
    'warning',
    'This browser could not finish',
    'Something went wrong on this page, perhaps too little memory. The file itself may be in order.',
    'Close other tabs or use another device, then open the link again from the message it came in.',
  ),
} as const satisfies Record<string, PageView>;

export type Trouble = keyof typeof troubles;

export const openingView: PageView = { icon: 'lock', title: 'Opening …', text: [] };

/** Before an opening that can't be taken back. */
export function confirmOpeningView(burn: boolean, openingsLeft: number | undefined): PageView {
  const times = openingsLeft === undefined || openingsLeft === 1 ? 'once' : `${openingsLeft} more times`;
  const fate = burn ? ' Once you have read it, it is deleted from the server.' : '';
  return {
    icon: burn ? 'flame' : 'opened',
    title: burn ? 'This file is meant to be read once' : 'Ready to open',
    text: [
      `It can be opened ${times}.${fate}`,
      times === 'once' ? 'Do so when you have the time to read or save it.' : 'Opening it now uses up one of them.',
    ],
  };
}

/** Labels of buttons. */
export const buttonLabels = {
  open: 'Open it now',
  retry: 'Try again',
  choose: 'Choose where to save',
  save: 'Save the file',
  copy: 'Save a copy',
  deleteNow: 'Delete it now',
} as const;

/** What becomes of a file that is read once. */
export const burnTexts = {
  onSave: 'It is deleted from the server as soon as you save it.',
  now: 'Deleting it from the server …',
  done: 'It is gone from the server. What you see here is gone too when you close this page, unless you save it.',
  saved: 'It is gone from the server. The copy that you saved is the only one.',
  failed: 'It could not be deleted from the server just now. It can’t be opened again, and is removed within two days.',
} as const;
