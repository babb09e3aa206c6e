/** Names of roles. Policies of the data stack name roles of the code stack as text, so the names must be fixed. */
import { beforeAll, describe, expect, test } from 'vitest';
import { appForTest, entries, ofType, type Synthesized, synthesize, type Template } from './synthesized-template.ts';

let template: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample' }));
});

/** The text of a name or ARN, with `<parameter>` in place of pseudo parameters. */
const textOf = (value: unknown): string => {
  const parts: unknown[] = Object(value)['Fn::Join']?.[1] ?? [value];
  return parts.map((part) => (typeof part === 'string' ? part : `<${Object(part).Ref}>`)).join('');
};

const roleNames = (from: Synthesized): string[] =>
  ofType(from, 'AWS::IAM::Role').flatMap(([, { Properties }]) =>
    Properties.RoleName === undefined ? [] : [textOf(Properties.RoleName)],
  );

/** The ARNs in conditions on the caller, in all policies of resources. */
const callersIn = ({ Resources }: Template): string[] => {
  const found: string[] = [];
  JSON.parse(JSON.stringify(Resources), (key, value) => {
    if (key === 'aws:PrincipalArn') found.push(textOf(value));
    return value;
  });
  return found;
};

describe('names of roles', () => {
  test('every function has one for itself, and one for sessions where it accesses data of orgs', () => {
    const names = roleNames(template);
    expect(new Set(names).size).toBe(names.length);
    for (const entry of entries) expect(names.filter((name) => name.startsWith(`anima-${entry}-`))).not.toEqual([]);
    for (const name of names) expect(name).toMatch(/^anima-[a-z-]+-[0-9a-f]{8}-<AWS::Region>$/);
    expect(ofType(template, 'AWS::IAM::Role')).toHaveLength(names.length);
  });

  test('fit into 64 characters in a region with 20', () => {
    for (const name of roleNames(template)) {
      expect(name.replace('<AWS::Region>', 'r'.repeat(20)).length).toBeLessThanOrEqual(64);
    }
  });

  test('depend on nothing but the name and the stage of the deployment', () => {
    const settings = { responder: 'sample', canary: 'on', rotationDays: 1, stableNames: 'on', logRetentionDays: 30 };
    const names = roleNames(template);
    expect(roleNames(synthesize(appForTest(settings)))).toEqual(names);
    const others = roleNames(synthesize(appForTest({ responder: 'sample', name: 'acme' })));
    expect(others).toHaveLength(names.length);
    expect(others.filter((name) => names.includes(name))).toEqual([]);
  });
});

test.each(['on', 'off'])(
  'with session tags %s, each role that a policy of the data stack names exists',
  (sessionTags) => {
    const from = synthesize(appForTest({ responder: 'sample', sessionTags }));
    const arns = roleNames(from).map((name) => `arn:<AWS::Partition>:iam::<AWS::AccountId>:role/${name}`);
    const named = callersIn(from.stacks.data);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((arn) => !arns.includes(arn))).toEqual([]);
  },
);
