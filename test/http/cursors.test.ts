import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { limits } from '../../contract/shared/limits.ts';
import { pageQueryFields } from '../../contract/shared/schema-parts.ts';
import { decodeCursor, encodeCursor, fitsSortKey } from '../../lambdas/shared/pagination-cursor.ts';

const lists = ['values', 'keys', 'audit', 'seals', 'blobs', 'parts', 'users', 'memory', 'search', 'messages'] as const;
const scopes = fc.tuple(
  fc.stringMatching(/^[0-9a-z]{16}$/),
  fc.constantFrom(...lists),
  // A prefix, a user ID, or all filters of a query of the audit, which have no limit of their own.
  fc.oneof(fc.string(), fc.string({ minLength: 5000, maxLength: 12_000 })),
);
/** Whatever a table can contain as a sort key. */
const keys = fc.string({ minLength: 1, maxLength: 1024, unit: 'grapheme' }).filter((key) => fitsSortKey(key, 0));

test('the service accepts every cursor that it can issue, for the list that issued it', () => {
  fc.assert(
    fc.property(scopes, keys, (scope, lastKey) => {
      const cursor = encodeCursor(scope, lastKey);
      expect(z.safeParse(pageQueryFields().cursor, cursor).success).toBe(true);
      expect(decodeCursor(cursor, scope)).toBe(lastKey);
    }),
  );
});

test('the longest sort key fits into a cursor', () => {
  const cursor = encodeCursor(['0'.repeat(16), 'memory', '0'.repeat(16)], 'x'.repeat(1024));
  expect(cursor.length).toBeLessThanOrEqual(limits.cursorLength);
});

test('a cursor is refused by every other org, list and prefix, and in any other spelling', () => {
  fc.assert(
    fc.property(scopes, scopes, keys, (scope, other, lastKey) => {
      const [org, list, prefix] = scope;
      fc.pre(scope.every((part, index) => part !== other[index]));
      const cursor = encodeCursor(scope, lastKey);
      const refusal = expect.objectContaining({ code: 'invalid_cursor' });
      // Each differs from the scope in one part only.
      expect(() => decodeCursor(cursor, [other[0], list, prefix])).toThrow(refusal);
      expect(() => decodeCursor(cursor, [org, other[1], prefix])).toThrow(refusal);
      expect(() => decodeCursor(cursor, [org, list, other[2]])).toThrow(refusal);
      expect(() => decodeCursor(cursor, [org, list, `${prefix}x`])).toThrow(refusal);
      for (const odd of [`${cursor}=`, ` ${cursor}`, cursor.slice(0, 21), ''])
        expect(() => decodeCursor(odd, scope)).toThrow(refusal);
    }),
  );
});
