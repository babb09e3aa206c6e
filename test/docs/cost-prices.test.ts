/** The prices of docs/costs.md, for usage that is known. */
import { expect, test } from 'vitest';
import { costOf, costTerms } from '../../bench/costs/cost-table.ts';

const none = { apiRequests: 0, readUnits: 0, writeUnits: 0, calls: new Map<string, number>(), logBytes: 0 };

test('each term is the counted usage times its list price', () => {
  const million = (usage: Partial<typeof none>, term: string) =>
    1e6 * (costTerms({ ...none, ...usage }).get(term) ?? Number.NaN);
  expect(million({ readUnits: 3 }, 'DynamoDB reads')).toBeCloseTo(0.375);
  expect(million({ writeUnits: 1 }, 'DynamoDB writes')).toBeCloseTo(0.625);
  expect(million({ apiRequests: 1 }, 'API Gateway requests')).toBeCloseTo(1);
  expect(million({ apiRequests: 1 }, 'Lambda requests')).toBeCloseTo(0.2);
  expect(million({ calls: new Map([['kms Decrypt', 1]]) }, 'KMS requests')).toBeCloseTo(3);
  expect(million({ calls: new Map([['kms Sign', 1]]) }, 'KMS requests')).toBeCloseTo(15);
  expect(
    million(
      {
        calls: new Map([
          ['s3 PutObject', 1],
          ['s3 HeadObject', 1],
          ['s3 DeleteObject', 1],
        ]),
      },
      'S3 requests',
    ),
  ).toBeCloseTo(5.4);
  expect(million({ logBytes: 1000 }, 'log ingestion')).toBeCloseTo(0.5);
});

test('a function is billed for its own time and for the time of its calls', () => {
  const usage = { ...none, apiRequests: 1, calls: new Map([['dynamodb PutItem', 2]]) };
  expect(1e6 * (costTerms(usage).get('Lambda duration') ?? 0)).toBeCloseTo(0.0000133334 * 10_000);
  expect(costOf(none)).toBe(0);
});
