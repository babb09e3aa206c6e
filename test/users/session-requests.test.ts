/** Which cookies and which pages count as a session of the user. */
import { describe, expect, test } from 'vitest';
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import { formatSessionToken } from '../../core/users/session-token.ts';
import { assertSameOrigin } from '../../lambdas/users/middleware/same-origin.ts';
import { parseUserCredential } from '../../lambdas/users/user-credential.ts';

const refused = (code: string) => expect.objectContaining({ code });
const tokenOf = (slot: string) =>
  formatSessionToken({ org: '0'.repeat(16), user: '1'.repeat(16), slot: slot.repeat(16), secret: new Uint8Array(32) });
const own = `${sessionCookie}=${tokenOf('a')}`;
const parse = (...cookies: string[]) => parseUserCredential(undefined, cookies);

describe('the session cookie', () => {
  test('is found among others, with spaces and tabs around it', () => {
    for (const cookies of [
      [own],
      ['a=b', own],
      [`a=b; ${own};c=d`],
      [` \t${sessionCookie} =\t${tokenOf('a')} `],
      ['=x', '', ';', own],
    ])
      expect(parse(...cookies)).toMatchObject({ kind: 'session', token: { slot: 'a'.repeat(16) } });
  });

  // Browsers refuse to set `__Host-…` for a domain, and set these: they do not begin with the prefix.
  test.each([
    ['U+00A0', '\u00a0'],
    ['U+00A0 in UTF-8', '\u00c2\u00a0'],
    ['U+FEFF', '\ufeff'],
    ['U+2003', '\u2003'],
    ['U+000B', '\u000b'],
    ['U+000C', '\u000c'],
    ['U+0085', '\u0085'],
    ['U+2028', '\u2028'],
  ])('has exactly its name: %s before or after the name makes another cookie', (_, space) => {
    for (const name of [space + sessionCookie, sessionCookie + space]) {
      const foreign = `${name}=${tokenOf('b')}`;
      expect(() => parse(foreign)).toThrow(refused('missing_credential'));
      expect(parse(foreign, own)).toMatchObject({ token: { slot: 'a'.repeat(16) } });
      expect(() => parse(`${sessionCookie}=${space}${tokenOf('b')}`)).toThrow(refused('invalid_credential'));
    }
  });

  test('is refused if there are two', () => {
    const other = `${sessionCookie}=${tokenOf('b')}`;
    for (const cookies of [[own, other], [`${own}; ${other}`], [own, own], [own, `${sessionCookie}=`]])
      expect(() => parse(...cookies)).toThrow(refused('invalid_credential'));
  });

  test('is not another cookie', () => {
    for (const name of ['__host-anima', '__Host-anima2', 'x__Host-anima', '__Secure-anima'])
      expect(() => parse(`${name}=${tokenOf('a')}`)).toThrow(refused('missing_credential'));
  });
});

describe('a session', () => {
  const from = (headers: Record<string, string>) => () =>
    assertSameOrigin({
      headers: { host: 'vault.example.com', 'x-forwarded-proto': 'https', ...headers },
      requestContext: { domainName: 'abc.execute-api.eu-central-1.amazonaws.com' } as never,
    });

  test.each([
    ['a program', {}],
    ['the address bar', { 'sec-fetch-site': 'none' }],
    ['a page of the same origin', { 'sec-fetch-site': 'same-origin', origin: 'https://vault.example.com' }],
    [
      'the same page behind a proxy with another name',
      { 'sec-fetch-site': 'same-origin', origin: 'https://front.example.com' },
    ],
    ['the same page in a browser without Fetch Metadata', { origin: 'https://vault.example.com' }],
    ['the same, with the default port in Host', { origin: 'https://vault.example.com', host: 'vault.example.com:443' }],
    [
      'a page on this machine',
      { origin: 'http://127.0.0.1:8787', host: '127.0.0.1:8787', 'x-forwarded-proto': 'http' },
    ],
  ])('can be used by %s', (_, headers) => {
    expect(from(headers)).not.toThrow();
  });

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site', origin: 'https://blog.example.com' }],
    ['a page of another site in a browser without Fetch Metadata', { origin: 'https://evil.example' }],
    ['a sibling host in a browser without Fetch Metadata', { origin: 'https://blog.example.com' }],
    ['a page of another site, with none', { 'sec-fetch-site': 'none', origin: 'https://evil.example' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a page of the same host without TLS', { origin: 'http://vault.example.com' }],
    ['another port of the same host', { origin: 'https://vault.example.com:8443' }],
    ['two origins', { origin: 'https://vault.example.com, https://evil.example' }],
    ['an empty origin', { origin: '' }],
    ['an unknown value', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ])('can not be used by %s', (_, headers) => {
    expect(from(headers)).toThrow(refused('forbidden'));
  });
});
