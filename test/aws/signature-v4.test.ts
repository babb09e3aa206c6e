import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signatureHeader, toAmzDate } from '../../lambdas/aws/signature-v4.ts';
import { signAgain } from './signature-oracles.ts';

/** Names with a prefix, because the AWS SDK's signer never signs some headers, such as `user-agent`. */
const headerName = fc.stringMatching(/^[a-z0-9-]{0,10}$/).map((name) => `a-${name}z`);
const headerValue = fc.stringMatching(/^[A-Za-z0-9/+=;:,._-]{1,20}$/);

const signable = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  extra: fc.dictionary(headerName, headerValue, { maxKeys: 4, noNullPrototype: true }),
  host: fc.domain(),
  body: fc.string({ unit: 'grapheme' }),
  time: fc.date({ min: new Date('2020-01-01'), max: new Date('2099-01-01'), noInvalidDate: true }),
  region: fc.constantFrom('us-east-1', 'cn-north-1', 'us-gov-west-1'),
  service: fc.constantFrom('dynamodb', 'kms', 'sts', 's3'),
  accessKeyId: fc.stringMatching(/^[A-Z0-9]{16}$/),
  secretAccessKey: fc.stringMatching(/^[A-Za-z0-9/+=]{40}$/),
});

type Signable = typeof signable extends fc.Arbitrary<infer Value> ? Value : never;

const sortedHeaders = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)));

function sign(
  { method, extra, host, body, time, region, service }: Omit<Signable, 'accessKeyId' | 'secretAccessKey'>,
  credentials: { accessKeyId: string; secretAccessKey: string },
) {
  const amzDate = toAmzDate(time.getTime());
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const headers = sortedHeaders({
    ...extra,
    host,
    'x-amz-date': amzDate,
    ...(service === 's3' ? { 'x-amz-content-sha256': bodyHash } : {}),
  });
  const authorization = signatureHeader(
    { method, path: '/', headers, bodyHash },
    { region, service },
    credentials,
    amzDate,
  );
  return { method, path: '/', headers: { ...headers, authorization }, body };
}

describe('the signature', () => {
  test("equals that of the AWS SDK's signer for any headers, body, time, region and service", async () => {
    await fc.assert(
      fc.asyncProperty(signable, async ({ accessKeyId, secretAccessKey, ...one }) => {
        const credentials = { accessKeyId, secretAccessKey };
        const request = sign(one, credentials);
        expect(request.headers.authorization).toBe(await signAgain(request, one.service, credentials, one.region));
      }),
      { numRuns: 300 },
    );
  });

  test('uses a new signing key on a new day, in another region, and for other credentials', async () => {
    const [first, second] = [
      { accessKeyId: 'A', secretAccessKey: 'a' },
      { accessKeyId: 'B', secretAccessKey: 'b' },
    ];
    const base = { method: 'POST', extra: {}, host: 'example.com', body: '{}', service: 'kms' } as const;
    const times = [
      new Date('2026-11-29T23:59:59Z'),
      new Date('2026-11-30T00:00:00Z'),
      new Date('2026-11-29T12:00:00Z'),
    ];
    for (const time of times) {
      for (const region of ['us-east-1', 'cn-north-1', 'us-east-1'] as const) {
        for (const credentials of [first, second, first]) {
          const request = sign({ ...base, time, region }, credentials);
          expect(request.headers.authorization).toBe(await signAgain(request, 'kms', credentials, region));
        }
      }
    }
  });
});
