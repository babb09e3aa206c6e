/** Names that CloudFormation does not choose. */
import { expect, test } from 'vitest';
import { appForTest, synthesize } from './synthesized-template.ts';

/** What belongs to an account in all regions, by the property with its name. */
const nameOf: Readonly<Record<string, readonly string[]>> = {
  'AWS::Budgets::Budget': ['Budget', 'BudgetName'],
  'AWS::CloudFront::Function': ['Name'],
  'AWS::CloudFront::OriginAccessControl': ['OriginAccessControlConfig', 'Name'],
  'AWS::CloudFront::OriginRequestPolicy': ['OriginRequestPolicyConfig', 'Name'],
  'AWS::CloudFront::ResponseHeadersPolicy': ['ResponseHeadersPolicyConfig', 'Name'],
  // Without a region in their ARN: a second dashboard of this name replaces the first.
  'AWS::CloudWatch::Dashboard': ['DashboardName'],
  'AWS::IAM::Role': ['RoleName'],
  'AWS::S3::Bucket': ['BucketName'],
};

test('names that are unique in an account contain the region: the same deployment can exist in several regions', () => {
  const budget = { monthlyBudgetUsd: 5, budgetEmail: 'ops@example.com' };
  const { resources } = synthesize(appForTest({ stableNames: 'on', responder: 'sample', canary: 'on', ...budget }));
  const named = Object.values(resources).flatMap(({ Type, Properties }) => {
    const path = nameOf[Type];
    const name = path?.reduce<unknown>((value, key) => Object(value)[key], Properties);
    return name === undefined ? [] : [{ Type, name: JSON.stringify(name) }];
  });
  // The bucket of the page, the role of CodeDeploy and some others have generated names.
  expect(new Set(named.map(({ Type }) => Type))).toEqual(new Set(Object.keys(nameOf)));
  for (const { Type, name } of named) expect(name, Type).toContain('{"Ref":"AWS::Region"}');
});

test('no two deployments have the same stack', () => {
  const stacksOf = (context: Record<string, unknown>) =>
    appForTest(context)
      .node.children.flatMap((child) => ('stackName' in child ? [child.stackName] : []))
      .sort();
  expect(stacksOf({ name: 'acme', stage: 'prod' })).toEqual(['acme-prod', 'acme-prod-data', 'acme-prod-operations']);
  // These would be acme-prod-eu with the name acme and the stage prod-eu, and the other stacks of acme-prod.
  expect(() => stacksOf({ name: 'acme', stage: 'prod-eu' })).toThrow(/stage="prod-eu" is not allowed/);
  expect(() => stacksOf({ name: 'acme-prod', stage: 'data' })).toThrow(/stage="data" is not allowed/);
  expect(() => stacksOf({ name: 'acme-prod', stage: 'operations' })).toThrow(/stage="operations" is not allowed/);
  expect(stacksOf({ name: 'acme-prod', stage: 'eu' })).toEqual([
    'acme-prod-eu',
    'acme-prod-eu-data',
    'acme-prod-eu-operations',
  ]);
});
