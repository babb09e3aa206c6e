import { beforeAll, describe, expect, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import {
  aliasOf,
  appForTest,
  functionOf,
  ofType,
  type Resource,
  type Synthesized,
  synthesize,
  tables,
  target,
} from './synthesized-template.ts';

let template: Synthesized;
let table: Resource;

beforeAll(() => {
  template = synthesize(appForTest({ auditRetentionDays: 30 }));
  table = tables(template).audit?.[1] ?? expect.fail('no audit table');
});

describe('the audit table', () => {
  test('denies everyone each way to change or remove a record that DynamoDB lets a table deny, but for a put', () => {
    expect(table.Properties.ResourcePolicy).toEqual({
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'DenyChanges',
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Resource: '*',
            Action: [
              'dynamodb:BatchWriteItem',
              'dynamodb:DeleteItem',
              'dynamodb:PartiQLDelete',
              'dynamodb:PartiQLUpdate',
              'dynamodb:UpdateItem',
            ],
          },
        ],
      },
    });
  });

  test('is recoverable to a point in time, and forgets at its ttl alone', () => {
    expect(table.Properties).toMatchObject({
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    });
  });

  test('has one index, by mark, that holds keys only', () => {
    expect(table.Properties.GlobalSecondaryIndexes).toEqual([
      {
        IndexName: 'byMark',
        KeySchema: [{ AttributeName: 'mark', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ]);
  });
});

test('the retention that was chosen is told to whoever leaves records', () => {
  for (const entry of ['operator', 'admin', 'reader', 'writer', 'rotator', 'shredder', 'auditor'] as const) {
    expect(functionOf(template, entry)[1].Properties).toMatchObject({
      Environment: { Variables: { [functionEnv.auditRetentionDays]: '30' } },
    });
  }
});

test.each(['-1', '1.5', 'ever', '100000', '007'])('a retention of %s is refused', (auditRetentionDays) => {
  expect(() => appForTest({ auditRetentionDays })).toThrow(
    /auditRetentionDays=.*not allowed\. Nothing was synthesized/,
  );
});

test('the sealer is run every five minutes, and by nothing else', () => {
  const scheduled = ofType(template, 'AWS::Events::Rule').filter(([, one]) => 'ScheduleExpression' in one.Properties);
  const [[ruleId, rule] = expect.fail('no schedule'), ...others] = scheduled;
  expect(others).toEqual([]);
  expect(rule.Properties).toMatchObject({ ScheduleExpression: 'rate(5 minutes)', State: 'ENABLED' });
  const sealer = aliasOf(template, 'sealer')[0];
  expect(target(rule.Properties.Targets)).toBe(sealer);
  const permitted = ofType(template, 'AWS::Lambda::Permission').filter(
    ([, { Properties }]) => target(Properties.FunctionName) === sealer,
  );
  expect(permitted.map(([, { Properties }]) => [Properties.Principal, target(Properties.SourceArn)])).toEqual([
    ['events.amazonaws.com', ruleId],
  ]);
});
