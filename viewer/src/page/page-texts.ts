/** Texts of the page states: what happened, and what to do next. */
import type { IconName } from './icons.ts';

/** A state of the page. */
export interface PageView {
  readonly icon: IconName;
  readonly title: string;
  readonly text: readonly string[];
  /** Whether screen readers announce the state immediately. */
  readonly trouble?: boolean;
}

const askForNewLink = 'Ask the sender for a new link.';
const nothingUsedUp = 'No opening was counted.';

const troubleView = (icon: IconName, title: string, ...text: string[]): PageView => ({
  icon,
  title,
  text,
  trouble: true,
});

/** All states in which no file is shown. */
export const troubles = {
  notALink: troubleView(
    'missing',
    'This is not a complete link',
    'This page opens links to encrypted files, and this address is not a complete link.',
    'Open the link again from the original message. If it is split over two lines there, copy all of it.',
  ),
  noKey: troubleView(
    'key',
    'The key is missing from the link',
    'The file can only be decrypted with the key after the # sign in the link. This link has no key.',
    `Open the link again from the original message, and copy all of it. ${nothingUsedUp}`,
  ),
  reloaded: troubleView(
    'key',
    'Open the link again from the message',
    'This page keeps the key only in memory, so it was lost when the page was reloaded.',
    'Open the link from the original message.',
  ),
  incomplete: troubleView(
    'key',
    'The key in the link is damaged',
    'A part of the link is missing, or extra characters were added at its end.',
    `Open the link again from the original message, and copy all of it. ${nothingUsedUp}`,
  ),
  refused: troubleView(
    'key',
    'The key does not fit this file',
    'The link was changed, or combined from two links.',
    `Open the link again from the original message. If it still does not work: ${askForNewLink.toLowerCase()} ${nothingUsedUp}`,
  ),
  damaged: troubleView(
    'damaged',
    'The file is damaged',
    'The data from the server was changed, cut off, or belongs to another file. It was not shown or kept.',
    askForNewLink,
  ),
  expired: troubleView('clock', 'The link has expired', 'The file can no longer be opened.', askForNewLink),
  spent: troubleView(
    'spent',
    'The file was already opened',
    'The allowed number of openings is used up, or the file was destroyed after it was read.',
    `If you did not open it yourself, tell the sender. ${askForNewLink}`,
  ),
  deleted: troubleView('bin', 'The file was deleted', 'The sender has deleted it.', askForNewLink),
  notReady: troubleView(
    'clock',
    'The file is not ready yet',
    'It is still being uploaded.',
    `Wait until the upload is complete, then open the link again from the original message. ${nothingUsedUp}`,
  ),
  gone: troubleView(
    'missing',
    'There is nothing at this link',
    'The file no longer exists, or its link was replaced with a new one.',
    `Check that you opened the newest link. Otherwise: ${askForNewLink.toLowerCase()}`,
  ),
  locked: troubleView(
    'lock',
    'The sender’s files are locked',
    'The organization that owns this file has scheduled the destruction of its data, so the file can’t be opened now.',
    'Ask the sender. If the lock is lifted, the link works again.',
  ),
  shredded: troubleView(
    'bin',
    'The sender’s data was destroyed',
    'The organization that owned this file has permanently destroyed all of its data.',
    'The link will not work again.',
  ),
  offline: troubleView(
    'offline',
    'No connection',
    'The server can’t be reached. The data downloaded so far is kept while this page stays open.',
    'Check your connection, then try again. Don’t reload the page: the key would be lost.',
  ),
  unavailable: troubleView(
    'warning',
    'The server is not responding as expected',
    'This is usually temporary.',
    'Wait a moment, then try again. Don’t reload the page: the key would be lost.',
  ),
  lapsed: troubleView(
    'clock',
    'The time for the download is over',
    'A download can be continued for 30 minutes, unless the file is deleted in the meantime.',
    'Open the link again from the original message. This counts as another opening if openings are limited.',
  ),
  notSaved: troubleView(
    'warning',
    'The file could not be saved',
    'There may be too little space, or no permission for that folder. No incomplete file was left.',
    'Free some space, then open the link again from the original message.',
  ),
  oldBrowser: troubleView(
    'warning',
    'This browser can’t open the file',
    'The file is decrypted on your device, which requires a browser from 2022 or later and an https connection.',
    `Open the link in an up-to-date browser. ${nothingUsedUp}`,
  ),
  failed: troubleView(
    'warning',
    'This browser could not finish',
    'An error occurred on this page, possibly too little memory. The file itself may be intact.',
    'Close other tabs or use another device, then open the link again from the original message.',
  ),
} as const satisfies Record<string, PageView>;

export type Trouble = keyof typeof troubles;

export const openingView: PageView = { icon: 'lock', title: 'Opening …', text: [] };

/** Confirmation before an opening that cannot be undone. */
export function confirmOpeningView(burn: boolean, openingsLeft: number | undefined): PageView {
  const times = openingsLeft === undefined || openingsLeft === 1 ? 'once' : `${openingsLeft} more times`;
  const fate = burn ? ' Once you have read it, it is deleted from the server.' : '';
  return {
    icon: burn ? 'flame' : 'opened',
    title: burn ? 'This file can be read only once' : 'Ready to open',
    text: [
      `It can be opened ${times}.${fate}`,
      times === 'once' ? 'Open it when you have time to read or save it.' : 'Opening it now uses one of them.',
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
  saveAll: 'Save all files',
  deleteNow: 'Delete it now',
} as const;

/** Texts about the deletion of a file that is read once. */
export const burnTexts = {
  onSave: 'It is deleted from the server as soon as you save it.',
  now: 'Deleting it from the server …',
  done: 'It was deleted from the server. If you close this page without saving the file, it is lost.',
  saved: 'It was deleted from the server. Your saved copy is the only one.',
  failed: 'It could not be deleted from the server now. It can’t be opened again and is removed within two days.',
} as const;
