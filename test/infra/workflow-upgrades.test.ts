/**
 * An execution of a workflow can be pending for a year. It continues on the version that started it, with the current
 * permissions of its role, so neither may be removed by a deployment (docs/upgrades.md, "What happens to workflows").
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { type PolicyStatement, policiesOf } from './role-policies.ts';
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

const workflows = ['rotation-workflow', 'shred-workflow'] as const;

/**
 * The permissions of the releases so far, in the policies of roles and of keys: resource without its hash, action, and
 * conditions. Lines are added. A line is removed, or replaced by one that allows less, only when no execution that was
 * started before can be pending.
 */
const released: Record<string, string[]> = JSON.parse(
  readFileSync(new URL('workflow-permissions.json', import.meta.url), 'utf8'),
);

let template: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample', canary: 'on' }));
});

/** A resource or name, with its hash removed: `LockedBucket/marks/…`. */
const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const parts: unknown = Object(value)['Fn::Join']?.[1];
  if (Array.isArray(parts)) return parts.map(textOf).join('');
  return JSON.stringify(value).includes('AWS::') ? '' : target(value).slice(0, -8);
};

type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** One line for each action of a statement. */
const linesOf = ({ Action, Resource, Condition = {} }: PolicyStatement, resource = textOf(Resource)): string[] => {
  const conditions = Object.entries(Condition as Conditions).flatMap(([operator, byKey]) =>
    Object.entries(byKey)
      // It is the role.
      .filter(([key]) => key !== 'aws:PrincipalArn')
      .map(([key, values]) => `${operator} ${key} ${[values].flat().join(',')}`),
  );
  return [Action].flat().map((action) => [resource, action, ...conditions.toSorted()].join(' | '));
};

const permissionsOf = (from: Synthesized, entry: string): string[] => {
  const prefix = `anima-${entry}-`;
  const ofRoles = policiesOf(from)
    .filter(({ role }) => textOf(from.resources[role]?.Properties.RoleName).startsWith(prefix))
    .flatMap(({ statements }) => statements)
    .flatMap((statement) => linesOf(statement));
  const ofKeys = ofType(from, 'AWS::KMS::Key').flatMap(([id, { Properties }]) =>
    [Object(Properties.KeyPolicy).Statement as PolicyStatement[]]
      .flat()
      .filter(({ Condition }) => textOf(Object(Condition).ArnEquals?.['aws:PrincipalArn'] ?? '').includes(`/${prefix}`))
      .flatMap((statement) => linesOf(statement, `policy of ${id.slice(0, -8)}`)),
  );
  return [...ofRoles, ...ofKeys].toSorted();
};

test.each(workflows)(
  '%s: its roles have every permission of the releases so far, as widely, and no other than the list has',
  (entry) => {
    const expected = released[entry] ?? [];
    expect(expected.length).toBeGreaterThan(10);
    // A permission that the list lacks could be removed by the next release.
    expect(permissionsOf(template, entry)).toEqual(expected);
  },
);

test('a durable function is replaced when it ceases to be durable, so exactly the two workflows are, under the same logical IDs', () => {
  const durable = ofType(template, 'AWS::Lambda::Function').filter(
    ([, { Properties }]) => 'DurableConfig' in Properties,
  );
  expect(Object.fromEntries(durable.map(([id, { Properties }]) => [id, Properties.DurableConfig]))).toEqual({
    RotationWorkflowFunction59EDBE20: { ExecutionTimeout: 60 * 86_400, RetentionPeriodInDays: 30 },
    ShredWorkflowFunctionB9A180CD: { ExecutionTimeout: 366 * 86_400, RetentionPeriodInDays: 30 },
  });
  // The function's name is generated. A name or a package type would replace the function too.
  for (const [, { Properties }] of durable) {
    expect(Properties).not.toHaveProperty('FunctionName');
    expect(Properties).not.toHaveProperty('PackageType');
  }
});

test.each(entries)(
  '%s: a deployment keeps the previous version exactly if executions can be pending on it',
  (entry) => {
    const version = template.resources[target(aliasOf(template, entry)[1].Properties.FunctionVersion)];
    const isWorkflow = workflows.some((workflow) => workflow === entry);
    expect([version?.DeletionPolicy, version?.UpdateReplacePolicy]).toEqual(
      isWorkflow ? ['Retain', 'Retain'] : [undefined, undefined],
    );
  },
);

test('a change of code publishes a new version under another logical ID; the alias keeps its own', () => {
  const other = synthesize(appForTest({ responder: 'sample', canary: 'on', stage: 'qa' }));
  for (const entry of workflows) {
    expect(functionOf(other, entry)[0]).toBe(functionOf(template, entry)[0]);
    const [[id, before], [otherId, after]] = [aliasOf(template, entry), aliasOf(other, entry)];
    expect(otherId).toBe(id);
    expect(target(after.Properties.FunctionVersion)).not.toBe(target(before.Properties.FunctionVersion));
  }
});
