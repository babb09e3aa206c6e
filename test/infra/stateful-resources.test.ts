/**
 * No stateful resource is replaced between two releases. stateful-resources.json has the data stack of the releases so
 * far: new resources and exports are added to it; lines that exist are never changed. An export can be removed one
 * release after its last use, because CloudFormation refuses to remove an export that the deployed code stack imports.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { settingCombinations } from '../deploy/setting-combinations.ts';
import { appForTest, ofType, type Synthesized, synthesize, type Template } from './synthesized-template.ts';

interface Released {
  readonly resources: Readonly<Record<string, object>>;
  readonly exports: readonly string[];
  readonly stableNames: Readonly<Record<string, unknown>>;
}

const released: Released = JSON.parse(readFileSync(new URL('stateful-resources.json', import.meta.url), 'utf8'));

/** Properties whose change replaces the resource. Source: AWS CloudFormation template reference. */
const replacingProperties: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::Table': ['KeySchema', 'LocalSecondaryIndexes', 'TableName'],
  'AWS::KMS::Alias': ['AliasName'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'MultiRegion', 'Origin'],
  'AWS::S3::Bucket': ['BucketName', 'BucketNamePrefix', 'BucketNamespace', 'ObjectLockEnabled'],
  'AWS::S3::BucketPolicy': ['Bucket'],
  'AWS::SQS::Queue': ['FifoQueue', 'QueueName'],
  'AWS::SQS::QueuePolicy': [],
};

const identityOf = ({ Resources }: Template): Released['resources'] =>
  Object.fromEntries(
    Object.entries(Resources).map(([id, { Type, Properties }]) => {
      const names = replacingProperties[Type] ?? expect.fail(`${Type} in the data stack: which properties replace it?`);
      return [
        id,
        { Type, ...Object.fromEntries(names.flatMap((key) => (key in Properties ? [[key, Properties[key]]] : []))) },
      ];
    }),
  );

/** Names of exports, without the name of the stack. */
const exportsOf = ({ Outputs = {} }: Template): string[] =>
  Object.values(Outputs)
    .flatMap(({ Export }) => (Export === undefined ? [] : [Export.Name.replace(/^.*:/, '')]))
    .sort();

const namesOf = ({ Resources }: Template): Released['stableNames'] =>
  Object.fromEntries(
    Object.entries(Resources).flatMap(([id, { Properties }]) => {
      const name = Properties.TableName ?? Properties.BucketName ?? Properties.QueueName;
      return name === undefined ? [] : [[id, name]];
    }),
  );

/** Every setting, but with the name and the stage that the list has, and names only where a test asks for them. */
const everySetting = { ...settingCombinations.all, name: 'anima-vault', stage: 'dev', stableNames: 'off' };

describe('the data stack', () => {
  let template: Synthesized;
  beforeAll(() => {
    template = synthesize(appForTest());
  });

  test('has the logical IDs, types and replacing properties of the releases so far, and exports what they export', () => {
    expect({ resources: identityOf(template.stacks.data), exports: exportsOf(template.stacks.data) }).toEqual({
      resources: released.resources,
      exports: released.exports,
    });
  });

  test('keeps every table, key, bucket and queue when it is deleted or changed, and undoes a failed creation', () => {
    const stateful = Object.values(template.stacks.data.Resources).filter(({ Type }) => !/Alias$|Policy$/.test(Type));
    expect(stateful.length).toBeGreaterThan(15);
    for (const { DeletionPolicy, UpdateReplacePolicy } of stateful) {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
    }
  });

  test('has termination protection, and does not depend on the code stack', () => {
    const { artifacts } = JSON.parse(readFileSync(`${template.directory}/manifest.json`, 'utf8'));
    expect(artifacts.Data.properties.terminationProtection).toBe(true);
    expect(artifacts.Data.dependencies).not.toContain('Vault');
    expect(artifacts.Vault.dependencies).toContain('Data');
    expect(JSON.stringify(template.stacks.data)).not.toMatch(/Fn::ImportValue|Fn::GetStackOutput/);
  });

  test('has everything stateful: the code stack has no table and no key, only the bucket of the page and the queue of failed invocations', () => {
    const { Resources } = template.stacks.code;
    const stateful = Object.entries(Resources).filter(([, { Type }]) => Object.hasOwn(replacingProperties, Type));
    expect(stateful.map(([id]) => id.slice(0, -8)).sort()).toEqual([
      'FailuresQueue',
      'FailuresQueuePolicy',
      'PageBucket',
      'PageBucketPolicy',
    ]);
  });

  test('gives names only on request', () => {
    expect(namesOf(template.stacks.data)).toEqual({});
  });
});

describe('with stable names', () => {
  test('tables, buckets and the queue have the names of the releases so far; logical IDs and exports are the same', () => {
    const { data } = synthesize(appForTest({ ...everySetting, stableNames: 'on' })).stacks;
    expect(namesOf(data)).toEqual(released.stableNames);
    expect(Object.keys(data.Resources).sort()).toEqual(Object.keys(released.resources).sort());
    expect(exportsOf(data)).toEqual(released.exports);
  });

  test('names of buckets and of the queue stay within the limits of S3 and SQS for the longest name and stage', () => {
    const context = { name: 'n'.repeat(40), stage: 's'.repeat(20), stableNames: 'on' };
    const template = synthesize(appForTest(context));
    for (const [, { Properties }] of ofType(template, 'AWS::S3::Bucket')) {
      if (Properties.BucketName === undefined) continue;
      const parts: unknown[] = Object(Properties.BucketName)['Fn::Join'][1];
      const longest = parts.map((part) =>
        typeof part === 'string' ? part : JSON.stringify(part).includes('Region') ? 'r'.repeat(20) : '1'.repeat(12),
      );
      expect(longest.join('').length).toBeLessThanOrEqual(63);
    }
    for (const [, { Properties }] of ofType(template, 'AWS::SQS::Queue')) {
      expect(String(Properties.QueueName).length).toBeLessThanOrEqual(80);
    }
  });
});

test.each<[string, Record<string, string>]>([
  ['every setting', { ...everySetting, responder: 'none' }],
  ['another name and stage', { stage: 'prod', name: 'acme' }],
])('with %s, logical IDs, types, key schemas and exports are the same', (_settings, context) => {
  const { data } = synthesize(appForTest(context)).stacks;
  const withoutAliasName = (resources: object) => JSON.stringify(resources).replaceAll(/"AliasName":"[^"]*"/g, '');
  expect(withoutAliasName(identityOf(data))).toBe(withoutAliasName(released.resources));
  expect(exportsOf(data)).toEqual(released.exports);
});

test('the way back to an earlier release leaves the data stack as it is, and moves only aliases with earlier versions', () => {
  const page = readFileSync(new URL('../../docs/upgrades.md', import.meta.url), 'utf8');
  const [, rollBack = ''] = page.split('## Roll back');
  const commands = rollBack.split('\n').filter((line) => /^(?:npx cdk|aws) /.test(line));
  // The data stack of an earlier release lacks exports that the later code stack imports.
  const deployments = commands.filter((line) => line.startsWith('npx cdk'));
  expect(deployments).not.toEqual([]);
  for (const line of deployments) expect(line).toMatch(/^npx cdk deploy (?:Vault|Operations) --exclusively /);
  // The previous versions of all other functions are deleted: workflow-upgrades.test.ts.
  const moves = commands.filter((line) => line.includes(' update-alias '));
  for (const line of moves) expect(line).toMatch(/--function-name "\$(?:SHRED|ROTATION)_WORKFLOW"/);
});
