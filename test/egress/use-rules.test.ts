/** The syntax of usage rules, and the detection of public addresses. */
import { describe, expect, test } from 'vitest';
import { ipLiteralOf, isLoopbackAddress, isPublicAddress } from '../../egress/rules/public-addresses.ts';
import { findMatchingRule, formatHostRule, parseHosts, parseUsageRules } from '../../egress/rules/usage-rules.ts';
import { addressesOffTheInternet } from './addresses-off-the-internet.ts';

const allows = (hosts: string, url: string): boolean => findMatchingRule(parseHosts(hosts), new URL(url)) !== undefined;

describe('allowed_hosts', () => {
  test.each([
    ['api.example.com', 'https://api.example.com/v1'],
    ['API.Example.COM', 'https://api.example.com:443/'],
    ['https://api.example.com', 'https://API.EXAMPLE.COM'],
    ['a.example, api.example.com:8443', 'https://api.example.com:8443'],
    ['*.example.com', 'https://a.example.com'],
    ['*.example.com', 'https://b.a.example.com'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/x'],
    ['http://127.0.0.1:8080', 'http://0x7f.1:8080/x'],
    ['http://api.example.com', 'http://api.example.com'],
    ['[2606:4700::1111]:8443', 'https://[2606:4700:0:0::1111]:8443'],
    ['*.example.co.uk', 'https://a.example.co.uk'],
    ['*.me.github.io:8443', 'https://a.me.github.io:8443'],
    ['*.corp.internal', 'https://a.corp.internal'],
    ['*.www.ck', 'https://a.www.ck'],
    ['*.amazonaws.com', 'https://kms.amazonaws.com'],
    ['vault', 'https://vault'],
  ])('%s allows %s', (hosts, url) => expect(allows(hosts, url)).toBe(true));

  test.each([
    ['api.example.com', 'http://api.example.com'],
    ['http://api.example.com', 'https://api.example.com'],
    ['api.example.com', 'https://api.example.com:8443'],
    ['api.example.com:8443', 'https://api.example.com'],
    ['api.example.com', 'https://api.example.com.evil.org'],
    ['api.example.com', 'https://api.example.com.'],
    ['api.example.com', 'https://xapi.example.com'],
    ['api.example.com', 'https://api.example.com@evil.org'],
    ['api.example.com', 'https://evil.org/api.example.com'],
    ['api.example.com', 'https://evil.org#api.example.com'],
    ['api.example.com', 'https://evil.org\\api.example.com'],
    ['*.example.com', 'https://example.com'],
    ['*.example.com', 'https://badexample.com'],
    ['*.example.com', 'https://a.example.com:444'],
    ['*.example.com', 'https://a.example.com.'],
    // A suffix under which others register begins below the name of the rule.
    ['*.amazonaws.com', 'https://customer.s3.amazonaws.com'],
    ['*.amazonaws.com', 'https://s3.amazonaws.com'],
  ])('%s does not allow %s', (hosts, url) => expect(allows(hosts, url)).toBe(false));

  test.each([
    '',
    ',',
    'a b',
    '*',
    '*.com',
    '*.127.0.0.1',
    'a..b',
    'api.example.com/path',
    'user@api.example.com',
    'ftp://a.example',
    '0x7f.1',
    '127.1',
    'a.example:0',
    'a.example:65536',
    'a.example:08',
    '[::1',
    '[0:0::1]',
    'bücher.example',
    'a.*.example',
    'a.example,',
    '**.a.example',
    '*.co.uk',
    'co.uk',
    'com',
    '*.CO.UK',
    '*.co.uk.',
    'co.uk.',
    '*.co.uk:8443',
    'https://*.co.uk',
    'http://*.co.uk',
    '*.github.io',
    'github.io',
    '*.s3.amazonaws.com',
    '*.ck',
    '*.anything.ck',
    '*.compute.amazonaws.com',
    '*.kawasaki.jp',
    '*.xn--55qx5d.cn',
    '*.公司.cn',
    '*.xn--p1ai',
    '*.[2606:4700::1111]',
    '*.127.0.0.1:8443',
  ])('%j is refused, and all hosts beside it', (entry) => {
    expect(() => parseHosts(`api.example.com,${entry}`)).toThrow(/^entry [23] of allowed_hosts/);
  });

  test('are told as they are written', () => {
    const text = 'api.example.com, *.example.org, api.example.net:8443, http://127.0.0.1:8080';
    expect(parseHosts(text).map(formatHostRule).join(', ')).toBe(text);
  });

  test('name this machine only by an address of it with a port', () => {
    const local = (entry: string) => parseHosts(entry)[0]?.isLoopback;
    expect(['http://127.0.0.1:80', '127.0.0.2:8443', '[::1]:80'].map(local)).toEqual([true, true, true]);
    expect(['localhost:80', '127.0.0.1', '10.0.0.1:80', 'http://169.254.169.254:80'].map(local)).toEqual(
      Array(4).fill(false),
    );
  });
});

test('a value without allowed_hosts has no host; methods and places are all unless told', () => {
  expect(parseUsageRules({})).toEqual({
    hosts: [],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    requestParts: ['header', 'query', 'body', 'auth'],
    tokenHosts: [],
  });
  expect(parseUsageRules({ allowed_methods: 'get, Post', allowed_in: 'header' })).toMatchObject({
    methods: ['GET', 'POST'],
    requestParts: ['header'],
  });
  expect(() => parseUsageRules({ allowed_methods: 'GET,TRACE' })).toThrow('entry 2 of allowed_methods');
  expect(() => parseUsageRules({ allowed_in: 'header,path' })).toThrow('entry 2 of allowed_in');
});

describe('an address', () => {
  test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::1'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  test.each([...addressesOffTheInternet, 'localhost', '', '2130706433', '0177.0.0.1', '127.1', '8.8.8.8.', ' 8.8.8.8'])(
    '%j is not',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );

  test('of this machine is 127.0.0.0/8 or ::1 and nothing that contains one', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].map(isLoopbackAddress)).toEqual([true, true, true]);
    expect(['::ffff:127.0.0.1', '10.0.0.1', 'localhost', '0.0.0.0'].map(isLoopbackAddress)).toEqual(
      Array(4).fill(false),
    );
    expect([ipLiteralOf('[::1]'), ipLiteralOf('127.0.0.1'), ipLiteralOf('a.example')]).toEqual([
      '::1',
      '127.0.0.1',
      undefined,
    ]);
  });
});

describe('an entry that begins with allowed_', () => {
  test.each([
    'allowed_method',
    'allowed_path',
    'allowed_host',
    'allowed_Methods',
    'allowed_',
    `allowed_${'x'.repeat(50)}`,
  ])('and is no rule (%s) makes the value unusable, because a limit may be meant', (key) => {
    expect(() => parseUsageRules({ allowed_hosts: 'api.example.com', [key]: 'a secret' })).toThrow(
      /is none of the rules/,
    );
    expect(() => parseUsageRules({ [key]: 'a secret' })).not.toThrow(/a secret/);
  });
});
