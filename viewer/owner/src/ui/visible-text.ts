/** Text of others, with everything visible that could mislead. */
import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';

/**
 * Text of a message: only characters that change the direction or the position of text are escapes. Joiners stay, because
 * emoji and several scripts need them.
 */
export const messageText = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/gu, (character) =>
      escapeHidden(character),
    );
