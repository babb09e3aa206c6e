import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApiKeyGrant, computeApiKeyMac, verifyApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { authenticationKeyOf } from './in-memory-records.ts';
import { shifted, similar, shortText as text } from './similar-records.ts';

const org = '0123456789abcdef';
const key = authenticationKeyOf(org);
const list = fc.array(text, { maxLength: 3 });
const grants: fc.Arbitrary<ApiKeyGrant> = fc.record(
  {
    org: text,
    id: text,
    role: text,
    hash: text,
    createdAt: text,
    name: text,
    expiresAt: text,
    verbs: list,
    prefixes: list,
  },
  { requiredKeys: ['org', 'id', 'role', 'hash', 'createdAt'] },
);

describe('the MAC of an API-key record', () => {
  test.each([
    ['differ in few members', similar(grants)],
    ['have a character in the next text', shifted(grants)],
  ])('two records that %s have the same MAC only if they grant the same', (_, pairs) => {
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const same = isDeepStrictEqual({ ...one }, { ...other });
        expect(computeApiKeyMac(key, one) === computeApiKeyMac(key, other)).toBe(same);
      }),
      { numRuns: 300 },
    );
  });

  const grant: ApiKeyGrant = {
    org,
    id: 'ghjkmnpqrstvwxyz',
    role: 'reader',
    hash: 'sL1l7TEZA3pNy/a4E46y8J3hhJDpinc6aPk1PwwDMc0=',
    createdAt: '2026-11-21T00:00:00.000Z',
    verbs: ['values.read', 'values.list'],
    prefixes: ['prod/'],
    expiresAt: '2027-11-21T00:00:00.000Z',
  };
  const mac = computeApiKeyMac(key, grant);

  test.each<[string, Partial<ApiKeyGrant>]>([
    ['another role', { role: 'admin' }],
    ['another secret', { hash: 'AL1l7TEZA3pNy/a4E46y8J3hhJDpinc6aPk1PwwDMc0=' }],
    ['another id', { id: '0000000000000000' }],
    ['no prefixes', { prefixes: undefined }],
    ['an empty list of prefixes', { prefixes: [] }],
    ['prefixes moved to the verbs', { verbs: ['values.read', 'values.list', 'prod/'], prefixes: [] }],
    ['joined entries', { verbs: ['values.readvalues.list'] }],
    ['entries joined by a comma', { verbs: ['values.read,values.list'] }],
    ['all verbs', { verbs: undefined }],
    ['no expiry', { expiresAt: undefined }],
    ['a later expiry', { expiresAt: '2099-11-21T00:00:00.000Z' }],
    ['a name', { name: '' }],
  ])('%s is refused', (_, change) => {
    verifyApiKeyMac(key, grant, mac);
    expect(() => verifyApiKeyMac(key, { ...grant, ...change }, mac)).toThrow(DecryptionError);
  });

  test('a missing, cut or otherwise spelled MAC, and the MAC of another org, are refused', () => {
    const other = computeApiKeyMac(authenticationKeyOf('fedcba9876543210'), grant);
    for (const wrong of [undefined, '', mac.slice(0, -4), `${mac} `, mac.replaceAll('=', ''), other]) {
      expect(() => verifyApiKeyMac(key, grant, wrong)).toThrow(DecryptionError);
    }
  });
});
