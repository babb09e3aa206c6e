import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../lambdas/middleware/json-body-parser.ts';
import { parseRequest } from '../../lambdas/middleware/parse-request.ts';
import type { ApiEvent, RequestState } from '../../lambdas/middleware/request-state.ts';

describe('the JSON of a body', () => {
  test.each([
    ['spelled out', '{"__proto__":1}'],
    ['with an escape', '{"\\u005f_proto__":1}'],
    [
      'with escapes only',
      `{"${[...'__proto__'].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}":1}`,
    ],
    ['before white space', '{"__proto__" \t\r\n:1}'],
    ['in a nested object', '{"a":[{"b":{"\\u005f\\u005fproto__":{}}}]}'],
  ])('is refused with the member __proto__ %s', (_, text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test.each([
    ['twice', '{"a":1,"a":2}'],
    ['twice, once with an escape', '{"a":1,"\\u0061":2}'],
    ['twice in a nested object', '[{"x":{"a":{},"b":[],"a":{}}}]'],
    ['twice with the same value', '{"a":1,"a":1}'],
  ])('is refused with a member %s, because one of them would be lost', (_, text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  test('keeps names that every object has, and the same name in different objects', () => {
    const text =
      '{"constructor":"a","prototype":"b","toString":"c","hasOwnProperty":{"constructor":"d"},"a":{"a":"a"}}';
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  test('keeps __proto__ in a string that is no name', () => {
    expect(parseJson('{"a":"__proto__","b":["__proto__","\\"__proto__\\":1"]}')).toEqual({
      a: '__proto__',
      b: ['__proto__', '"__proto__":1'],
    });
  });

  test('is parsed as JSON.parse parses it, whatever its strings and depth', () => {
    const isPlain = (value: unknown) => !JSON.stringify(value).includes('__proto__');
    fc.assert(
      fc.property(fc.jsonValue().filter(isPlain), fc.nat(3), (value, space) => {
        expect(parseJson(JSON.stringify(value, null, space))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const depth = 1_000_000;
    expect(() => parseJson('['.repeat(depth) + ']'.repeat(depth))).not.toThrow();
    expect(parseJson(`"${'\\\\'.repeat(1_000_000)}"`)).toHaveLength(1_000_000);
  });
});

test('a query with the field __proto__ is refused, as any unknown field is', () => {
  for (const text of ['{"__proto__":"x"}', '{"odd":"x"}']) {
    const event = { headers: {}, queryStringParameters: JSON.parse(text) } as unknown as ApiEvent;
    const state: RequestState<'listValues'> = { event };
    parseRequest('listValues').before?.({ event: state } as never);
    expect(state.input).toMatchObject({ code: 'invalid_request' });
  }
});
