/** Generated secrets. */
import { describe, expect, test } from 'vitest';
import { generateRandomSecret, secretKinds } from '../../cli/mcp/secret-generator.ts';

const patterns = {
  password: /^[A-Za-z0-9!#%*+\-.=?@_~]{32}$/,
  hex: /^[0-9a-f]{64}$/,
  base64url: /^[A-Za-z0-9_-]{43}$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
};

describe('a secret', () => {
  test.each(secretKinds)('of kind %s has its form and never comes twice', (kind) => {
    const made = Array.from({ length: 200 }, () => generateRandomSecret({ kind }));
    for (const secret of made) expect(secret).toMatch(patterns[kind]);
    expect(new Set(made).size).toBe(200);
  });

  test('has the length and the alphabet asked for, each character equally often', () => {
    const drawn = Array.from({ length: 100 }, () =>
      generateRandomSecret({ kind: 'password', length: 100, alphabet: '0123456789' }),
    ).join('');
    expect(drawn).toMatch(/^\d{10000}$/);
    const counts = [...'0123456789'].map((digit) => drawn.split(digit).length - 1);
    // The mean is 1000 and the standard deviation 30. Six standard deviations in either direction are accepted.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(180);
    expect(generateRandomSecret({ kind: 'hex', length: 25 })).toMatch(/^[0-9a-f]{25}$/);
    expect(generateRandomSecret({ kind: 'base64url', length: 100 })).toMatch(/^[\w-]{100}$/);
  });

  test('of the default alphabet has small and large letters, digits and marks, however short', () => {
    for (let i = 0; i < 200; i++) {
      const secret = generateRandomSecret({ kind: 'password', length: 16 });
      for (const set of [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/]) expect(secret).toMatch(set);
    }
  });

  test.each([
    [{ kind: 'password', length: 15 }, 'random bits'],
    [{ kind: 'hex', length: 23 }, '92 random bits'],
    [{ kind: 'base64url', length: 15 }, '90 random bits'],
    [{ kind: 'password', length: 28, alphabet: '0123456789' }, '93 random bits'],
    [{ kind: 'password', alphabet: 'aab' }, 'distinct'],
    [{ kind: 'password', alphabet: 'a b' }, 'visible ASCII'],
    [{ kind: 'hex', alphabet: 'ab' }, 'requires kind password'],
    [{ kind: 'uuid', length: 36 }, 'must not be given for a uuid'],
  ] as const)('%j is refused', (wanted, message) => expect(() => generateRandomSecret(wanted)).toThrow(message));
});
