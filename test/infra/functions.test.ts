import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { jobsMade, permissions } from './expected-permissions.ts';
import { type PolicyStatement, policiesOf } from './role-policies.ts';
import {
  aliasOf,
  apiOf,
  appForTest,
  buckets,
  type Entry,
  entries,
  functionOf,
  keys,
  ofType,
  type Synthesized,
  synthesize,
  tables,
  target,
} from './synthesized-template.ts';

let template: Synthesized;
/** The short name used in these tests for each logical ID. */
let words: Record<string, string>;

beforeAll(() => {
  template = synthesize(appForTest({ logRetentionDays: 30, responder: 'sample' }));
  words = {
    ...Object.fromEntries(Object.entries(keys(template)).map(([name, [id]]) => [id, name])),
    ...Object.fromEntries(
      ofType(template, 'AWS::SQS::Queue').map(([id]) => [id, id.startsWith('Failures') ? 'failure' : 'job']),
    ),
    ...Object.fromEntries(entries.map((entry) => [functionOf(template, entry)[0], entry])),
    ...Object.fromEntries(entries.map((entry) => [aliasOf(template, entry)[0], entry])),
    ...Object.fromEntries(Object.entries(tables(template)).map(([name, [id]]) => [id, name])),
    ...Object.fromEntries(Object.entries(buckets(template)).map(([name, [id]]) => [id, name])),
    [apiOf(template, 'WEBSOCKET')[0]]: 'sockets',
  };
});

/** Logical ID of the role of a function. */
const roleOf = (entry: Entry): string => target(functionOf(template, entry)[1].Properties.Role);

/** Logical ID of the role with which a function accesses data of orgs; undefined if it accesses none. */
const sessionRoleOf = (entry: Entry): string | undefined => {
  const { Environment } = functionOf(template, entry)[1].Properties;
  const { [functionEnv.sessionRole]: role } = variablesOf(Environment);
  return role === undefined ? undefined : target(role);
};

const variablesOf = (environment: unknown): Record<string, unknown> => {
  const found = typeof environment === 'object' && environment !== null && 'Variables' in environment;
  return found ? Object(environment.Variables) : {};
};

/** All statements of all policies of a role. */
const statementsOf = (role: string): PolicyStatement[] =>
  policiesOf(template)
    .filter((policy) => policy.role === role)
    .flatMap(({ statements }) => statements);

const listed = (statements: readonly PolicyStatement[]): string[] =>
  statements
    .flatMap(({ Action, Resource }) =>
      [Action].flat().map((action) => `${Resource === '*' ? 'anything' : words[target(Resource)]} ${action}`),
    )
    .sort();

/** The keys of the encryption context for a use of a key. */
const contextKeysOf = (resource: unknown): string[] =>
  words[target(resource)] === 'transitKey' ? ['job', 'kind', 'org'] : ['dek', 'org'];

/** For the transit key: the condition on the kinds of jobs. */
const kindsOf = (entry: Entry, resource: unknown, action: unknown): object => {
  if (words[target(resource)] !== 'transitKey') return {};
  return { 'kms:EncryptionContext:kind': action === 'kms:Decrypt' ? ['message', 'erase'] : jobsMade[entry] };
};

/** The folder of the session's org in the bucket of a permission. */
const folderOf = (resource: unknown): { bucket: object; folder: string } => {
  const id = target(resource);
  const isLocked = id === buckets(template).locked?.[0];
  const folder = `${isLocked ? 'heads/' : ''}\${aws:PrincipalTag/org}/`;
  return { bucket: { 'Fn::GetAtt': [id, 'Arn'] }, folder };
};

/** There is one mark of an org, so its key is complete. */
const isOnMark = ({ Resource }: PolicyStatement): boolean => {
  const marks = ['marks', 'directories'].map((folder) => ({
    'Fn::Join': ['', [folderOf(Resource).bucket, `/${folder}/\${aws:PrincipalTag/org}`]],
  }));
  const isMark = marks.some((mark) => JSON.stringify(Resource) === JSON.stringify(mark));
  return words[target(Resource)] === 'locked' && isMark;
};

/** The folders below that of the org, for functions that access only these. */
const subfolders: Readonly<Record<string, string>> = {
  memory: 'media/',
  relay: 'session/',
  webhooks: 'media/received/',
  worker: 'media/',
};

const expectFolderOfOrg = ({ Action, Resource, Condition }: PolicyStatement, subfolder = ''): void => {
  const { bucket, folder: orgFolder } = folderOf(Resource);
  const folder = `${orgFolder}${subfolder}`;
  const isList = String(Action).includes('s3:List') && !String(Action).includes('Parts');
  expect(Resource).toEqual(isList ? bucket : { 'Fn::Join': ['', [bucket, `/${folder}*`]] });
  const prefix =
    subfolder === '' ? { StringEquals: { 's3:prefix': folder } } : { StringLike: { 's3:prefix': `${folder}*` } };
  expect(Condition).toEqual(isList ? prefix : undefined);
};

