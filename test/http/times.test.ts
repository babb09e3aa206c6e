import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { rfc3339Time } from '../../contract/shared/schema-parts.ts';
import { formatTimeArgument } from '../../sdk/src/shared/argument-validation.ts';

const isAccepted = (time: string) => z.safeParse(rfc3339Time(), time).success;

test.each([
  '9999-12-31T23:59:59-00:01',
  '9999-12-31T23:59:59-23:59',
  '9999-12-31T23:59:59.999-12:00',
  '0000-01-01T00:00:00+00:01',
  '0000-01-01T00:00:00+23:59',
])('%s is refused, because it is outside the years of four digits in UTC', (time) => {
  expect(isAccepted(time)).toBe(false);
  expect(() => formatTimeArgument('expiresAt', time)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  expect(() => formatTimeArgument('expiresAt', new Date(time))).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

test.each([
  '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59+00:01',
  '0000-01-01T00:00:00Z',
  '2026-01-31T12:00:00.5+05:30',
])('%s is accepted, and has 24 characters in UTC', (time) => {
  expect(isAccepted(time)).toBe(true);
  expect(new Date(time).toISOString()).toHaveLength(24);
  expect(formatTimeArgument('expiresAt', time)).toBe(time);
});

test.each([
  '2026-02-30T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:00',
  '٢٠٢٦-01-01T00:00:00Z',
  '+010000-01-01T00:00:00Z',
])('%s is no time', (time) => {
  expect(isAccepted(time)).toBe(false);
});
