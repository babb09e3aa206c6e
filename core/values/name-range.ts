/**
 * Bounds of all names in the order of the table. Names begin with one of `A-Z a-z 0-9 . _ @ : -`
 * (docs/format.md, section 4). History slots begin with `#` and are outside.
 */
export const firstPossibleName = '-';
export const lastPossibleName = '~';

export const isInNameRange = (text: string): boolean => text >= firstPossibleName && text <= lastPossibleName;