const isLog = ({ Action }: PolicyStatement): boolean => JSON.stringify(Action).includes('logs:');
const isAssumption = ({ Action }: PolicyStatement): boolean => JSON.stringify(Action).includes('sts:');

describe('each function may do exactly this', () => {
  test.each(entries)('%s: its session role, on data of the org of the session', (entry) => {
    const role = sessionRoleOf(entry);
    expect(role === undefined ? [] : listed(statementsOf(role))).toEqual(permissions[entry].data.toSorted());
  });

  test.each(entries)('%s: its own role, on what belongs to no org', (entry) => {
    const others = statementsOf(roleOf(entry)).filter((statement) => !isLog(statement) && !isAssumption(statement));
    expect(listed(others)).toEqual(permissions[entry].own.toSorted());
  });

  test.each(entries)(
    '%s: writes to its own log and no other, and assumes its own session role and no other',
    (entry) => {
      const log = target(functionOf(template, entry)[1].Properties.LoggingConfig);
      const statements = statementsOf(roleOf(entry));
      expect(statements.filter(isLog).map(({ Action, Resource }) => [Action, target(Resource)])).toEqual([
        [['logs:CreateLogStream', 'logs:PutLogEvents'], log],
      ]);
      const session = sessionRoleOf(entry);
      expect(statements.filter(isAssumption).map(({ Action, Resource }) => [Action, target(Resource)])).toEqual(
        session === undefined ? [] : [[['sts:AssumeRole', 'sts:TagSession'], session]],
      );
    },
  );

  test.each(entries)('%s: every permission on a table or a key is bound to the org of the session', (entry) => {
    const role = sessionRoleOf(entry);
    for (const { Action, Resource, Condition } of role === undefined ? [] : statementsOf(role)) {
      if (String(Action).includes('s3:')) continue;
      const onTable = String(Action).includes('dynamodb:');
      expect(Condition).toMatchObject(
        onTable
          ? {
              'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/org}'] },
              Null: { 'dynamodb:LeadingKeys': 'false' },
            }
          : {
              'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': contextKeysOf(Resource) },
              Null: { 'kms:EncryptionContextKeys': 'false' },
              StringEquals: {
                'kms:EncryptionContext:org': '${aws:PrincipalTag/org}',
                ...kindsOf(entry, Resource, Action),
              },
            },
      );
    }
  });

  test.each(entries)('%s: every permission on objects is for the folder of the org of the session', (entry) => {
    const role = sessionRoleOf(entry);
    const statements = role === undefined ? [] : statementsOf(role);
    for (const statement of statements.filter(({ Action }) => String(Action).includes('s3:'))) {
      if (isOnMark(statement))
        expect(['s3:GetObject', 's3:GetObject,s3:PutObject']).toContain(String(statement.Action));
      else expectFolderOfOrg(statement, subfolders[entry]);
    }
  });

  test('without an API key, what opens links reaches neither values, nor API keys, nor a KMS key but that of records', () => {
    const reached = [...permissions.links.data, ...permissions.links.own].map((one) => one.split(' ')[0]);
    expect([...new Set(reached)].sort()).toEqual(['audit', 'blob', 'keyring', 'locked', 'object', 'recordsKey']);
    const own = statementsOf(roleOf('links')).filter((one) => !isLog(one) && !isAssumption(one));
    expect(listed(own)).toEqual(['recordsKey kms:GenerateMac']);
  });

  test.each(entries)('%s: no wildcard on data, no Scan, no managed policy', (entry) => {
    const session = sessionRoleOf(entry);
    for (const role of [roleOf(entry), ...(session === undefined ? [] : [session])]) {
      for (const { Effect, Action } of statementsOf(role)) {
        expect(Effect).toBe('Allow');
        expect(JSON.stringify(Action)).not.toMatch(/\*|Scan/);
      }
      const { Properties } = template.resources[role] ?? expect.fail(`no role ${role}`);
      const properties = ['AssumeRolePolicyDocument', 'Description', 'Policies', 'RoleName', 'Tags'];
      expect(Object.keys(Properties).sort()).toEqual(properties);
    }
    const data = session === undefined ? [] : statementsOf(session);
    const folder = `/\${aws:PrincipalTag/org}/${subfolders[entry] ?? ''}*"`;
    expect(JSON.stringify(data.map(({ Resource }) => Resource)).replaceAll(folder, '')).not.toContain('*');
  });
});

