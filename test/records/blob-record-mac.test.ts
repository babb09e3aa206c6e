import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuthenticatedBlobFields,
  computeBlobRecordMac,
  verifyBlobRecordMac,
} from '../../core/blobs/blob-record-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { authenticationKeyOf } from './in-memory-records.ts';

const org = '0123456789abcdef';
const key = authenticationKeyOf(org);
const text = fc.string({ maxLength: 6 });
const count = fc.nat({ max: 3 });
const completion = fc.record({ completedAt: text, checksum: text, openVerifier: text, burnVerifier: text });
const records: fc.Arbitrary<AuthenticatedBlobFields> = fc
  .tuple(
    fc.record(
      {
        org: text,
        id: text,
        locator: text,
        createdAt: text,
        uploadUntil: text,
        burn: fc.boolean(),
        expiresAt: text,
        maxOpens: count,
        size: count,
        uploadId: text,
      },
      { requiredKeys: ['org', 'id', 'locator', 'createdAt', 'uploadUntil', 'burn'] },
    ),
    fc.option(completion, { nil: {} }),
  )
  .map(([fields, completed]) => ({ ...fields, ...completed }));

const sorted = (record: AuthenticatedBlobFields) => Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('the MAC of a blob record', () => {
  test('two records have the same MAC only if all their fields are equal', () => {
    fc.assert(
      fc.property(records, records, (one, other) => {
        const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(computeBlobRecordMac(key, one) === computeBlobRecordMac(key, other)).toBe(same);
      }),
    );
  });

  const record: AuthenticatedBlobFields = {
    org,
    id: '01m7xpe6000123456789abcdef',
    locator: 'ghjkmnpqrstvwxyz',
    createdAt: '2026-11-21T00:00:00.000Z',
    uploadUntil: '2026-11-23T00:00:00.000Z',
    expiresAt: '2026-12-21T00:00:00.000Z',
    maxOpens: 3,
    burn: false,
    size: 1117,
    completedAt: '2026-11-21T00:00:01.000Z',
    checksum: 'c',
    openVerifier: 'o',
    burnVerifier: 'b',
  };
  const mac = computeBlobRecordMac(key, record);

  test.each<[string, Partial<AuthenticatedBlobFields>]>([
    ['a later expiry', { expiresAt: '2099-12-21T00:00:00.000Z' }],
    ['no expiry', { expiresAt: undefined }],
    ['more openings', { maxOpens: 4 }],
    ['no limit of openings', { maxOpens: undefined }],
    ['burn', { burn: true }],
    ['another size', { size: 1118 }],
    ['no size', { size: undefined }],
    ['another checksum', { checksum: 'x' }],
    ['another verifier for opening', { openVerifier: 'b' }],
    ['another verifier for burning', { burnVerifier: 'o' }],
    ['another locator', { locator: '0000000000000000' }],
    ['another id', { id: '01m7xpe6000123456789abcdeg' }],
    ['another time of creation', { createdAt: '2027-11-21T00:00:00.000Z' }],
    ['another time of completion', { completedAt: '2027-11-21T00:00:00.000Z' }],
    ['more time to upload', { uploadUntil: '2099-11-23T00:00:00.000Z' }],
    ['an upload in parts', { uploadId: 'u' }],
    ['one field of the completion missing', { burnVerifier: undefined }],
    [
      'no completion',
      { completedAt: undefined, checksum: undefined, openVerifier: undefined, burnVerifier: undefined },
    ],
  ])('%s is refused', (_, change) => {
    verifyBlobRecordMac(key, record, mac);
    expect(() => verifyBlobRecordMac(key, { ...record, ...change }, mac)).toThrow(DecryptionError);
  });

  test('a missing, cut or otherwise spelled MAC, and the MAC of another org, are refused', () => {
    const other = computeBlobRecordMac(authenticationKeyOf('fedcba9876543210'), record);
    for (const wrong of [undefined, '', mac.slice(0, -4), `${mac} `, mac.replaceAll('=', ''), other]) {
      expect(() => verifyBlobRecordMac(key, record, wrong)).toThrow(DecryptionError);
    }
  });
});
