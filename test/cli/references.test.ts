import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  environmentVariableFor,
  environmentVariablesFor,
  maxValueBytes,
  normalizeFolder,
} from '../../cli/secrets/value-names.ts';
import { limits } from '../../contract/shared/limits.ts';
import { nameProblem } from '../../contract/shared/name-patterns.ts';
import {
  InvalidReferenceError,
  isReference,
  parseReference,
  referenceKey,
} from '../../egress/references/secret-references.ts';
import { vaultNameProblem } from '../../egress/references/vault-names.ts';

describe('a reference', () => {
  test('names a value, and a version if it says so', () => {
    expect(parseReference('anima://prod/stripe/key')).toEqual({ name: 'prod/stripe/key' });
    expect(parseReference('anima://a@b:c?version=12')).toEqual({ name: 'a@b:c', version: 12 });
    expect(referenceKey({ name: 'a' })).not.toBe(referenceKey({ name: 'a', version: 1 }));
  });

  test.each([
    ['of another scheme', 'https://prod/key'],
    ['in capitals', 'ANIMA://prod/key'],
    ['without a path', 'anima://'],
    ['with an empty part', 'anima://prod//key'],
    ['that begins with a slash', 'anima:///prod'],
    ['that ends with a slash', 'anima://prod/'],
    ['that climbs', 'anima://prod/../key'],
    ['with an escape', 'anima://prod%2Fkey'],
    ['with a space', 'anima://prod/key '],
    ['with a fragment', 'anima://prod/key#x'],
    ['of version 0', 'anima://prod/key?version=0'],
    ['of a version that is no number', 'anima://prod/key?version=latest'],
    ['of an endless version', `anima://prod/key?version=${'9'.repeat(16)}`],
    ['with an empty query', 'anima://prod/key?'],
    ['with another query', 'anima://prod/key?v=1'],
    ['with a query twice', 'anima://prod/key?version=1&version=2'],
    ['that is too long', `anima://${'a'.repeat(257)}`],
  ])('%s is refused, without being repeated', (_, text) => {
    const error = (() => {
      try {
        return parseReference(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(InvalidReferenceError);
    expect(String(error)).not.toContain(text.slice('anima://'.length) || text);
  });

  test('takes exactly the names that the vault takes', () => {
    const part = fc.constantFrom(
      'a',
      'Z9',
      '.',
      '..',
      '...',
      '_@:-',
      '',
      ' ',
      'é',
      '%',
      '?',
      '#',
      '\n',
      'x'.repeat(130),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), fc.constantFrom('/', ''), (parts, separator) => {
        const name = parts.join(separator);
        expect(vaultNameProblem(name) === undefined).toBe(nameProblem(name) === undefined);
      }),
      { numRuns: 2000 },
    );
    expect(maxValueBytes).toBe(limits.valueBytes);
  });

  test('is a whole text that begins so, and nothing else', () => {
    expect(isReference('anima://x')).toBe(true);
    for (const text of ['', 'x anima://x', ' anima://x', 'Anima://x', 'anima:/x'])
      expect(isReference(text)).toBe(false);
  });
});

describe('a variable', () => {
  test('is the name below the folder, in upper case, with _ for what variables can’t have', () => {
    expect(environmentVariableFor('prod/stripe/secret-key', 'prod/')).toBe('STRIPE_SECRET_KEY');
    expect(environmentVariableFor('a.b@c:d', '')).toBe('A_B_C_D');
    expect(environmentVariableFor('prod/2fa', 'prod/')).toBe('_2FA');
  });

  test('stands for one name: two that would be the same are refused, both named', () => {
    expect([...environmentVariablesFor(['p/a', 'p/b'], 'p/')]).toEqual([
      ['A', 'p/a'],
      ['B', 'p/b'],
    ]);
    expect(() => environmentVariablesFor(['p/a-b', 'p/a.b'], 'p/')).toThrow(
      /p\/a-b and p\/a\.b would both become the variable A_B/,
    );
  });

  test('comes from a folder, with or without its slash', () => {
    expect([
      normalizeFolder('prod'),
      normalizeFolder('prod/'),
      normalizeFolder(''),
      normalizeFolder(undefined),
    ]).toEqual(['prod/', 'prod/', '', '']);
    for (const odd of ['/', '/prod', 'a//b', '../x', 'a b'])
      expect(() => normalizeFolder(odd)).toThrow(/--prefix requires a folder/);
  });
});
