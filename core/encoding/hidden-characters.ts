/** Characters with which a text of others can hide something, or change what the text around it seems to say. */

/**
 * The inside of a character class: controls (C0, C1), format characters (bidi controls, zero-width characters, tags),
 * lone surrogates, private-use and unassigned characters, line and paragraph separators, and others that are not shown.
 */
export const hiddenCharacters = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}`;

/** Also blanks: spaces other than U+0020, and the empty Braille pattern. */
const hiddenOrBlank = new RegExp(`[${hiddenCharacters}\\u2800]|(?! )\\p{Zs}`, 'gu');

/** Lower-case hex digits of the code of a character. */
export const hexOf = (character: string): string => (character.codePointAt(0) ?? 0).toString(16);

/** Replaces every hidden or blank character, line ends included. */
export const replaceHidden = (text: string, replacement: (character: string) => string): string =>
  text.replace(hiddenOrBlank, (character) => replacement(character));

/** One line of text: every hidden or blank character is an escape such as `\u{202e}`. */
export const escapeHidden = (text: string): string => replaceHidden(text, (character) => `\\u{${hexOf(character)}}`);
