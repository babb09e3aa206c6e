/** Rules about paths, headers, hours, numbers and token hosts. */
import { describe, expect, test } from 'vitest';
import { rulesFromMetadata, rulesToMetadata, withoutRules } from '../../contract/broker/usage-rules.ts';
import { checkTokenHost, checkUse } from '../../egress/rules/check-use.ts';
import { parseUsageRules } from '../../egress/rules/usage-rules.ts';
import { allowsPath, isWithinHours, parseHours, parsePaths } from '../../egress/rules/use-limits.ts';

const isAllowed = (rule: string, path: string): boolean =>
  allowsPath(parsePaths(rule) ?? [], new URL(path, 'https://api.example.com').pathname);

describe('allowed_paths', () => {
  test.each([
    ['/v1/charges', '/v1/charges'],
    ['/v1/charges', '/v1/x/../charges'],
    ['/v1/*', '/v1/charges'],
    ['/v1/*/refunds', '/v1/ch_1/refunds'],
    ['/v1/**', '/v1/charges/ch_1/refunds'],
    ['/v1/**', '/v1/'],
    ['/**', '/'],
    ['/a, /b', '/b'],
    ['/', '/'],
  ])('%s allows %s', (rule, path) => expect(isAllowed(rule, path)).toBe(true));

  test.each([
    ['/v1/charges', '/v1/charges/'],
    ['/v1/charges', '/v1/Charges'],
    ['/v1/charges', '/v1/charges/ch_1'],
    ['/v1/*', '/v1/a/b'],
    ['/v1/*', '/v1/'],
    ['/v1/**', '/v1'],
    ['/v1/**', '/v2/charges'],
    ['/v1/**', '/v1/../v2/charges'],
    ['/v1/**', '/v1/%2e%2e/v2/charges'],
    ['/v1/**', '/v1/..%2fv2'],
    ['/v1/**', '/v1/a%5c..%5cb'],
    ['/v1/**', '/v1//charges'],
    ['/v1/**', '/v1/a;x=y/b'],
  ])('%s does not allow %s', (rule, path) => expect(isAllowed(rule, path)).toBe(false));

  test.each(['', 'v1', '/v1//x', '/v1/../x', '/v1/%2e', '/a b', '/a?b', '/**/b', 'https://x/', '/a,'])(
    '%j is not a path',
    (text) => expect(() => parsePaths(text)).toThrow('allowed_paths'),
  );
});

describe('allowed_hours', () => {
  // 2026-06-01 is a Monday.
  test.each([
    ['08:00-18:00', '2026-06-01T08:00:00Z', true],
    ['08:00-18:00', '2026-06-01T17:59:59Z', true],
    ['08:00-18:00', '2026-06-01T18:00:00Z', false],
    ['08:00-18:00', '2026-06-01T07:59:59Z', false],
    ['00:00-24:00', '2026-06-01T23:59:59Z', true],
    ['mon-fri 08:00-18:00', '2026-06-05T10:00:00Z', true],
    ['mon-fri 08:00-18:00', '2026-06-06T10:00:00Z', false],
    ['fri-mon 08:00-18:00', '2026-06-07T10:00:00Z', true],
    ['fri-mon 08:00-18:00', '2026-06-02T10:00:00Z', false],
    ['sun 10:00-11:00', '2026-06-07T10:30:00Z', true],
    // Until the next morning: the day of the begin counts.
    ['fri 22:00-06:00', '2026-06-05T23:00:00Z', true],
    ['fri 22:00-06:00', '2026-06-06T05:59:00Z', true],
    ['fri 22:00-06:00', '2026-06-06T06:00:00Z', false],
    ['fri 22:00-06:00', '2026-06-05T05:00:00Z', false],
  ])('%s at %s: %s', (text, time, expected) => {
    const rule = parseHours(text) ?? expect.fail('no rule');
    expect(isWithinHours(rule, new Date(time))).toBe(expected);
  });

  test.each(['', '8-18', '08:00', '08:00-25:00', '24:00-06:00', '10:00-24:30', '10:00-10:00', 'day 08:00-09:00'])(
    '%j is not a rule',
    (text) => expect(() => parseHours(text)).toThrow('allowed_hours'),
  );
});

