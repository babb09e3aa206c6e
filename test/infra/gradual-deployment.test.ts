import { beforeAll, describe, expect, test } from 'vitest';
import {
  aliasOf,
  appForTest,
  entries,
  functionOf,
  ofType,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

const immediate = ['publisher', 'rotation-workflow', 'shred-workflow'];

describe('with the canary', () => {
  let template: Synthesized;
  beforeAll(() => {
    template = synthesize(appForTest({ stage: 'prod', responder: 'sample' }));
  });

  test.each(entries)('%s: its alias moves in two steps, unless it is a workflow or the publisher', (entry) => {
    const { UpdatePolicy } = aliasOf(template, entry)[1];
    if (immediate.includes(entry)) {
      expect(UpdatePolicy).toBeUndefined();
      return;
    }
    const group = target(UpdatePolicy?.CodeDeployLambdaAliasUpdate?.DeploymentGroupName);
    const { Properties } = template.resources[group] ?? expect.fail('no deployment group');
    expect(Properties).toMatchObject({
      DeploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent5Minutes',
      DeploymentStyle: { DeploymentOption: 'WITH_TRAFFIC_CONTROL', DeploymentType: 'BLUE_GREEN' },
      AutoRollbackConfiguration: {
        Enabled: true,
        Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST', 'DEPLOYMENT_STOP_ON_ALARM'],
      },
      AlarmConfiguration: { Enabled: true },
    });
    const [alarm, faults, ...more] = Object(Properties.AlarmConfiguration).Alarms.map(
      ({ Name }: { Name: unknown }) => template.resources[target(Name)]?.Properties,
    );
    expect(more).toEqual([]);
    expect(alarm).toMatchObject({ Namespace: 'AWS/Lambda', MetricName: 'Errors', Statistic: 'Sum', Threshold: 1 });
    const dimensions: { Name: string; Value: unknown }[] = Object(alarm).Dimensions;
    const dimensionOf = (name: string) => dimensions.find(({ Name }) => Name === name)?.Value;
    const [id] = functionOf(template, entry);
    expect(dimensionOf('FunctionName')).toEqual({ Ref: id });
    expect(dimensionOf('Resource')).toEqual({ 'Fn::Join': ['', [{ Ref: id }, ':live']] });
    // A version that answers every request with the code `internal` makes no error of Lambda.
    expect(faults).toMatchObject({
      Namespace: 'AnimaVault/anima-vault-prod',
      MetricName: 'Faults',
      Statistic: 'Sum',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Period: 60,
      TreatMissingData: 'notBreaching',
    });
    expect(faults).not.toHaveProperty('Dimensions');
  });

  test('there is one deployment group for each of them, and no other', () => {
    expect(ofType(template, 'AWS::CodeDeploy::DeploymentGroup')).toHaveLength(entries.length - immediate.length);
  });
});

test.each([{}, { stage: 'prod', canary: 'off' }])(
  'with %j, aliases move at once, and CodeDeploy is not used',
  (context) => {
    const template = synthesize(appForTest(context));
    expect(Object.values(template.resources).filter(({ Type }) => Type.startsWith('AWS::CodeDeploy'))).toEqual([]);
    expect(ofType(template, 'AWS::Lambda::Alias').filter(([, alias]) => alias.UpdatePolicy !== undefined)).toEqual([]);
  },
);
