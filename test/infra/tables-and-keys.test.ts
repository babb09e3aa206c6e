import { beforeAll, describe, expect, test } from 'vitest';
import { jobKinds } from '../../core/jobs/job-envelope.ts';
import { jobsMade, permissions } from './expected-permissions.ts';
import {
  appForTest,
  keys,
  ofType,
  type Resource,
  type Synthesized,
  synthesize,
  tables,
} from './synthesized-template.ts';

let template: Synthesized;

const table = (name: string): Resource => {
  const found = tables(template)[name];
  if (found === undefined) throw new Error(`no table ${name}`);
  return found[1];
};

beforeAll(() => {
  template = synthesize(appForTest());
});

describe.each(['keyring', 'userKeyring', 'deviceRoster', 'mailbox', 'brokerRecord', 'approval', 'secretRequest'])(
  'the table %s can not be copied',
  (name) => {
    test('it does not say a word about point-in-time recovery', () => {
      expect(table(name).Properties).not.toHaveProperty('PointInTimeRecoverySpecification');
    });

    test('it has no stream, no Kinesis destination, no replica and no index', () => {
      for (const copy of ['StreamSpecification', 'KinesisStreamSpecification', 'Replicas', 'GlobalSecondaryIndexes']) {
        expect(table(name).Properties).not.toHaveProperty(copy);
      }
    });

    test('its policy denies everyone exactly the ways to copy that DynamoDB lets a table deny', () => {
      expect(table(name).Properties.ResourcePolicy).toEqual({
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
  },
);

describe('tables', () => {
  test.each([
    ['keyring', ['org']],
    ['apiKey', ['org', 'id']],
    ['value', ['org', 'name']],
    ['audit', ['org', 'id']],
    ['rotation', ['org']],
    ['blob', ['org', 'id']],
    ['userKeyring', ['org', 'id']],
    ['userRecord', ['org', 'id']],
    ['delivery', ['org', 'id']],
    ['deviceRoster', ['org', 'id']],
    ['deviceLog', ['org', 'id']],
    ['directory', ['org', 'id']],
    ['mailbox', ['org', 'id']],
    ['brokerRecord', ['org', 'id']],
    ['approval', ['org', 'id']],
    ['login', ['org', 'id']],
    ['secretRequest', ['org', 'id']],
  ])('%s: by org first, which is what policies can tell apart: %j', (name, keys) => {
    const keySchema = keys.map((key, n) => ({ AttributeName: key, KeyType: n === 0 ? 'HASH' : 'RANGE' }));
    expect(table(name).Properties.KeySchema).toEqual(keySchema);
  });

  test('there are no others', () => {
    const names = [
      'apiKey',
      'approval',
      'audit',
      'blob',
      'brokerRecord',
      'delivery',
      'deviceLog',
      'deviceRoster',
      'directory',
      'keyring',
    ];
    const more = ['login', 'mailbox', 'rotation', 'secretRequest', 'userKeyring', 'userRecord', 'value'];
    expect(Object.keys(tables(template)).sort()).toEqual([...names, ...more]);
  });

  test.each([
    'keyring',
    'apiKey',
    'value',
    'blob',
    'userKeyring',
    'userRecord',
    'delivery',
    'deviceRoster',
    'deviceLog',
    'directory',
    'mailbox',
    'brokerRecord',
    'approval',
    'login',
    'secretRequest',
  ])('%s: paid by request, kept when the stack goes, not deletable', (name) => {
    expect(table(name)).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { BillingMode: 'PAY_PER_REQUEST', DeletionProtectionEnabled: true },
    });
  });

  test.each(['apiKey', 'value', 'blob', 'userRecord', 'delivery', 'deviceLog', 'directory', 'login'])(
    '%s: recoverable to a point in time',
    (name) => {
      expect(table(name).Properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
    },
  );

  test('only values, keys of logins, records of blobs, deliveries, codes, attempts, pairings, invites, messages, counters of uses, questions and used identities go by themselves, at their ttl', () => {
    const timed = [
      'value',
      'apiKey',
      'blob',
      'delivery',
      'userKeyring',
      'userRecord',
      'deviceRoster',
      'directory',
      'mailbox',
      'brokerRecord',
      'approval',
      'login',
      'secretRequest',
    ];
    for (const name of timed) {
      expect(table(name).Properties.TimeToLiveSpecification).toEqual({ AttributeName: 'ttl', Enabled: true });
    }
    for (const name of ['keyring', 'deviceLog']) {
      expect(table(name).Properties).not.toHaveProperty('TimeToLiveSpecification');
    }
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

const key = (word: string, from = template): Resource => keys(from)[word]?.[1] ?? expect.fail(`no key ${word}`);

const statementsOfKey = (word: string, from = template): readonly Statement[] => {
  const { Properties } = key(word, from);
  if (!isKey(Properties)) throw new Error(`${word} has no policy`);
  return Properties.KeyPolicy.Statement;
};

const isUse = ({ Sid, Effect }: Statement): boolean => Effect === 'Allow' && Sid !== 'AdministerWithoutUse';

/**
 * The entry and kind of the role in the condition of a key policy. The ARN is text; that such a role exists is tested in
 * fixed-roles.test.ts.
 */
const roleIn = ({ Condition }: Statement): { entry: string | undefined; kind: 'data' | 'own' } => {
  const arn = JSON.stringify(Condition?.ArnEquals?.['aws:PrincipalArn']);
  const [, entry, session] =
    /:role\/anima-([a-z-]+?)(-session)?-[0-9a-f]{8}-",\{"Ref":"AWS::Region"\}\]\]\}$/.exec(arn) ?? [];
  return { entry, kind: session === undefined ? 'own' : 'data' };
};

/** `<entry> <action>` for every use that a key policy allows to roles of this kind. */
const usesOf = (word: string, kind: 'data' | 'own'): string[] =>
  statementsOfKey(word)
    .filter(isUse)
    .flatMap((statement) => {
      const role = roleIn(statement);
      const caller = role.kind === kind ? role.entry : `the other role of ${role.entry}`;
      return [statement.Action].flat().map((action) => `${caller} ${action}`);
    })
    .sort();

const expectedUses = (word: string, half: 'data' | 'own'): string[] =>
  Object.entries(permissions)
    .flatMap(([entry, rows]) =>
      rows[half].filter((one) => one.startsWith(`${word} `)).map((one) => `${entry} ${one.slice(word.length + 1)}`),
    )
    .sort();

test('there is one key for each purpose, by an alias of the deployment', () => {
  expect(Object.keys(keys(template)).sort()).toEqual([
    'brokerKey',
    'codeKey',
    'custodyKey',
    'kek',
    'pushKey',
    'recordsKey',
    'routingKey',
    'secretRequestKey',
    'signingKey',
    'transitKey',
  ]);
  expect(
    ofType(template, 'AWS::KMS::Alias')
      .map(([, { Properties }]) => Properties.AliasName)
      .sort(),
  ).toEqual(
    [
      '',
      '-broker',
      '-code',
      '-custody',
      '-push',
      '-records',
      '-routing',
      '-secret-requests',
      '-signing',
      '-transit',
    ].map((end) => `alias/anima-vault-dev${end}`),
  );
});

const allKeys = ['kek', 'pushKey', 'signingKey', 'recordsKey', 'custodyKey', 'codeKey', 'routingKey', 'transitKey'];

test.each([...allKeys, 'brokerKey', 'secretRequestKey'])(
  '%s stays when the stack goes, takes 30 days to be deleted, and gives administrators no use and no grant to hand out',
  (word) => {
    expect(key(word)).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { PendingWindowInDays: 30 },
    });
    const administration = statementsOfKey(word).filter((statement) => statement.Sid === 'AdministerWithoutUse');
    expect(administration).toHaveLength(1);
    for (const { Action } of administration) {
      expect(Action).toContain('kms:PutKeyPolicy');
      expect(Action).not.toContain('kms:CreateGrant');
      expect(JSON.stringify(Action)).not.toMatch(/\*|Encrypt|Decrypt|DataKey|Mac|Sign/);
    }
  },
);

describe.each([
  ['custodyKey', /Routing|Code|RecordsKey|BrokerKey/],
  ['codeKey', /Routing|Opening|RecordsKey|BrokerKey/],
  ['routingKey', /Opening|Code|RecordsKey|BrokerKey/],
  ['recordsKey', /Routing|Opening|Code|BrokerKey/],
  ['brokerKey', /Routing|Opening|Code|RecordsKey/],
  ['secretRequestKey', /Routing|Opening|Code|RecordsKey|BrokerKey/],
])('the %s', (word, otherKeys) => {
  test('computes HMAC-SHA-256 for the functions whose row says so, by their own roles, and for nobody else', () => {
    expect(key(word).Properties).toMatchObject({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    expect(key(word).Properties).not.toHaveProperty('EnableKeyRotation');
    expect(usesOf(word, 'own')).toEqual(expectedUses(word, 'own'));
    expect(statementsOfKey(word).filter(isUse).length).toBeGreaterThan(0);
    expect(JSON.stringify(key(word))).not.toMatch(otherKeys);
  });
});

describe.each([
  ['kek', ['dek', 'org']],
  ['transitKey', ['job', 'kind', 'org']],
])('the %s', (word, named) => {
  test('rotates', () => {
    expect(key(word).Properties).toMatchObject({ EnableKeyRotation: true });
  });

  test.each(named)('is denied to everyone without %s in the encryption context', (contextKey) => {
    const denial = statementsOfKey(word).find(
      (statement) => statement.Condition?.Null?.[`kms:EncryptionContext:${contextKey}`] === 'true',
    );
    expect(denial).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    });
    expect(Object.keys(denial?.Condition ?? {})).toEqual(['Null']);
  });

  test('is usable by session roles only, with exactly this context, the org being that of the session', () => {
    expect(usesOf(word, 'data')).toEqual(expectedUses(word, 'data'));
    for (const { Condition } of statementsOfKey(word).filter(isUse)) {
      expect(Condition).toMatchObject({
        'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': named },
        Null: { 'kms:EncryptionContextKeys': 'false' },
        StringEquals: { 'kms:EncryptionContext:org': '${aws:PrincipalTag/org}' },
      });
    }
  });
});

test('the transit key makes keys for jobs of the kind that a function has, and opens those of all kinds for the worker, tags or no tags', () => {
  for (const from of [template, synthesize(appForTest({ sessionTags: 'off' }))]) {
    const found = statementsOfKey('transitKey', from)
      .filter(isUse)
      .map((statement) => {
        const { Action, Condition } = statement;
        return [Action, roleIn(statement).entry, Condition?.StringEquals?.['kms:EncryptionContext:kind']];
      });
    const made = Object.entries(jobsMade).map(([entry, kind]) => ['kms:GenerateDataKey', entry, kind]);
    expect(found.toSorted()).toEqual([...made, ['kms:Decrypt', 'worker', [...jobKinds]]].toSorted());
  }
});
