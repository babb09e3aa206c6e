/** docs/sessions.md: each claim of the table has a test whose title names it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../shared/vault-process.ts';

const read = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');

interface Row {
  readonly claims: readonly string[];
  readonly promise: string;
  /** File of a test, and words of its title if the page has some. */
  readonly tests: readonly (readonly [file: string, words: string])[];
}

/** A file without a folder is in the folder that the page names first. */
const pathOf = (file: string): string => (file.includes('/') ? file : `test/sdk/session/${file}`);

function rowsOf(page: string): Row[] {
  const [, section = ''] = /^## What is promised([\s\S]*?)^## /m.exec(page) ?? [];
  return [...section.matchAll(/^\| (.*?) ?\| (.*?) \| (.*) \|$/gm)]
    .map(([, claims = '', promise = '', tests = '']) => ({
      claims: claims.split(', ').filter((claim) => claim.trim() !== ''),
      promise,
      tests: [...tests.matchAll(/`([\w./-]+)`(?:: ([^`]*?))?(?:, (?=`)|$)/g)].map(
        ([, file = '', words = '']) => [pathOf(file), words] as const,
      ),
    }))
    .filter(({ promise }) => promise !== 'promise');
}

/** Titles of tests and of groups of tests. */
const titlesOf = (file: string): string[] =>
  [...read(file).matchAll(/\b(?:test|describe)(?:\.\w+)*(?:\((?!\[)|\([^()]*\)\()\s*(['`])(.*?)\1,/g)].map(
    ([, , title = '']) => title,
  );

/** A title names its claims at its beginning: `C1, I3: what is promised`. */
const claimsOf = (title: string): string[] => /^((?:[CIA]\d, )*[CIA]\d)[:,] /.exec(title)?.[1]?.split(', ') ?? [];

const rows = rowsOf(read('docs/sessions.md'));

describe('the table of claims', () => {
  test('has each claim of the published system', () => {
    const claims = new Set(rows.flatMap((row) => row.claims));
    expect([...claims].sort()).toEqual(['A1', 'A2', 'A3', 'C1', 'C2', 'C3', 'C4', 'I1', 'I2', 'I3']);
  });

  test.each(rows)('$claims $promise: its tests exist, and their titles name the claim', ({ claims, tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const [file, words] of tests) {
      expect(existsSync(join(projectFolder, file)), file).toBe(true);
      const found = titlesOf(file).filter((title) => title.toLowerCase().includes(words.toLowerCase()));
      expect(found, `${file}: ${words}`).not.toEqual([]);
      for (const claim of claims) expect(found.flatMap(claimsOf), `${file}: ${words}`).toContain(claim);
    }
  });
});