describe('with session tags switched off', () => {
  test("every function's own role has the permissions on data, bound to no tag, and there is no session role", () => {
    const on = template;
    const expected = entries.map((entry) => [...permissions[entry].data, ...permissions[entry].own].sort());
    template = synthesize(appForTest({ sessionTags: 'off', responder: 'sample' }));
    try {
      expect(entries.map((entry) => listed(statementsOf(roleOf(entry)).filter((one) => !isLog(one))))).toEqual(
        expected,
      );
      expect(entries.filter((entry) => sessionRoleOf(entry) !== undefined)).toEqual([]);
      expect(JSON.stringify(template.resources)).not.toMatch(/PrincipalTag|SessionRole|sts:TagSession/);
    } finally {
      template = on;
    }
  });
});

describe('functions', () => {
  test('there is one for each group and workflow, on arm64 and Node 24, logging JSON without lines for every invocation', () => {
    expect(ofType(template, 'AWS::Lambda::Function')).toHaveLength(entries.length);
    for (const entry of entries) {
      expect(functionOf(template, entry)[1].Properties).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Timeout: entry === 'worker' ? 60 : 15,
        LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'INFO', SystemLogLevel: 'WARN' },
      });
      expect(functionOf(template, entry)[1].Properties).not.toHaveProperty('TracingConfig');
    }
  });

  test('their environment tells them of every table and key that they may use, and of no other', () => {
    const settings: Record<string, string> = {
      keyring: functionEnv.keyringTable,
      apiKey: functionEnv.apiKeyTable,
      value: functionEnv.valueTable,
      audit: functionEnv.auditTable,
      rotation: functionEnv.rotationTable,
      blob: functionEnv.blobTable,
      object: functionEnv.blobBucket,
      locked: functionEnv.lockedBucket,
      page: functionEnv.pageBucket,
      kek: functionEnv.kekId,
      signingKey: functionEnv.signingKeyId,
      recordsKey: functionEnv.recordsKeyId,
      userKeyring: functionEnv.userKeyringTable,
      userRecord: functionEnv.userRecordTable,
      delivery: functionEnv.deliveryTable,
      deviceRoster: functionEnv.deviceRosterTable,
      deviceLog: functionEnv.deviceLogTable,
      directory: functionEnv.directoryTable,
      mailbox: functionEnv.mailboxTable,
      brokerRecord: functionEnv.brokerTable,
      approval: functionEnv.approvalTable,
      brokerKey: functionEnv.brokerKeyId,
      login: functionEnv.loginTable,
      secretRequest: functionEnv.secretRequestTable,
      secretRequestKey: functionEnv.secretRequestKeyId,
      custodyKey: functionEnv.custodyKeyId,
      codeKey: functionEnv.codeKeyId,
      routingKey: functionEnv.routingKeyId,
      transitKey: functionEnv.transitKeyId,
      job: functionEnv.jobQueueUrl,
      'provider-secrets': functionEnv.secretsFunction,
      notifier: functionEnv.notifierFunction,
      approvals: functionEnv.approvalsFunction,
      pushKey: functionEnv.pushKeyId,
      sockets: functionEnv.connectionsUrl,
      responder: functionEnv.responderFunction,
    };
    for (const entry of entries) {
      const { data, own } = permissions[entry];
      const used = new Set([...data, ...own].map((permission) => permission.split(' ')[0] ?? ''));
      const variables = variablesOf(functionOf(template, entry)[1].Properties.Environment);
      expect(variables[functionEnv.stage]).toBe('dev');
      for (const [word, setting] of Object.entries(settings)) {
        const told = variables[setting];
        expect(told === undefined ? undefined : words[target(told)], `${entry} ${setting}`).toBe(
          used.has(word) ? word : undefined,
        );
      }
    }
  });

  test('every log is kept as long as told, and no longer', () => {
    const logs = ofType(template, 'AWS::Logs::LogGroup');
    // Besides those of the functions: the access logs of both APIs, and the log of unexpected calls.
    expect(logs).toHaveLength(entries.length + 3);
    for (const [, log] of logs) expect(log.Properties.RetentionInDays).toBe(30);
  });

  test('each gets the bundle of its own entry, an ES module whose CommonJS parts run', async () => {
    for (const entry of entries) {
      const key = /"S3Key":"([0-9a-f]+)\.zip"/.exec(
        JSON.stringify(functionOf(template, entry)[1].Properties.Code),
      )?.[1];
      const bundle: unknown = await import(pathToFileURL(join(template.directory, `asset.${key}`, 'index.mjs')).href);
      expect(await callHandler(bundle)).toBe(`${entry},string`);
    }
  });
});

const callHandler = (bundle: unknown): unknown => {
  if (typeof bundle !== 'object' || bundle === null || !('handler' in bundle)) throw new Error('no handler exported');
  if (typeof bundle.handler !== 'function') throw new Error('handler is not a function');
  return bundle.handler();
};
