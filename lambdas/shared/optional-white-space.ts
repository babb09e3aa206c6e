/**
 * Removes spaces and tabs around a text: the optional white space of HTTP (RFC 9110 section 5.6.3). `trim` also removes
 * U+00A0 and its kin, which are part of a value.
 */
export function trimOptionalWhiteSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpaceOrTab(text.charAt(start))) start++;
  while (end > start && isSpaceOrTab(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

const isSpaceOrTab = (character: string): boolean => character === ' ' || character === '\t';
