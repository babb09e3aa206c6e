/** Every caller invokes the alias of a function, never the function without a version. */
import { beforeAll, describe, expect, test } from 'vitest';
import { policiesOf } from './role-policies.ts';
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

let template: Synthesized;
let functionIds: Set<string>;
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample', canary: 'on', rotationDays: 90 }));
  functionIds = new Set(entries.map((entry) => functionOf(template, entry)[0]));
});

/** Logical IDs of functions to which a value refers. */
const functionsIn = (value: unknown): string[] => {
  const found: string[] = [];
  JSON.parse(JSON.stringify(value ?? null), (key, inner) => {
    const id: unknown = key === 'Ref' ? inner : key === 'Fn::GetAtt' ? [inner].flat()[0] : undefined;
    if (typeof id === 'string' && functionIds.has(id)) found.push(id);
    return inner;
  });
  return found;
};

describe('the alias of each function', () => {
  test.each(entries)('%s: routes to the version that this deployment publishes', (entry) => {
    const [id] = functionOf(template, entry);
    const { Properties } = aliasOf(template, entry)[1];
    expect(Properties).toMatchObject({ Name: 'live', FunctionName: { Ref: id } });
    expect(Properties).not.toHaveProperty('RoutingConfig');
    const version = template.resources[target(Properties.FunctionVersion)];
    expect(version).toMatchObject({ Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: id } } });
  });

  test('is the only one', () => {
    expect(ofType(template, 'AWS::Lambda::Alias')).toHaveLength(entries.length);
    expect(ofType(template, 'AWS::Lambda::Version')).toHaveLength(entries.length);
  });
});

describe('what refers to a function', () => {
  /** Types that describe a function itself, or measure it. */
  const own = /^AWS::(?:Lambda::(?:Version|Alias)|CloudWatch::(?:Alarm|Dashboard))$/;

  test('no route, schedule, event source, custom resource, setting or permission to invoke names one without its alias', () => {
    const found = Object.entries(template.resources).flatMap(([id, { Type, Properties }]) =>
      // A pattern matches events about a function.
      own.test(Type) ? [] : functionsIn({ ...Properties, EventPattern: undefined }).map((fn) => `${id} ${fn}`),
    );
    const workflows = (['rotation-workflow', 'shred-workflow'] as const).map((entry) => functionOf(template, entry)[0]);
    expect(found.sort()).toEqual([
      // Executions of all versions: the workflow stores their state, and what starts them reads their status.
      expect.stringMatching(new RegExp(`^RotationWorkflowCheckpoints[0-9A-F]{8} ${workflows[0]}$`)),
      expect.stringMatching(new RegExp(`^RotatorRole[0-9A-F]{8} ${workflows[0]}$`)),
      expect.stringMatching(new RegExp(`^ShredWorkflowCheckpoints[0-9A-F]{8} ${workflows[1]}$`)),
      expect.stringMatching(new RegExp(`^ShredderRole[0-9A-F]{8} ${workflows[1]}$`)),
      expect.stringMatching(new RegExp(`^WriterRole[0-9A-F]{8} ${workflows[0]}$`)),
    ]);
    const templates = JSON.stringify(template.stacks);
    expect(templates).not.toContain('$LATEST');
    expect(templates).not.toContain(':function:');
  });

  test('a workflow checkpoints executions of all its versions, as its executions belong to the version that started them', () => {
    for (const entry of ['rotation-workflow', 'shred-workflow'] as const) {
      const [id] = functionOf(template, entry);
      const policies = ofType(template, 'AWS::IAM::Policy').filter(
        ([policy, { Properties }]) => policy.includes('Checkpoints') && functionsIn(Properties).includes(id),
      );
      expect(policies.map(([, { Properties }]) => Object(Properties.PolicyDocument).Statement)).toEqual([
        [
          {
            Effect: 'Allow',
            Action: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
            Resource: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [id, 'Arn'] }, ':*']] },
          },
        ],
      ]);
    }
  });

  test('every permission to invoke a function names an alias', () => {
    const aliases = new Set(entries.map((entry) => aliasOf(template, entry)[0]));
    const invoked = [
      ...ofType(template, 'AWS::Lambda::Permission').map(([, { Properties }]) => Properties.FunctionName),
      ...ofType(template, 'AWS::ApiGatewayV2::Integration')
        // Pings are answered by a mock.
        .filter(([, { Properties }]) => Properties.IntegrationType !== 'MOCK')
        .map(([, { Properties }]) => Properties.IntegrationUri),
      ...policiesOf(template)
        .flatMap(({ statements }) => statements)
        .filter(({ Action }) => Action === 'lambda:InvokeFunction')
        .map(({ Resource }) => Resource),
    ];
    expect(invoked.length).toBeGreaterThan(35);
    for (const value of invoked) expect(aliases, JSON.stringify(value)).toContain(target(value));
  });
});
