/** White space, and characters that nobody sees: a value is found without them, in a response and in itself. */
const unseen = '[\\0\\p{White_Space}\\p{Default_Ignorable_Code_Point}]';
const oneUnseen = new RegExp(`^${unseen}$`, 'u');
const allUnseen = new RegExp(unseen, 'gu');

/** @param character exactly one character; false for other texts */
export const isUnseen = (character: string): boolean => oneUnseen.test(character);
export const withoutUnseen = (text: string): string => text.replace(allUnseen, '');
