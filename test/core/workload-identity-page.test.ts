import { describe, expect, test } from 'vitest';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';
import { hmacSha256 } from '../../core/hazmat/node-primitives.ts';
import { decodeLoginRecord, encodeLoginRecord } from '../../core/logins/login-record.ts';
import { importAuthenticationKey } from '../../core/records/authentication-key.ts';
import { readExamplePage } from './example-page.ts';

const org = '0123456789abcdef';
const { text, hex, unread } = readExamplePage('workload-identity.md');
const key = importAuthenticationKey(Buffer.from(readExamplePage('format.md').hex('authentication key')), org);

describe('docs/workload-identity.md', () => {
  test('section 2: the record of a login', () => {
    const login = JSON.parse(text('login'));
    const mac = Buffer.from(hex('login mac')).toString('base64');
    expect(encodeLoginRecord(key, login)).toEqual({ login: text('login'), mac });
    expect(decodeLoginRecord(key, login.id, { login: text('login'), mac })).toEqual(login);
    expect(Buffer.from(hex('login message'))).toEqual(
      encodeLengthPrefixedFields('anima:login:v1', org, login.id, text('login')),
    );
    expect(hmacSha256(key.key, Buffer.from(hex('login message'))).toString('base64')).toBe(mac);
    expect(unread(() => true)).toEqual([]);
  });

  test('a record under another id, org or key is refused', () => {
    const login = JSON.parse(text('login'));
    const record = encodeLoginRecord(key, login);
    expect(() => decodeLoginRecord(key, '0123456789abcdef', record)).toThrow();
    expect(() => decodeLoginRecord({ ...key, org: 'fedcba9876543210' }, login.id, record)).toThrow();
    const other = importAuthenticationKey(Buffer.alloc(32, 1), org);
    expect(() => decodeLoginRecord(other, login.id, record)).toThrow();
  });
});
