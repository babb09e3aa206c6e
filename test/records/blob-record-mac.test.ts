import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuthenticatedBlobFields,
  computeBlobRecordMac,
  verifyBlobRecordMac,
} from '../../core/blobs/blob-record-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { authenticationKeyOf } from './in-memory-records.ts';
import { shifted, similar, shortText as text } from './similar-records.ts';

const org = '0123456789abcdef';
const key = authenticationKeyOf(org);
const count = fc.nat({ max: 3 });
const completion = fc.record({ completedAt: text, checksum: text, openVerifier: text, burnVerifier: text });
type Completion = typeof completion extends fc.Arbitrary<infer T> ? T : never;

/** A record whose attributes of a completion are one member, because they exist together or not at all. */
interface Blob extends Omit<AuthenticatedBlobFields, keyof Completion> {
  readonly completion?: Completion;
}
const blobs: fc.Arbitrary<Blob> = fc.record(
  {
    org: text,
    id: text,
    locator: text,
    createdAt: text,
    uploadUntil: text,
    expiresAt: text,
    maxOpens: count,
    burn: fc.boolean(),
    size: count,
    uploadId: text,
    completion,
  },
  { requiredKeys: ['org', 'id', 'locator', 'createdAt', 'uploadUntil', 'burn'] },
);
const flat = ({ completion, ...rest }: Blob): AuthenticatedBlobFields => ({ ...rest, ...completion });
const similarCompletions = fc
  .tuple(blobs, similar(completion))
  .map(([blob, [one, other]]) => [flat({ ...blob, completion: one }), flat({ ...blob, completion: other })] as const);

describe('the MAC of a blob record', () => {
  test.each([
    ['differ in few members', similar(blobs).map(([one, other]) => [flat(one), flat(other)] as const)],
    ['differ in the completion only', similarCompletions],
    ['have a character in the next text', shifted(blobs.map(flat))],
  ])('two records that %s have the same MAC only if all their fields are equal', (_, pairs) => {
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const same = isDeepStrictEqual({ ...one }, { ...other });
        expect(computeBlobRecordMac(key, one) === computeBlobRecordMac(key, other)).toBe(same);
      }),
      { numRuns: 300 },
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
