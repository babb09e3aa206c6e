/** Text of others, with everything visible that could mislead. */
import { hexOf, replaceHidden } from '../../../core/encoding/hidden-characters.ts';

/** One line. Each hidden or blank character becomes its code, such as `[U+202E]`, as in the name of a file. */
export const showHiddenCharacters = (text: string): string =>
  replaceHidden(text, (character) => `[U+${hexOf(character).toUpperCase().padStart(4, '0')}]`);
