/** Text of others, with everything visible that could mislead. */

/** Characters that show nothing, or change how other characters are shown: controls, formats, fillers. */
const invisible = /[\p{DI}\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** One line: every such character is an escape, line ends included. */
export const visibleLine = (text: string): string => text.replaceAll(invisible, escaped);

/**
 * Text of a message: only characters that change the direction or the position of text are escapes. Joiners stay, because
 * emoji and several scripts need them.
 */
export const messageText = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/gu, escaped);
