/**
 * Makes a safe file name from the name that a sender chose. The result is one path segment on every operating system.
 * It keeps the characters that scripts and emoji need, and shows what would otherwise hide or reorder text.
 */

/** Maximum bytes of UTF-8. Most file systems allow 255; programs that save files add numbers and extensions. */
const maxNameBytes = 180;
const maxExtensionLength = 16;

/** Characters that are special in file systems. */
const forbiddenCharacters = /[<>:"|?*/\\]/;
/** Windows device names, with any extension. Windows treats superscript digits as digits there, and ignores spaces. */
const windowsDeviceName = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$|clock\$)(?= *(?:\.|$))/i;
/** Bidirectional controls (UAX #9). They can reorder the text around them, so that an extension seems to be another. */
const bidiControl = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/;
/**
 * Characters without a defined appearance: controls, private use, lone surrogates, noncharacters. Unassigned characters
 * are kept, because they can belong to a script that is newer than this software.
 */
const undisplayable = /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}]/u;
/** Format characters and fillers that are not displayed. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]/u;
/** Format characters that are displayed: number signs and end-of-verse marks of Arabic, Syriac and Kaithi. */
const displayedFormat = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/u;

/** Scripts of which only one letter is matched; marks, which can follow any letter, are looked up separately. */
const scriptsOf = (...scripts: string[]): RegExp =>
  new RegExp(`[${scripts.map((name) => `\\p{Script_Extensions=${name}}`).join('')}]`, 'u');

/** Scripts whose spelling uses the joiners (UAX #31, section 2.3; The Unicode Standard, chapters 9, 12 and 13). */
const joining = scriptsOf(
  ...['Arabic', 'Syriac', 'Mandaic', 'Mongolian', 'Nko', 'Phags_Pa', 'Manichaean', 'Adlam', 'Hanifi_Rohingya'],
  ...['Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala'],
  ...['Khmer', 'Myanmar', 'Tibetan', 'Balinese', 'Javanese', 'Sundanese', 'Grantha', 'Brahmi', 'Newa', 'Chakma'],
  ...['Limbu', 'Lepcha', 'Meetei_Mayek', 'Thaana', 'Tifinagh', 'Sharada', 'Kaithi', 'Tirhuta', 'Khojki', 'Modi'],
);
const emoji = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const withoutSpaces = scriptsOf('Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan', 'Javanese', 'Balinese');
const mongolian = scriptsOf('Mongolian');
const hangul = scriptsOf('Hangul');
const han = scriptsOf('Han', 'Hiragana', 'Katakana', 'Phags_Pa', 'Mongolian', 'Myanmar', 'Bopomofo');

/** Invisible characters that change how a character is displayed, and the characters that they may follow. */
const needed: readonly (readonly [character: RegExp, after: RegExp])[] = [
  // Zero-width joiner and non-joiner.
  [/[\u200C\u200D]/, joining],
  [/\u200D/, emoji],
  // Zero-width space: word boundaries in scripts that are written without spaces.
  [/\u200B/, withoutSpaces],
  // Variation selectors: emoji or text, keycaps, variants of ideographs and of Mongolian letters.
  [/[\uFE00-\uFE0F]/, /[\p{Emoji}\p{Sm}\p{So}]/u],
  [/[\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/u, han],
  [/[\u180B-\u180F]/, mongolian],
  // Tags: flags of regions, such as Scotland.
  [/[\u{E0020}-\u{E007F}]/u, /\u{1F3F4}/u],
  // Fillers of old Hangul syllables.
  [/[\u115F\u1160]/, hangul],
  // Combining grapheme joiner: orders marks.
  [/\u034F/, scriptsOf('Hebrew', 'Arabic')],
];

/** Compatibility ideographs are variants in Japanese and Korean names; NFC would replace them. */
const normalizable = /[^\uF900-\uFAFF\u{2F800}-\u{2FA1F}]+/gu;

/**
 * Sanitizes a file name: no path, no reserved characters, no device name, at most 180 bytes of UTF-8. Bidirectional
 * controls become text such as `[U+202E]`. Other characters that are not displayed are removed, unless the script or
 * the emoji before them needs them. A leading dot and the extension are kept. The result of the result is the same.
 */
export function sanitizeFileName(name: string): string {
  const last = name
    .split(/[/\\]/)
    .filter((part) => part.trim() !== '' && !/^[\s.]*$/.test(part))
    .at(-1);
  const text = (last ?? '').toWellFormed();
  // Characters can be composed only after what was between them is removed.
  const clean = replaceUnsafeCharacters(text)
    .replace(normalizable, (part) => part.normalize('NFC'))
    // A run of spaces could move the extension out of view.
    .replace(/(\s)\s+/g, '$1')
    .replace(/^\s+|[\s.]+$/g, '')
    .replace(/^\.(?:[\s.]*\.)?\s*/, '.');
  const short = shortenKeepingExtension(clean === '' || clean === '.' ? 'file' : clean);
  return windowsDeviceName.test(short) ? `_${short}` : short;
}

function replaceUnsafeCharacters(text: string): string {
  let clean = '';
  /** The last character that is displayed and no mark: the one that invisible characters after it belong to. */
  let base = '';
  for (const character of text) {
    const safe = replaceUnsafeCharacter(character, base);
    clean += safe;
    if (safe !== '' && !/^[\p{M}\p{Cf}]/u.test(safe)) base = [...safe].at(-1) ?? '';
  }
  return clean;
}

function replaceUnsafeCharacter(character: string, base: string): string {
  if (bidiControl.test(character))
    return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
  if (/\s/.test(character) && !/[\uFEFF\u2028\u2029]/.test(character))
    return /\p{Zs}/u.test(character) ? character : ' ';
  if (/[\u2028\u2029]/.test(character)) return ' ';
  if (undisplayable.test(character) || forbiddenCharacters.test(character)) return '_';
  if (!invisible.test(character) || displayedFormat.test(character)) return character;
  return needed.some(([one, after]) => one.test(character) && after.test(base)) ? character : '';
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;

function shortenKeepingExtension(name: string): string {
  if (utf8Length(name) <= maxNameBytes) return name;
  const [extension = ''] = new RegExp(`\\.[^. ]{1,${maxExtensionLength}}$`, 'u').exec(name) ?? [];
  const stem = [...name.slice(0, name.length - extension.length)];
  while (utf8Length(stem.join('') + extension) > maxNameBytes) stem.length -= 1;
  // A joiner at the end has nothing to join.
  return stem.join('').replace(/[\s.\p{Cf}]+$/u, '') + extension;
}
