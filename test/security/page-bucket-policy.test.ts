/**
 * The policies of the buckets, for a caller who has all other permissions. Browsers execute the content of the page
 * bucket.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { iamArn } from '../../local/aws/shared/aws-account.ts';
import { decide, decideBy } from '../shared/iam-simulator.ts';
import { bucketActions, objectActions } from './s3-iam-requests.ts';
import { entries, readSynthesizedPolicies, type SynthesizedPolicies } from './synthesized-policies.ts';

const org = 'aaaaaaaaaaaaaaaa';
let template: SynthesizedPolicies;
beforeAll(() => {
  template = readSynthesizedPolicies();
});
const arnOf = (word: 'object' | 'page'): string => template.arns[word] ?? expect.fail(`no ${word}`);

test.each(['object', 'page'] as const)('%s: an administrator is denied what comes without TLS', async (word) => {
  const everything = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
  const administrator = { role: iamArn('role/Administrator'), tags: {} };
  for (const [secure, verdict] of [
    ['false', 'ExplicitlyDenied'],
    ['true', 'Allowed'],
  ] as const) {
    for (const [action, resource] of [
      ['s3:GetObject', `${arnOf(word)}/x`],
      ['s3:PutObject', `${arnOf(word)}/x`],
      ['s3:ListBucket', arnOf(word)],
    ] as const) {
      const request = { action, resource, context: { 'aws:SecureTransport': secure } };
      expect(await decideBy(everything, template.policies, administrator, request), action).toBe(verdict);
    }
  }
});

describe('the bucket of the page', () => {
  test.each(entries)('%s: the publisher adds pages, and else nobody does anything there', async (entry) => {
    const keys = ['/v1/index.html', '/index.html', `/${org}/x.enc`, '/v1/other.html'];
    const requests = [
      ...bucketActions.map((action) => ({ action, key: '' })),
      ...objectActions.flatMap((action) => keys.map((key) => ({ action, key }))),
    ];
    const roles = [template.ownRole(entry), template.sessionRole(entry)].filter((role) => role !== undefined);
    const found: string[] = [];
    for (const { roleArn: role } of roles) {
      for (const { action, key } of requests) {
        const request = { action, resource: arnOf('page') + key, context: {} };
        const verdict = await decide(template.policies, { role, tags: { org } }, request);
        if (verdict === 'Allowed') found.push(`${action} ${key}`);
      }
    }
    // Each version of a page has new keys, so the publisher can add any. The bucket has pages only.
    expect(found).toEqual(entry === 'publisher' ? keys.map((key) => `s3:PutObject ${key}`) : []);
  });
});
