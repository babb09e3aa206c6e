/** The tables of keyrings, and a caller who has all other permissions: an administrator of the account. */
import { beforeAll, describe, expect, test } from 'vitest';
import { iamArn } from '../../local/aws/shared/aws-account.ts';
import { decideBy } from '../shared/iam-simulator.ts';
import { readSynthesizedPolicies, type SynthesizedPolicies } from './synthesized-policies.ts';

let template: SynthesizedPolicies;
beforeAll(() => {
  template = readSynthesizedPolicies();
});

const everything = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
const administrator = { role: iamArn('role/Administrator'), tags: {} };

const ask = (word: 'keyring' | 'userKeyring' | 'value', action: string) => {
  const resource = template.arns[word] ?? expect.fail(`no table ${word}`);
  return decideBy(everything, template.policies, administrator, {
    action: `dynamodb:${action}`,
    resource,
    context: {},
  });
};

describe('an administrator', () => {
  test.each([
    'CreateBackup',
    'UpdateContinuousBackups',
    'RestoreTableToPointInTime',
    'ExportTableToPointInTime',
    'EnableKinesisStreamingDestination',
  ])('is denied %s on both tables of keyrings, although allowed it on the table of values', async (action) => {
    expect(await ask('keyring', action)).toBe('ExplicitlyDenied');
    expect(await ask('userKeyring', action)).toBe('ExplicitlyDenied');
    expect(await ask('value', action)).toBe('Allowed');
  });

  test('may look at the keyring table: only copying is denied', async () => {
    expect(await ask('keyring', 'DescribeTable')).toBe('Allowed');
    expect(await ask('keyring', 'DescribeContinuousBackups')).toBe('Allowed');
  });
});
