import { describe, expect, test } from 'vitest';
import { parseSingleAddress } from '../../lambdas/channels/providers/email-address-parser.ts';
import {
  constantTimeEqualNonEmpty,
  isWithinTimeWindow,
  mediaTypeOf,
  toDeliveryId,
} from '../../lambdas/channels/providers/signature-helpers.ts';
import { now, seconds } from './signed-provider-requests.ts';

describe('what signatures have in common', () => {
  test('nothing is the same as an expected text but that text, and nothing at all as an empty one', () => {
    expect(constantTimeEqualNonEmpty('abc', 'abc')).toBe(true);
    for (const given of [undefined, '', 'ab', 'abcd', 'abC', 'abd', ' abc'])
      expect(constantTimeEqualNonEmpty(given, 'abc'), given).toBe(false);
    expect([constantTimeEqualNonEmpty('', ''), constantTimeEqualNonEmpty(undefined, '')]).toEqual([false, false]);
  });

  test('a time is whole seconds in digits, and nothing else', () => {
    const window = { back: 10, ahead: 5 };
    expect(isWithinTimeWindow(seconds(now), window, now)).toBe(true);
    const odd = [
      '',
      '0',
      `0${seconds(now)}`,
      `${seconds(now)}.0`,
      ` ${seconds(now)}`,
      `+${seconds(now)}`,
      `-${seconds(now)}`,
      '1e9',
      '0x6920',
      'NaN',
      `${seconds(now)},1`,
    ];
    for (const text of [undefined, ...odd])
      expect(isWithinTimeWindow(text, { back: 1e12, ahead: 1e12 }, now), text).toBe(false);
    expect(isWithinTimeWindow('9'.repeat(13), { back: 1e15, ahead: 1e15 }, now)).toBe(false);
  });

  test('a media type is read without its parameters', () => {
    const of = (type?: string) =>
      mediaTypeOf({
        method: 'POST',
        url: '',
        query: {},
        headers: type === undefined ? {} : { 'content-type': type },
        body: new Uint8Array(),
      });
    expect([of('Text/XML ; charset=x'), of('text/xml'), of(''), of()]).toEqual(['text/xml', 'text/xml', '', '']);
  });

  test('the name of a delivery is printable and short', () => {
    expect(toDeliveryId('Ev1')).toBe('Ev1');
    for (const id of ['', 'a b', 'é', 'x'.repeat(129)]) expect(toDeliveryId(id)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

test('an address of any length is read in a moment', () => {
  const began = process.cpuUsage().user;
  for (const text of [
    '<'.repeat(100_000),
    `"${'\\"'.repeat(2_000)}`,
    `${' '.repeat(4_000)}<a`,
    '"'.repeat(4_001),
    `${'a,'.repeat(50_000)}`,
  ])
    expect(parseSingleAddress(text)).toBeUndefined();
  expect(process.cpuUsage().user - began).toBeLessThan(500_000);
});
