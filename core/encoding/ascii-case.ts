/**
 * Converts only ASCII letters to lower case. `toLowerCase` also maps other characters to ASCII letters (U+212A, the
 * Kelvin sign, to `k`), and depends on the version of Unicode.
 */
export const toAsciiLowerCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
