import { beforeAll, describe, expect, test } from 'vitest';
import { permissions } from './permissions.ts';
import { appForTest, ofType, type Resource, type Synthesized, synthesize, tables } from './support.ts';

let template: Synthesized;
let keyring: Resource;

const table = (name: string): Resource => {
  const found = tables(template)[name];
  if (found === undefined) throw new Error(`no table ${name}`);
  return found[1];
};

beforeAll(() => {
  template = synthesize(appForTest());
  keyring = table('keyring');
});

describe('the keyring table can not be copied', () => {
  test('it does not say a word about point-in-time recovery', () => {
    expect(keyring.Properties).not.toHaveProperty('PointInTimeRecoverySpecification');
  });

  test('it has no stream, no Kinesis destination, no replica and no index', () => {
    for (const copy of ['StreamSpecification', 'KinesisStreamSpecification', 'Replicas', 'GlobalSecondaryIndexes']) {
      expect(keyring.Properties).not.toHaveProperty(copy);
    }
  });

  test('its policy denies everyone exactly the ways to copy that DynamoDB lets a table deny', () => {
    expect(keyring.Properties.ResourcePolicy).toEqual({
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'DenyCopies',
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Resource: '*',
            Action: [
              'dynamodb:CreateBackup',
              'dynamodb:UpdateContinuousBackups',
              'dynamodb:RestoreTableToPointInTime',
              'dynamodb:ExportTableToPointInTime',
              'dynamodb:EnableKinesisStreamingDestination',
            ],
          },
        ],
      },
    });
  });
});

describe('tables', () => {
  test.each([
    ['keyring', ['org']],
    ['apiKey', ['org', 'id']],
    ['value', ['org', 'name']],
    ['audit', ['org', 'id']],
    ['rotation', ['org']],
    ['blob', ['org', 'id']],
  ])('%s: by org first, which is what policies can tell apart: %j', (name, keys) => {
    const keySchema = keys.map((key, n) => ({ AttributeName: key, KeyType: n === 0 ? 'HASH' : 'RANGE' }));
    expect(table(name).Properties.KeySchema).toEqual(keySchema);
  });

  test('there are no others', () => {
    expect(Object.keys(tables(template)).sort()).toEqual(['apiKey', 'audit', 'blob', 'keyring', 'rotation', 'value']);
  });

  test.each(['keyring', 'apiKey', 'value', 'blob'])(
    '%s: paid by request, kept when the stack goes, not deletable',
    (name) => {
      expect(table(name)).toMatchObject({
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: { BillingMode: 'PAY_PER_REQUEST', DeletionProtectionEnabled: true },
      });
    },
  );

  test.each(['apiKey', 'value', 'blob'])('%s: recoverable to a point in time', (name) => {
    expect(table(name).Properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
  });

  test('only values, and records of blobs, go by themselves, at their ttl', () => {
    for (const name of ['value', 'blob']) {
      expect(table(name).Properties.TimeToLiveSpecification).toEqual({ AttributeName: 'ttl', Enabled: true });
    }
    expect(table('apiKey').Properties).not.toHaveProperty('TimeToLiveSpecification');
    expect(keyring.Properties).not.toHaveProperty('TimeToLiveSpecification');
  });
});

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Principal: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

interface KeyProperties {
  readonly KeyPolicy: { readonly Statement: readonly Statement[] };
}

const isKey = (value: object): value is KeyProperties => 'KeyPolicy' in value;

const kek = (): Resource => {
  const found = ofType(template, 'AWS::KMS::Key').find(([id]) => id.startsWith('Kek'));
  if (found === undefined) throw new Error('no KEK');
  return found[1];
};

const keyStatements = (): readonly Statement[] => {
  const { Properties } = kek();
  if (!isKey(Properties)) throw new Error('the KEK has no policy');
  return Properties.KeyPolicy.Statement;
};

describe('the KEK', () => {
  test('rotates, stays when the stack goes, and takes 30 days to be deleted', () => {
    expect(kek()).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true, PendingWindowInDays: 30 },
    });
    expect(ofType(template, 'AWS::KMS::Alias')[0]?.[1].Properties.AliasName).toBe('alias/anima-vault-dev');
  });

  test.each(['org', 'dek'])('is denied to everyone without %s in the encryption context', (contextKey) => {
    const denial = keyStatements().find(
      (statement) => statement.Condition?.Null?.[`kms:EncryptionContext:${contextKey}`] === 'true',
    );
    expect(denial).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    });
    expect(Object.keys(denial?.Condition ?? {})).toEqual(['Null']);
  });

  test('gives administrators no action on data and no grant to hand out', () => {
    const administration = keyStatements().filter((statement) => statement.Sid === 'AdministerWithoutUse');
    expect(administration).toHaveLength(1);
    for (const statement of administration) {
      expect(statement.Action).toContain('kms:PutKeyPolicy');
      expect(statement.Action).not.toContain('kms:CreateGrant');
      expect(JSON.stringify(statement.Action)).not.toMatch(/\*|Encrypt|Decrypt|DataKey/);
    }
  });

  test('is usable by session roles only, with org and dek as context, the org being that of the session', () => {
    const allowed = keyStatements().filter(({ Sid, Effect }) => Effect === 'Allow' && Sid !== 'AdministerWithoutUse');
    const uses = allowed.map(({ Action, Condition }) => {
      const role = /"([A-Za-z]+)SessionRole[0-9A-F]{8}"/.exec(
        JSON.stringify(Condition?.ArnEquals?.['aws:PrincipalArn']),
      );
      return `${role?.[1]} ${String(Action)}`;
    });
    const named = (entry: string) => entry.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const expected = Object.entries(permissions).flatMap(([entry, { data }]) =>
      data.filter((one) => one.startsWith('kek ')).map((one) => `${named(entry)} ${one.slice(4)}`),
    );
    expect(uses.sort()).toEqual(expected.sort());
    for (const { Condition } of allowed) {
      expect(Condition).toMatchObject({
        'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['dek', 'org'] },
        Null: { 'kms:EncryptionContextKeys': 'false' },
        StringEquals: { 'kms:EncryptionContext:org': '${aws:PrincipalTag/org}' },
      });
    }
  });
});
