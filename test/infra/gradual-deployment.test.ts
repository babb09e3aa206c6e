import { beforeAll, describe, expect, test } from 'vitest';
import { metricsOfAlarm } from './alarm-metrics.ts';
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
    const alarm = template.resources[target(Object(Properties.AlarmConfiguration).Alarms)]?.Properties ?? expect.fail();
    expect(alarm).toMatchObject({
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
    });
    const [id] = functionOf(template, entry);
    const live = { 'Fn::Join': ['', [{ Ref: id }, ':live']] };
    const [errors, ...others] = metricsOfAlarm(alarm);
    expect(errors).toMatchObject({ namespace: 'AWS/Lambda', name: 'Errors' });
    expect(Object.fromEntries(errors?.dimensions ?? [])).toEqual({ FunctionName: { Ref: id }, Resource: live });
    // A version that answers every request with the code `internal` makes no error of Lambda. The alarm is for this
    // function only: CodeDeploy would not move the others back while it is on.
    const prefix = id.replace(/Function[0-9A-F]{8}$/, '');
    const faults = { namespace: 'AnimaVault/anima-vault-prod', name: `${prefix}Faults`, dimensions: [] };
    expect(others).toEqual(entry === 'responder' ? [] : [faults]);
    if (entry !== 'responder') expect(JSON.stringify(alarm)).toContain('"FILL(m0, 0) + FILL(m1, 0)"');
    expect([...JSON.stringify(alarm).matchAll(/"Period":(\d+)/g)].map(([, seconds]) => seconds)).toEqual(
      entry === 'responder' ? ['60'] : ['60', '60'],
    );
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
