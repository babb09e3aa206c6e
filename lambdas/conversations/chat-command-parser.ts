/** Every sentence that the vault itself says in a conversation, and what it takes for a command. Plain text, without names of anything inside. */
export const chatCommandReplies = {
  linkCode: (code: string) =>
    `Send this on the channel that you want to link, within ten minutes:\nlink ${code}\nWhoever sends it will see this conversation.`,
  linked: 'Linked. This channel and the one that gave you the code are now one conversation.',
  linkCodeRefused:
    'This code does not work: it is wrong, too old, or was used before. Send "link" on the other channel for a new one.',
  alreadyLinked:
    'This channel belongs to a conversation already. To link it to another one, send "unlink" first, or "delete my account" if it is the only one.',
  notPrivate: 'Others can read along here. Send me a direct message for that.',
  unlinked: 'This channel is no longer linked. What you send on it next begins a new conversation.',
  lastSlot:
    'Nothing else opens this conversation, so this channel stays. To delete everything, send "delete my account".',
  confirmDeletion: (code: string) =>
    `This destroys the whole conversation for good, on all channels. If you want that, send this within a quarter of an hour:\ndelete my account ${code}`,
  deletionCodeRefused: 'Nothing was deleted: this code is wrong or too old. Send "delete my account" for a new one.',
  deleted: 'Your account is deleted. Nobody can open its messages any more.',
  corruptAccount:
    "The account of this channel can't be opened: what is stored of it is damaged. Nothing was changed. To have it deleted, ask the organization that you write to.",
  noAccount: 'There is no account for this channel, and nothing is kept.',
} as const;

/** What a person asks of the vault itself. */
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
 * The command that a text is; undefined for every other text. Case, white space, kinds of hyphens and closing punctuation do not matter. A
 * code that is told to the vault must not go into a conversation, so of what looks like one more is taken for a command: also a mistyped
 * code, one that something follows, and one that stands alone.
 * @param isEmail whether it is a mail: then its first line counts, since signatures and quotations follow it. Behind a first line that begins
 *   with "link" a code is looked for in later ones too, as the vault shows it alone: a telephone number is none
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

/** No command is longer, by far; what was cut off a longer text keeps it from being one. */
const maxCommandLength = 200;
const quoteCharacters = `"'\`“”„‘’«»*_`;
const surroundingPunctuation = new RegExp(`^[ ${quoteCharacters}]+|[ ${quoteCharacters}.,;!]+$`, 'gu');

/** A text as it is compared: one form of letters and hyphens, without what can't be seen and what is put around words. */
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
/** Twelve characters by themselves, not within an address or another word. */
const linkCodeInTextPattern = new RegExp(`(?<![0-9a-z/.=_-])${linkCodePattern}(?![0-9a-z/=_-])`, 'g');
/** As it is shown. One in a hundred has no digit, so "take-that-easy" is taken for one only behind "link". */
const standaloneLinkCodePattern = /^(?=.*[0-9])[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}$/;

/** What a person may have meant for a code; "link me to your manager" is a message like any other. */
function findLinkCode(words: string): string | undefined {
  if (standaloneLinkCodePattern.test(words)) return words;
  const rest = /^link[^0-9a-z]+(.+)$/.exec(words)?.[1];
  if (rest === undefined) return undefined;
  if (new RegExp(`^${linkCodePattern}$`).test(rest) || isMistypedLinkCode(rest)) return rest;
  return rest.match(linkCodeInTextPattern)?.find((found) => /[0-9]|-.*-/.test(found));
}

/** As it is shown, with a letter: of a million codes one has none, and numbers of telephones have none. */
const formattedLinkCodePattern =
  /(?<![0-9a-z/.=_-])(?=[0-9-]*[a-z])[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}(?![0-9a-z/=_-])/;

/** A code behind "link", in whichever line. */
const findFormattedLinkCode = (words: string): string | undefined =>
  /^link[^0-9a-z]/.test(words) ? formattedLinkCodePattern.exec(words)?.[0] : undefined;

/** Part of a code still: about as long, in groups of about four, with a digit. */
function isMistypedLinkCode(rest: string): boolean {
  const parts = rest.split(/[ -]+/);
  const length = parts.join('').length;
  const grouped = parts.every((part) => /^[0-9a-z]{3,5}$/.test(part)) || parts.length === 1;
  return /^[0-9a-z -]+$/.test(rest) && /[0-9]/.test(rest) && grouped && length >= 8 && length <= 15;
}

/** Six characters, or about as many with a digit; "delete my account data" is a message. */
const resemblesDeletionCode = (rest: string): boolean =>
  /^[0-9a-z]{6}$/.test(rest) || /^[0-9a-z]{3}[ -][0-9a-z]{3}$/.test(rest) || /[0-9]/.test(rest);
