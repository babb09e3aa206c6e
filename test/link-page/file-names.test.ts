import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatByteSize, sanitizeFileName } from '../../viewer/src/page/file-name-and-size.ts';

describe('a file name from a stranger', () => {
  test.for([
    ['report.pdf', 'report.pdf'],
    ['Größe 漢字 🙂.png', 'Größe 漢字 🙂.png'],
    ['', 'file'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\cmd.exe', 'cmd.exe'],
    ['/', 'file'],
    ['..', 'file'],
    ['.htaccess', 'htaccess'],
    ['a.exe. . ', 'a.exe'],
    ['holiday\u202Egnp.exe', 'holidaygnp.exe'],
    ['a\0\r\n\u2028\u200B\uFEFFb', 'a b'],
    ['con.txt', '_con.txt'],
    ['LPT1', '_LPT1'],
    ['console.txt', 'console.txt'],
    ['<b>"|?*:.txt', '_b______.txt'],
    ['lone \uD800 surrogate', 'lone \uFFFD surrogate'],
    [`${'x'.repeat(400)}.tar.gz`, `${'x'.repeat(177)}.gz`],
    ['é'.repeat(200), 'é'.repeat(90)],
  ] as const)('%j is saved as %j', ([name, safe]) => {
    expect(sanitizeFileName(name)).toBe(safe);
  });

  test('is one bounded name without a path or anything unseen, and stays as it is the second time', () => {
    const nasty = fc.constantFrom('/', '\\', '\u202E', '\0', '.', ' ', ':', '\uD800', 'con', '\u2028', 'é');
    const text = fc
      .array(fc.oneof(nasty, fc.string({ unit: 'binary' })), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (name) => {
        const safe = sanitizeFileName(name);
        expect(safe).not.toMatch(/[/\\<>:"|?*\p{C}\p{Zl}\p{Zp}]|^[.\s]|[.\s]$|^$/u);
        expect(new TextEncoder().encode(safe).length).toBeLessThanOrEqual(180);
        expect(sanitizeFileName(safe)).toBe(safe);
      }),
      { numRuns: 300 },
    );
  });
});

test.for([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [3_200_000_000, '3.2 GB'],
] as const)('%d bytes are told as %s', ([bytes, text]) => {
  expect(formatByteSize(bytes)).toBe(text);
});