test.each([
  ['allowed_per_minute', '0'],
  ['allowed_per_minute', '6001'],
  ['allowed_per_minute', '1.5'],
  ['allowed_response_bytes', '-1'],
  ['allowed_response_bytes', '786433'],
  ['allowed_headers', 'a b'],
  ['allowed_headers', ''],
  ['allowed_token_hosts', '*.com'],
  ['allowed_in', 'url'],
])('%s=%s makes the value unusable', (key, text) => {
  expect(() => parseUsageRules({ allowed_hosts: 'api.example.com', [key]: text })).toThrow(key);
});

describe('a use', () => {
  const request = {
    url: new URL('https://api.example.com/v1/charges'),
    method: 'POST',
    now: new Date('2026-06-01T12:00:00Z'),
  } as const;
  const use = (metadata: Record<string, string>, place: object = {}) =>
    checkUse(
      { name: 'n', part: 'header', header: 'authorization', ...place },
      { value: 'a-value', metadata: [{ allowed_hosts: 'api.example.com', ...metadata }] },
      request,
    );

  test.each([
    [{ allowed_paths: '/v2/**' }, {}],
    [{ allowed_headers: 'x-api-key' }, {}],
    [{ allowed_headers: 'authorization' }, { header: undefined }],
    [{ allowed_hours: '00:00-11:59' }, {}],
    [{ allowed_in: 'auth' }, {}],
    [{ allowed_in: 'header, query, body' }, { part: 'auth' }],
    [{ allowed_methods: 'GET' }, {}],
    [{ allowed_hosts: 'other.example.com' }, {}],
  ])('%j %j is refused', (metadata, place) => {
    expect(() => use(metadata as unknown as Record<string, string>, place)).toThrow('n ');
  });

  test('complies with all rules, and says what limits it', () => {
    const metadata = {
      allowed_paths: '/v1/*',
      allowed_headers: 'Authorization',
      allowed_hours: 'mon 12:00-13:00',
      allowed_per_minute: '5',
      allowed_response_bytes: '1000',
    };
    expect(use(metadata)).toMatchObject([{ perMinute: 5, responseBytes: 1000 }]);
  });

  test('at a token endpoint is allowed only for its hosts, in all versions that count', () => {
    const url = new URL('https://oauth.example.com/token');
    const metadata = { allowed_token_hosts: 'oauth.example.com' };
    expect(checkTokenHost('n', { value: 'a-value', metadata: [metadata] }, url)).toHaveLength(1);
    expect(() => checkTokenHost('n', { value: 'a-value', metadata: [metadata, {}] }, url)).toThrow('token endpoint');
  });
});

test('typed rules and metadata are the same rules, and other metadata stays', () => {
  const rules = {
    hosts: ['api.example.com', '*.example.org'],
    methods: ['GET', 'POST'],
    places: ['header', 'auth'],
    paths: ['/v1/**'],
    headers: ['authorization'],
    tokenHosts: ['oauth.example.com'],
    perMinute: 5,
    hours: 'mon-fri 08:00-18:00',
    responseBytes: 1000,
  } satisfies Parameters<typeof rulesToMetadata>[0];
  const metadata = rulesToMetadata(rules);
  expect(metadata).toHaveProperty('allowed_hosts', 'api.example.com, *.example.org');
  expect(rulesFromMetadata({ team: 'x', ...metadata })).toEqual(rules);
  expect(parseUsageRules(metadata)).toMatchObject({ perMinute: 5, methods: ['GET', 'POST'] });
  expect(withoutRules({ team: 'x', metadata_by: 'model', ...metadata })).toEqual({ team: 'x' });
});
