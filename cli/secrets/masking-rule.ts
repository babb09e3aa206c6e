/**
 * Which values are masked in output, and where. A value that is short or an ordinary word occurs in output that has
 * nothing to do with it: masking `production` or `8443` everywhere makes output useless and reveals the value.
 */

/**
 * `everywhere`: in every form of encoded-forms.ts, also within longer text. `whole-word`: in the same forms, but
 * only where no letter, digit or underscore adjoins. `never`: not at all.
 */
export type MaskingScope = 'everywhere' | 'whole-word' | 'never';

/** Values with at least this many characters are masked everywhere, unless they are ordinary. */
export const minLengthEverywhere = 8;
/** Shorter values are never masked. */
export const minLengthMasked = 4;
/** Numbers with fewer digits are ordinary, such as ports and years. Longer ones can be a PIN or a code. */
const minDigitsMasked = 6;

/** Settings that applications commonly have, in lower case. The word list of English words is used besides. */
const ordinaryTexts = new Set(
  [
    'true false null none undefined enabled disabled default auto always never optional required',
    'production staging development testing preview sandbox local localhost internal external public private',
    'debug info notice warn warning error fatal trace verbose silent',
    'root admin administrator user username guest postgres postgresql mysql mariadb mongodb redis sqlite oracle',
    'password passwd secret token changeme anonymous example sample master main develop latest stable beta alpha',
    'https http amqp smtp imap ldap utf-8 utf8 en-us en_us en_us.utf-8 json yaml text/plain application/json',
    '127.0.0.1 0.0.0.0 localhost.localdomain example.com',
  ].flatMap((row) => row.split(' ')),
);
/** A region of a cloud provider, such as eu-central-1. */
const region = /^[a-z]{2}(?:-[a-z]+){1,2}-?\d{1,2}[a-z]?$/;
const word = /^[a-z]+$/i;
const number = /^[+-]?\d[\d.,:_-]*$/;

/** Decides where a value is masked. */
export async function maskingScopeOf(value: string): Promise<MaskingScope> {
  const text = value.trim();
  const { length } = [...text];
  if (length < minLengthMasked || (await isOrdinary(text))) return 'never';
  return length < minLengthEverywhere || number.test(text) ? 'whole-word' : 'everywhere';
}

async function isOrdinary(text: string): Promise<boolean> {
  const lower = text.toLowerCase();
  if (number.test(text)) return text.replace(/\D/g, '').length < minDigitsMasked;
  if (ordinaryTexts.has(lower) || region.test(lower)) return true;
  if (!word.test(text)) return false;
  // Loaded on demand: only texts of letters alone need it.
  const { wordlist } = await import('@scure/bip39/wordlists/english.js');
  return wordlist.includes(lower);
}
