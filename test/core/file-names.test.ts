import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitizeFileName } from '../../core/blobs/file-name.ts';

describe('a file name from a stranger', () => {
  test.for([
    ['report.pdf', 'report.pdf'],
    ['Größe 漢字 🙂.png', 'Größe 漢字 🙂.png'],
    ['', 'file'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\cmd.exe', 'cmd.exe'],
    ['a/', 'a'],
    ['a/..', 'a'],
    ['/', 'file'],
    ['..', 'file'],
    ['. . .', 'file'],
    ['..a', '.a'],
    ['a.exe. . ', 'a.exe'],
    ['report.pdf        .exe', 'report.pdf .exe'],
    ['a\0\r\n\u2028\u200B\uFEFFb', 'a_ b'],
    ['con.txt', '_con.txt'],
    ['con .txt', '_con .txt'],
    ['LPT1', '_LPT1'],
    ['COM¹.log', '_COM¹.log'],
    ['console.txt', 'console.txt'],
    ['<b>"|?*:.txt', '_b______.txt'],
    ['lone \uD800 surrogate', 'lone \uFFFD surrogate'],
    [`${'x'.repeat(400)}.tar.gz`, `${'x'.repeat(177)}.gz`],
    ['é'.repeat(200), 'é'.repeat(90)],
  ] as const)('%j is saved as %j', ([name, safe]) => {
    expect(sanitizeFileName(name)).toBe(safe);
  });

  test.for([
    ['a leading dot', '.gitignore'],
    ['a leading dot and an extension', '.config.json'],
    ['ZWNJ in Persian', 'می\u200Cخواهم.pdf'],
    ['ZWJ at the end of a Persian abbreviation', 'ه\u200D ق.txt'],
    ['ZWJ and ZWNJ in Hindi', 'क्\u200Dष क्\u200Cष.txt'],
    ['ZWJ in Bengali', 'র\u200D্যাম.txt'],
    ['ZWNJ in Malayalam', 'അവന്\u200Cറെ.txt'],
    ['ZWJ in Sinhala', 'ශ්\u200Dරී ලංකා.txt'],
    ['ZWNJ in Kurdish behind a mark', 'کە\u064E\u200Cم.txt'],
    ['ZWSP in Khmer', 'ខ្ញុំ\u200Bស្រលាញ់.txt'],
    ['ZWSP in Thai', 'ภาษา\u200Bไทย.txt'],
    ['an emoji of a family', '👨\u200D👩\u200D👧\u200D👦.png'],
    ['an emoji with a skin tone and ZWJ', '👩🏽\u200D🚀.png'],
    ['an emoji with a variation selector and ZWJ', '🏳\uFE0F\u200D🌈.png'],
    ['a grapheme joiner between marks of Hebrew', 'יְרוּשָׁלַ\u034Fִם.txt'],
    ['a heart as an emoji', 'I ❤\uFE0F you.jpg'],
    ['a keycap', '1\uFE0F\u20E3.txt'],
    ['a flag of a region', '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}.png'],
    ['a variant of an ideograph', '葛\u{E0100}城.txt'],
    ['a compatibility ideograph', '\uFA19戸.txt'],
    ['a Mongolian vowel separator', 'ᠬᠠᠨ\u180Eᠠ.txt'],
    ['an old Hangul syllable', 'ᄀ\u1160ᆨ.txt'],
    ['an end-of-verse mark of Arabic', 'سورة\u06DD1.txt'],
    ['a wide space of Japanese', '議事録\u3000最終.txt'],
    ['a narrow no-break space, as of macOS', 'Screenshot 10.30.15\u202FAM.png'],
    ['Arabic and Hebrew without controls', 'تقرير שלום.pdf'],
    ['an apostrophe, a percent sign, a number sign', 'it’s 100 % #1 & more.txt'],
    ['a hyphen at the beginning', '-5 °C.txt'],
  ] as const)('keeps %s', ([, name]) => {
    expect(sanitizeFileName(name)).toBe(name);
  });

  test.for([
    ['holiday\u202Egnp.exe', 'holiday[U+202E]gnp.exe'],
    ['\u2066a\u2069\u200F\u200E\u061Cb.txt', '[U+2066]a[U+2069][U+200F][U+200E][U+061C]b.txt'],
    ['\u202Aa\u202Bb\u202Cc\u202Dd\u2067e\u2068f', '[U+202A]a[U+202B]b[U+202C]c[U+202D]d[U+2067]e[U+2068]f'],
  ] as const)('shows the bidi controls of %j: %j', ([name, safe]) => {
    expect(sanitizeFileName(name)).toBe(safe);
  });

  test.for([
    ['joiners between Latin letters', 'pay\u200Dpal\u200C.com', 'paypal.com'],
    ['a joiner at the beginning', '\u200Da', 'a'],
    ['a zero-width space between Latin letters', 'a\u200Bb', 'ab'],
    ['word joiners and byte order marks', 'م\u2060ی\uFEFF', 'می'],
    ['tags without a flag', 'a\u{E0061}b', 'ab'],
    ['fillers without a syllable', 'a\u3164\u115F\uFFA0b', 'ab'],
    ['a variation selector of a Latin letter', 'a\uFE0Fb', 'ab'],
    ['a soft hyphen', 'a\u00ADb', 'ab'],
    ['what separates a letter from its accent', 'e\u200D\u0301', 'é'],
    ['a blank Braille pattern', 'a\u2800b', 'ab'],
    ['private use', 'a\uE000b', 'a_b'],
    ['terminal escapes', 'a\u001b[2Jb', 'a_[2Jb'],
  ] as const)('removes or marks %s', ([, name, safe]) => {
    expect(sanitizeFileName(name)).toBe(safe);
  });

  test('is one bounded name without a path or anything that reorders text, and stays as it is the second time', () => {
    const nasty = fc.constantFrom(
      ...['/', '\\', '\u202E', '\0', '.', ' ', ':', '\uD800', 'con', '\u2028', 'é', '\u200D', '\u200C', '\uFE0F'],
      ...['ک', '👩', '\u{E0067}', '🏴', '\u200B', 'ខ', '\u1160', 'ᄀ'],
    );
    const text = fc
      .array(fc.oneof(nasty, fc.string({ unit: 'binary' })), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (name) => {
        const safe = sanitizeFileName(name);
        expect(safe).not.toMatch(/[/\\<>:"|?*\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]|^\s|[.\s]$|^\.*$|^\.\./u);
        expect(safe.isWellFormed()).toBe(true);
        expect(new TextEncoder().encode(safe).length).toBeLessThanOrEqual(181);
        expect(sanitizeFileName(safe)).toBe(safe);
      }),
      { numRuns: 2000 },
    );
  });
});
