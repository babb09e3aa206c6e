/**
 * Words of a text for searches, so that spellings of the same word are equal: lower case, without accents, with ASCII
 * digits, and without the separators of thousands.
 */

/** Letters that Unicode does not decompose. */
const spelled: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ς: 'σ' },
};
const spelledLetters = new RegExp(`[${Object.keys(spelled).join('')}]`, 'g');

/** In other scripts, marks are vowels or parts of letters. */
const accents =
  /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Arabic}\p{Script=Hebrew}]\p{M}*)\p{M}/gu;

/** Each run of decimal digits in Unicode begins with a zero, and has ten digits for each script. */
function asciiDigit(digit: string): string {
  const at = digit.codePointAt(0) ?? 0;
  let zero = at;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((at - zero) % 10);
}

/** The words of a text, in its order. */
export const foldedWords = (text: string): readonly string[] =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(accents, '')
    .replace(spelledLetters, (letter) => spelled[letter] ?? letter)
    .replace(/[^\P{Nd}0-9]/gu, asciiDigit)
    .replace(/(?<=\d)[,'’_](?=\d{3}(?!\d))/g, '')
    .match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
