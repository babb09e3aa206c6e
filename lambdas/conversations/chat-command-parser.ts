/** The vault's own chat replies, and the parser of chat commands. Replies are plain text and name no internals. */
export const chatCommandReplies = {
  linkCode: (code: string) =>
    `Send this on the channel that you want to link, within ten minutes:\nlink ${code}\nAnyone who sends it will see this conversation.`,
  linked: 'Linked. This channel and the one that gave you the code are now one conversation.',
  linkCodeRefused:
    'This code does not work: it is wrong, too old, or was used before. Send "link" on the other channel for a new one.',
  alreadyLinked:
    'This channel belongs to a conversation already. To link it to another one, send "unlink" first, or "delete my account" if this is its only channel.',
  notPrivate: 'Others can read along here. Send me a direct message for that.',
  unlinked: 'This channel is no longer linked. What you send on it next begins a new conversation.',
  lastSlot:
    'This channel is the only way to open this conversation, so it was not unlinked. To delete everything, send "delete my account".',
  confirmDeletion: (code: string) =>
    `This destroys the whole conversation for good, on all channels. If you want that, send this within a quarter of an hour:\ndelete my account ${code}`,
  deletionCodeRefused: 'Nothing was deleted: this code is wrong or too old. Send "delete my account" for a new one.',
  deleted: 'Your account is deleted. Nobody can open its messages any more.',
  corruptAccount:
    "The account of this channel can't be opened because its stored data is damaged. Nothing was changed. To have it deleted, ask the organization that you are writing to.",
  noAccount: 'There is no account for this channel, and nothing is kept.',
} as const;

/** A command to the vault. */
export type ChatCommand =
  | { readonly kind: 'start-link' }
  | { readonly kind: 'redeem'; readonly code: string }
  | { readonly kind: 'unlink' }
  | { readonly kind: 'ask-delete' }
  | { readonly kind: 'delete'; readonly code: string };

const exactCommands = new Map<string, ChatCommand['kind'] & ('start-link' | 'unlink' | 'ask-delete')>([
  ['link', 'start-link'],
  ['unlink', 'unlink'],
  ['delete my account', 'ask-delete'],
  ['delete my account now', 'ask-delete'],
  ['delete my account please', 'ask-delete'],
]);

/**
 * Parses a chat command. Returns undefined if the text is not a command. Case, white space, the kind of hyphen and
 * closing punctuation are ignored.
 *
 * A code must not be stored in a conversation. Text that contains a code is therefore treated as a command even if the
 * code is mistyped, is followed by other text, or is the whole text.
 * @param isEmail whether the text is an email. Only its first unquoted line is then parsed, because signatures and
 *   quotations follow it. If this line starts with "link", later lines are searched for a code too. They must contain
 *   it exactly as the vault displays it, so a telephone number is not mistaken for a code
 */
export function parseChatCommand(text: string, isEmail = false): ChatCommand | undefined {
  const lines = isEmail ? text.split(/\r?\n/).filter((line) => /^\s*[^\s>]/.test(line)) : [text];
  const words = normalizeText(lines[0] ?? '');
  const kind = exactCommands.get(words);
  if (kind !== undefined) return { kind };
  const code = findLinkCode(words) ?? (isEmail ? findFormattedLinkCode(normalizeText(lines.join('\n'))) : undefined);
  if (code !== undefined) return { kind: 'redeem', code };
  const deletion = /^delete my account[^0-9a-z]+([0-9a-z -]{4,9})$/.exec(words)?.[1];
  return deletion !== undefined && resemblesDeletionCode(deletion) ? { kind: 'delete', code: deletion } : undefined;
}

/** Characters to which a text is cut before it is matched; far above the length of any command. */
const maxCommandLength = 200;
const quoteCharacters = `"'\`“”„‘’«»*_`;
const surroundingPunctuation = new RegExp(`^[ ${quoteCharacters}]+|[ ${quoteCharacters}.,;!]+$`, 'gu');

/** Normalizes letters, hyphens and white space. Removes invisible characters and surrounding quotes and punctuation. */
const normalizeText = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\p{Pd}\u2212]/gu, '-')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trimStart()
    .slice(0, maxCommandLength)
    .replace(surroundingPunctuation, '');

const linkCodePattern = '[0-9a-z]{4}[ -]?[0-9a-z]{4}[ -]?[0-9a-z]{4}';
/** Twelve characters that are not part of an address or a longer word. */
const linkCodeInTextPattern = new RegExp(`(?<![0-9a-z/.=_-])${linkCodePattern}(?![0-9a-z/=_-])`, 'g');
/**
 * A code as the vault displays it, with at least one digit. One code in a hundred has no digit. Text such as
 * "take-that-easy" is therefore treated as a code only after "link".
 */
const standaloneLinkCodePattern = /^(?=.*[0-9])[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}$/;

/** Finds text that was probably meant as a code. "link me to your manager" is an ordinary message. */
function findLinkCode(words: string): string | undefined {
  if (standaloneLinkCodePattern.test(words)) return words;
  const rest = /^link[^0-9a-z]+(.+)$/.exec(words)?.[1];
  if (rest === undefined) return undefined;
  if (new RegExp(`^${linkCodePattern}$`).test(rest) || isMistypedLinkCode(rest)) return rest;
  return rest.match(linkCodeInTextPattern)?.find((found) => /[0-9]|-.*-/.test(found));
}

/**
 * A code as the vault displays it, with at least one letter. Telephone numbers have no letter; one code in a million
 * has none.
 */
const formattedLinkCodePattern =
  /(?<![0-9a-z/.=_-])(?=[0-9-]*[a-z])[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}(?![0-9a-z/=_-])/;

/** Finds a code in any line of a text that starts with "link". */
const findFormattedLinkCode = (words: string): string | undefined =>
  /^link[^0-9a-z]/.test(words) ? formattedLinkCodePattern.exec(words)?.[0] : undefined;

/** Whether a text resembles a mistyped code: similar length, groups of about four characters, and a digit. */
function isMistypedLinkCode(rest: string): boolean {
  const parts = rest.split(/[ -]+/);
  const length = parts.join('').length;
  const grouped = parts.every((part) => /^[0-9a-z]{3,5}$/.test(part)) || parts.length === 1;
  return /^[0-9a-z -]+$/.test(rest) && /[0-9]/.test(rest) && grouped && length >= 8 && length <= 15;
}

/**
 * Whether a text has six characters, or a similar length and a digit. "delete my account data" is an ordinary message.
 */
const resemblesDeletionCode = (rest: string): boolean =>
  /^[0-9a-z]{6}$/.test(rest) || /^[0-9a-z]{3}[ -][0-9a-z]{3}$/.test(rest) || /[0-9]/.test(rest);
