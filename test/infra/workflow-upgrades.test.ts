/**
 * An execution of a workflow can be pending for a year. It continues on the version that started it, with the current
 * permissions of its role, so neither may be removed by a deployment (docs/guide-operator.md, "Upgrades").
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
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

const workflows = ['rotation-workflow', 'shred-workflow'] as const;

/**
 * The permissions of the releases so far, by logical ID of the resource without its hash. Lines are added. A line is
 * removed only when no execution that was started before can be pending.
 */
const released: Record<string, string[]> = JSON.parse(
  readFileSync(new URL('workflow-permissions.json', import.meta.url), 'utf8'),
);

let template: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample', canary: 'on' }));
});

const permissionsOf = (from: Synthesized, entry: string): string[] =>
  policiesOf(from)
    .filter(({ role }) => JSON.stringify(from.resources[role]?.Properties.RoleName).includes(`"anima-${entry}-`))
    .flatMap(({ statements }) => statements)
    .flatMap(({ Action, Resource }) =>
      [Action].flat().map((action) => `${Resource === '*' ? '*' : target(Resource).slice(0, -8)} ${action}`),
    );

test.each(workflows)('%s: its roles have every permission of the releases so far', (entry) => {
  const expected = released[entry] ?? [];
  expect(expected.length).toBeGreaterThan(10);
  const current = permissionsOf(template, entry);
  expect(expected.filter((permission) => !current.includes(permission))).toEqual([]);
});

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
