/**
 * Makes characters visible that change how a text is shown: control, format and bidirectional characters, line and
 * paragraph separators, and unassigned or private ones. Each becomes its code, such as `[U+202E]`.
 */
export const showHiddenCharacters = (text: string): string =>
  text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
  );
