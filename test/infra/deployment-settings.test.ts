import { App } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/shared/deployment-settings.ts';

const read = (context: Record<string, unknown>) => readSettings(new App({ context }).node);

describe('settings', () => {
  test('need nothing to be given', () => {
    expect(read({})).toMatchObject({
      stage: 'dev',
      name: 'anima-vault',
      corsOrigins: ['*'],
      logRetention: 90,
      sessionTags: true,
      endpoints: { fips: false, dualStack: false },
      blobMaxBytes: 68_719_476_736,
      pageDomain: undefined,
      responder: 'none',
      publicUrl: undefined,
      stableNames: false,
      canary: false,
    });
  });

  test.each([
    [{}, false],
    [{ stage: 'dev' }, false],
    [{ stage: 'prod' }, true],
    [{ stage: 'dev', canary: 'on' }, true],
    [{ stage: 'prod', canary: 'off' }, false],
  ])('%j: new versions receive invocations gradually: %s', (context, canary) => {
    expect(read(context).canary).toBe(canary);
  });

  test('names of tables, buckets and the queue are generated unless stable names are requested', () => {
    expect(read({ stableNames: 'on' }).stableNames).toBe(true);
    expect(read({ stableNames: 'off' }).stableNames).toBe(false);
  });

  test.each([
    ['fips', { fips: true, dualStack: false }],
    ['dual-stack', { fips: false, dualStack: true }],
    ['fips,dual-stack', { fips: true, dualStack: true }],
  ])('of the endpoints of AWS: %s', (endpoints, expected) => {
    expect(read({ endpoints }).endpoints).toEqual(expected);
  });

  test('of messages: what answers them, and where providers call', () => {
    const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:answers:live';
    expect(read({ responder: 'sample' }).responder).toBe('sample');
    expect(read({ responder: arn }).responder).toEqual({ arn });
    expect(read({ publicUrl: 'https://vault.example.com' }).publicUrl).toBe('https://vault.example.com');
  });

  test('of the page: a domain and its certificate, together', () => {
    const pageCertificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/12ab-34';
    expect(read({ pageDomain: 'open.example.com', pageCertificateArn }).pageDomain).toEqual({
      name: 'open.example.com',
      certificateArn: pageCertificateArn,
    });
    expect(() => read({ pageDomain: 'open.example.com' })).toThrow(/pageCertificateArn="".*together with pageDomain/);
    expect(() => read({ pageCertificateArn })).toThrow(/pageDomain="".*together with pageCertificateArn/);
    const elsewhere = pageCertificateArn.replace('us-east-1', 'eu-central-1');
    expect(() => read({ pageDomain: 'a.example', pageCertificateArn: elsewhere })).toThrow(
      /a certificate in us-east-1/,
    );
    expect(() => read({ pageDomain: 'https://a.example', pageCertificateArn })).toThrow(/pageDomain=.*not allowed/);
  });

  test('come from context, text or number', () => {
    const context = {
      stage: 'prod',
      name: 'acme-vault',
      corsOrigins: 'https://a.example,https://a.example:8443',
      sessionTags: 'off',
    };
    const expected = {
      stage: 'prod',
      name: 'acme-vault',
      corsOrigins: ['https://a.example', 'https://a.example:8443'],
      sessionTags: false,
    };
    expect(read({ ...context, logRetentionDays: '365' })).toMatchObject({ ...expected, logRetention: 365 });
    expect(read({ ...context, logRetentionDays: 365 })).toMatchObject({ ...expected, logRetention: 365 });
  });

  test.each([
    ['stage', 'Prod'],
    ['stage', ''],
    ['stage', ['dev']],
    ['name', '-vault'],
    ['name', 'a'.repeat(41)],
    ['corsOrigins', 'a.example'],
    ['corsOrigins', 'https://a.example/'],
    ['corsOrigins', 'https://a.example,*'],
    ['corsOrigins', 'ftp://a.example'],
    ['corsOrigins', ''],
    ['sessionTags', 'yes'],
    ['sessionTags', ''],
    ['stableNames', 'yes'],
    ['canary', 'yes'],
    ['canary', ''],
    ['endpoints', 'FIPS'],
    ['endpoints', 'dual-stack,fips'],
    ['responder', 'answers'],
    ['responder', ''],
    ['responder', 'arn:aws:lambda:eu-central-1:123456789012:function:*'],
    ['responder', 'arn:aws:sqs:eu-central-1:123456789012:answers'],
    ['publicUrl', 'http://vault.example.com'],
    ['publicUrl', 'https://vault.example.com/'],
    ['publicUrl', 'vault.example.com'],
    ['blobMaxBytes', 0],
    ['blobMaxBytes', 68_719_476_737],
    ['blobMaxBytes', '1e6'],
    ['logRetentionDays', 91],
    ['logRetentionDays', 9999],
    ['logRetentionDays', 'forever'],
  ])('%s=%j is refused by the name of the key', (key, value) => {
    expect(() => read({ [key]: value })).toThrow(
      new RegExp(`context value ${key}=.*not allowed\\. Nothing was synthesized`),
    );
  });

  test('a refused retention is told the ones that are allowed', () => {
    expect(() => read({ logRetentionDays: 91 })).toThrow(/one of 1, 3, 5, 7, 14, 30, 60, 90, 120, .*, 3653:/);
  });
});
