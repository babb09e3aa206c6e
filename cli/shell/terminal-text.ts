/**
 * Escapes characters with which untrusted text could control a terminal, hide, or change what other text seems to say.
 * Everything that this command prints goes through this file; see `Shell` for the methods.
 */
import { hiddenCharacters } from '../../core/encoding/hidden-characters.ts';

// The emoji and scripts that join characters with format characters are shown with these as escapes.
const hiddenCharacter = new RegExp(`[${hiddenCharacters}]`, 'gu');
const hiddenButLineEnd = new RegExp(`(?!\\n)[${hiddenCharacters}]`, 'gu');
const hiddenButLayout = new RegExp(`(?![\\n\\t])[${hiddenCharacters}]`, 'gu');

const hex = (code: number): string => code.toString(16).padStart(4, '0');

/** `\u202e`, or `\u{e0041}` for a character beyond the first plane. */
function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${hex(code)}}` : `\\u${hex(code)}`;
}

/** Escapes one piece of a line, such as a name or an error detail: line ends too, so that it cannot forge a line. */
export const escapeForLine = (text: string): string => text.replace(hiddenCharacter, visible);

/** Escapes a text of several lines whose line ends are this command's own. */
export const escapeForTerminal = (text: string): string => text.replace(hiddenButLineEnd, visible);

/** Escapes content such as a value. Its line ends and tabs are shown as they are. */
export const escapeContent = (text: string): string => text.replace(hiddenButLayout, visible);

/** Escapes JSON text without line ends. Parsers read the same from it, because only strings have such characters. */
export const escapeJson = (json: string): string =>
  json.replace(hiddenCharacter, (character) =>
    character
      .split('')
      .map((unit) => `\\u${hex(unit.charCodeAt(0))}`)
      .join(''),
  );

/** A template literal whose values are escaped: line`Stored ${name}.` */
export function line(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return texts.reduce((before, text, i) => before + escapeForLine(String(values[i - 1])) + text);
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'whiteOnBlack';

/** A part of a text in a style. An object, because escape sequences within a text are never passed on. */
export interface StyledText {
  readonly style: Style;
  readonly text: string;
}

/** A text to print; the parts of an array follow each other directly. */
export type TerminalText = string | readonly (string | StyledText)[];

export const styled = (style: Style, text: string): StyledText => ({ style, text });

/** Escapes a text and applies its styles. */
export function formatForTerminal(text: TerminalText, paint: (style: Style, text: string) => string): string {
  if (typeof text === 'string') return escapeForTerminal(text);
  return text
    .map((part) =>
      typeof part === 'string' ? escapeForTerminal(part) : paint(part.style, escapeForTerminal(part.text)),
    )
    .join('');
}
