/** Texts of the page of requests for a secret: what happened, and what to do next. */
import type { PageView } from '../page/page-texts.ts';

export const requestPurpose = {
  name: 'Request for a secret',
  footer:
    'Encrypted on your device before it is sent. The vault stores it under the name above. Agents that may read values can read it; others can only use it.',
} as const;

const trouble = (icon: PageView['icon'], title: string, ...text: string[]): PageView => ({
  icon,
  title,
  text,
  trouble: true,
});

const nothingSent = 'Nothing was sent.';
const askAgain = 'If the secret is still needed, let the agent ask again.';

/** All states in which there is nothing to type. */
export const requestTroubles = {
  notALink: trouble(
    'missing',
    'This is not a complete link',
    'This page answers requests for a secret, and this address is not the complete link of one.',
    `Open the link again from the original message, and copy all of it. ${nothingSent}`,
  ),
  noKey: trouble(
    'key',
    'The key is missing from the link',
    'The secret is encrypted with the key after the # sign in the link. A part of it is missing.',
    `Open the link again from the original message, and copy all of it. ${nothingSent}`,
  ),
  reloaded: trouble(
    'key',
    'Open the link again from the message',
    'This page keeps the key only in memory, so it was lost when the page was reloaded.',
    `Open the link from the original message. ${nothingSent}`,
  ),
  changed: trouble(
    'key',
    'The link does not fit this request',
    'The link was changed, or the server shows another request than the one that was made. Nothing was stored.',
    `Open the link again from the original message. If this happens again, do not answer, and tell the operator of the vault.`,
  ),
  gone: trouble(
    'missing',
    'There is no such request',
    'It was forgotten some time after it expired, or the data of the organization was destroyed.',
    askAgain,
  ),
  answered: trouble(
    'spent',
    'The request was already answered',
    'A link works once. Somebody has sent a secret with it.',
    'If it was not you, tell the operator of the vault, and let an administrator replace the value.',
  ),
  denied: trouble('bin', 'The request was denied or cancelled', 'It can’t be answered any more.', askAgain),
  expired: trouble('clock', 'The request has expired', 'It can’t be answered any more.', askAgain),
  taken: trouble(
    'warning',
    'The name is taken',
    'A value with this name was stored after the request was made. Nothing was changed.',
    'Ask the agent to use that value, or to ask for another name.',
  ),
  locked: trouble(
    'lock',
    'The organization is locked',
    'It has scheduled the destruction of its data, so nothing can be stored now.',
    'Ask its administrator.',
  ),
  offline: trouble(
    'offline',
    'No connection',
    'The server can’t be reached.',
    'Check your connection, then try again. Don’t reload the page: the key would be lost.',
  ),
  unavailable: trouble(
    'warning',
    'The server is not responding as expected',
    'This is usually temporary.',
    'Wait a moment, then try again. Don’t reload the page: the key would be lost.',
  ),
  oldBrowser: trouble(
    'warning',
    'This browser is too old to encrypt the secret',
    'The page needs https and the key agreement X25519: Chrome or Edge 133, Firefox 130, Safari 17, or later.',
    `Open the link in an up-to-date browser. ${nothingSent}`,
  ),
  failed: trouble(
    'warning',
    'This browser could not finish',
    'An error occurred on this page. It is not known whether the secret was stored.',
    'Open the link again from the original message. It tells whether the request was answered.',
  ),
} as const satisfies Record<string, PageView>;

export type RequestTrouble = keyof typeof requestTroubles;

export const loadingView: PageView = { icon: 'lock', title: 'Opening …', text: [] };

export const askView: PageView = {
  icon: 'key',
  title: 'An agent asks you for a secret',
  text: ['Answer only if you expected this request. If you did not, deny it.'],
};

export const filledView: PageView = {
  icon: 'done',
  title: 'The secret was stored',
  text: ['It was encrypted on this device. The agent can use it by its name. You can close this page.'],
};

export const deniedView: PageView = {
  icon: 'bin',
  title: 'You denied the request',
  text: ['Nothing was stored, and the link does not work any more. You can close this page.'],
};

export const formTexts = {
  replace:
    'If a value with this name exists, your answer replaces it, together with its earlier versions and its rules. This can’t be undone.',
  secret: 'Secret',
  secretHint: 'Up to 64 KiB. Line breaks are kept.',
  show: 'Show',
  hide: 'Hide',
  rules: 'What it may be used for',
  hosts: 'Hosts that may receive it',
  hostsHint:
    'For example api.example.com, separated by commas. Agents that use secrets without seeing them can send it only there. Empty: nowhere.',
  methods: 'Methods (optional)',
  methodsHint: 'For example GET, POST. Empty: all.',
  paths: 'Paths (optional)',
  pathsHint: 'For example /v1/charges, /v1/invoices/**. Empty: all.',
  send: 'Encrypt and send',
  deny: 'Deny',
  retry: 'Try again',
  noSecret: 'Type the secret first.',
  tooLong: 'The secret is longer than 64 KiB.',
  sending: 'Sending …',
} as const;

export const suggestText = (host: string): string => `Use ${host}`;
