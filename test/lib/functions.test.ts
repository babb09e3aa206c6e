import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { functionEnv } from '../../contract/environment.ts';
import { type Group, groups } from '../../contract/routes.ts';
import { appForTest, functionOf, ofType, only, type Synthesized, synthesize, tables, target } from './support.ts';

let template: Synthesized;
/** Logical id → the word used below for it. */
let words: Record<string, string>;

beforeAll(() => {
  template = synthesize(appForTest({ logRetentionDays: 30 }));
  words = {
    [only(template, 'AWS::KMS::Key')[0]]: 'kek',
    ...Object.fromEntries(Object.entries(tables(template)).map(([name, [id]]) => [id, name])),
  };
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const isPolicy = (value: object): value is { PolicyDocument: { Statement: Statement[] }; Roles: unknown[] } =>
  'PolicyDocument' in value && 'Roles' in value;

/** All statements of all policies of the role of a group. */
const statementsOf = (group: Group): Statement[] => {
  const role = target(functionOf(template, group)[1].Properties.Role);
  return ofType(template, 'AWS::IAM::Policy')
    .map(([, { Properties }]) => Properties)
    .filter(isPolicy)
    .filter(({ Roles }) => Roles.some((attached) => target(attached) === role))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
};

/** `resource action` for every permission of a group, sorted; its own log is left out, and tested by itself. */
const permissions = (group: Group): string[] =>
  statementsOf(group)
    .flatMap(({ Action, Resource }) => [Action].flat().map((action) => `${words[target(Resource)] ?? 'log'} ${action}`))
    .filter((permission) => !permission.startsWith('log '))
    .sort();

describe('each role may do exactly this', () => {
  const expected: Record<Group, string[]> = {
    public: [],
    operator: ['apiKey dynamodb:PutItem', 'keyring dynamodb:PutItem'],
    admin: [
      'apiKey dynamodb:BatchGetItem',
      'apiKey dynamodb:GetItem',
      'apiKey dynamodb:PutItem',
      'apiKey dynamodb:Query',
      'apiKey dynamodb:UpdateItem',
      'kek kms:Decrypt',
      'keyring dynamodb:BatchGetItem',
      'keyring dynamodb:GetItem',
    ],
    reader: [
      'apiKey dynamodb:BatchGetItem',
      'kek kms:Decrypt',
      'keyring dynamodb:BatchGetItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:Query',
    ],
    writer: [
      'apiKey dynamodb:BatchGetItem',
      'kek kms:Decrypt',
      'kek kms:GenerateDataKey',
      'keyring dynamodb:BatchGetItem',
      'keyring dynamodb:PutItem',
      'value dynamodb:BatchGetItem',
      'value dynamodb:DeleteItem',
      'value dynamodb:PutItem',
    ],
  };

  test.each(groups)('%s', (group) => {
    expect(permissions(group)).toEqual(expected[group]);
  });

  test.each(groups)('%s: writes to its own log, and to no other', (group) => {
    const log = target(functionOf(template, group)[1].Properties.LoggingConfig);
    const onLogs = statementsOf(group).filter(({ Action }) => JSON.stringify(Action).includes('logs:'));
    expect(onLogs.map(({ Action, Resource }) => [Action, target(Resource)])).toEqual([
      [['logs:CreateLogStream', 'logs:PutLogEvents'], log],
    ]);
  });

  test.each(groups)('%s: no wildcard, no Scan, no managed policy', (group) => {
    const statements = statementsOf(group);
    expect(statements.length).toBeGreaterThan(0);
    for (const { Effect, Action, Resource } of statements) {
      expect(Effect).toBe('Allow');
      expect(JSON.stringify([Action, Resource])).not.toMatch(/\*|Scan/);
    }
    const role = template.resources[target(functionOf(template, group)[1].Properties.Role)];
    expect(Object.keys(role?.Properties ?? {}).sort()).toEqual(['AssumeRolePolicyDocument', 'Description']);
  });

  test('the KEK is used with no context but org and dek', () => {
    const uses = groups.flatMap(statementsOf).filter(({ Action }) => String(Action).startsWith('kms:'));
    expect(uses).toHaveLength(4);
    for (const { Condition } of uses) {
      expect(Condition).toEqual({
        'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['dek', 'org'] },
        Null: { 'kms:EncryptionContextKeys': 'false' },
      });
    }
  });
});

describe('functions', () => {
  test('there is one for each group, on arm64 and Node 24, logging JSON', () => {
    expect(ofType(template, 'AWS::Lambda::Function')).toHaveLength(groups.length);
    for (const group of groups) {
      expect(functionOf(template, group)[1].Properties).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Timeout: 15,
        LoggingConfig: { LogFormat: 'JSON' },
      });
      expect(functionOf(template, group)[1].Properties).not.toHaveProperty('TracingConfig');
    }
  });

  test('their environment is names of resources they may use, and the stage', () => {
    const tableEnv = {
      keyring: functionEnv.keyringTable,
      apiKey: functionEnv.apiKeyTable,
      value: functionEnv.valueTable,
    };
    for (const group of groups) {
      const used = new Set(permissions(group).map((permission) => permission.split(' ')[0]));
      const expected: Record<string, unknown> = { [functionEnv.stage]: 'dev' };
      for (const [name, setting] of Object.entries(tableEnv)) {
        if (used.has(name)) expected[setting] = { Ref: tables(template)[name]?.[0] };
      }
      if (used.has('kek')) expected[functionEnv.kekId] = { 'Fn::GetAtt': [only(template, 'AWS::KMS::Key')[0], 'Arn'] };
      expect(functionOf(template, group)[1].Properties.Environment).toEqual({ Variables: expected });
    }
  });

  test('every log is kept as long as told, and no longer', () => {
    const logs = ofType(template, 'AWS::Logs::LogGroup');
    expect(logs).toHaveLength(groups.length + 1);
    for (const [, log] of logs) expect(log.Properties.RetentionInDays).toBe(30);
  });

  test('each gets the bundle of its own group, an ES module whose CommonJS parts run', async () => {
    for (const group of groups) {
      const key = /"S3Key":"([0-9a-f]+)\.zip"/.exec(
        JSON.stringify(functionOf(template, group)[1].Properties.Code),
      )?.[1];
      const bundle: unknown = await import(pathToFileURL(join(template.directory, `asset.${key}`, 'index.mjs')).href);
      expect(await callHandler(bundle)).toBe(`${group},string`);
    }
  });
});

const callHandler = (bundle: unknown): unknown => {
  if (typeof bundle !== 'object' || bundle === null || !('handler' in bundle)) throw new Error('no handler exported');
  if (typeof bundle.handler !== 'function') throw new Error('handler is not a function');
  return bundle.handler();
};
