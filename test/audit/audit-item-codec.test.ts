import { marshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import { parseStoredAuditRecord } from '../../lambdas/audit/stores/audit-item-codec.ts';
import { firstRecordTime, record } from './export-fixtures.ts';

const right = record(firstRecordTime);

test('a record is parsed as it was written, without its mark', () => {
  expect(parseStoredAuditRecord(marshall({ ...right, ttl: 1_800_000_000, mark: 'm' }))).toEqual({
    record: right,
    ttl: 1_800_000_000,
  });
});

// A seal over such a record would make every later export fail verification, or would make sealing fail.
test.each([
  ['a time that is not that of its ID', { time: { S: '2026-11-21T00:00:01.000Z' } }],
  ['an ID that no record can have', { id: { S: `${String(right.id)}x` } }],
  ['a ttl beyond all dates', { ttl: { N: '8640000000001' } }],
  ['a ttl that is no whole number', { ttl: { N: '1.5' } }],
  ['a negative ttl', { ttl: { N: '-1' } }],
  ['a number that JavaScript cannot represent', { ttl: { N: '12345678901234567890123456789012345678' } }],
  ['another type of ttl', { ttl: { S: '1' } }],
  ['an unknown attribute', { evil: { S: 'x' } }],
  ['a list of numbers', { names: { L: [{ N: '1' }] } }],
])('an item with %s is no record', (_, attributes) => {
  expect(parseStoredAuditRecord({ ...marshall(right), ...attributes })).toBeUndefined();
});
