import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { AssumeRoleCommand, type AssumeRoleCommandInput, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RoleSpec } from '../../local/aws/cloudformation/read-deployment.ts';
import { type DynamoDbEngine, openDynamoDb } from '../../local/aws/dynamodb/dynamodb-engine.ts';
import { CallLog, type EngineCall, type EngineHooks } from '../../local/aws/endpoint/engine-hooks.ts';
import { type SignedServiceServer, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore, type Principal, type SessionCredentials } from '../../local/aws/iam/credential-store.ts';
import { iamArn } from '../../local/aws/shared/aws-account.ts';
import { stsEngine } from '../../local/aws/sts/sts-engine.ts';

const caller = iamArn('role/Function');
const target = iamArn('role/Session');
const untagging = iamArn('role/Untagging');

const trust = (Action: string[], Condition: object = {}) => ({
  Effect: 'Allow',
  Action,
  Principal: { AWS: iamArn('root') },
  Condition: { ArnEquals: { 'aws:PrincipalArn': caller }, ...Condition },
});
const role = (roleArn: string, trusted: unknown[], statements: unknown[] = []): RoleSpec => ({
  logicalId: roleArn.split('/')[1] ?? '',
  roleArn,
  trust: trusted,
  statements,
});

const mayAssume = { Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: iamArn('role/*') };
const roles = [
  role(caller, [], [mayAssume, { Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: '*' }]),
  role(iamArn('role/Stranger'), [], [mayAssume]),
  role(iamArn('role/Idle'), []),
  role(target, [
    trust(['sts:AssumeRole', 'sts:TagSession'], {
      StringLike: { 'aws:RequestTag/org': '?*' },
      'ForAllValues:StringEquals': { 'aws:TagKeys': ['org'] },
    }),
  ]),
  role(untagging, [trust(['sts:AssumeRole'])]),
];

const credentials = new CredentialStore();
let hooks: EngineHooks = {};
let dynamodb: DynamoDbEngine;
let front: SignedServiceServer;

beforeAll(async () => {
  dynamodb = await openDynamoDb(null);
  front = await startSignedServiceServer({
    engines: [dynamodb, stsEngine(roles, credentials)],
    credentials,
    calls: new CallLog(),
    hooks: () => hooks,
    onError: (message) => expect.fail(message),
  });
});
afterAll(async () => {
  await front.close();
  await dynamodb.close();
});

const clientOptions = () => ({ region: 'us-east-1', endpoint: front.url, maxAttempts: 1 });

const assume = async (input: Partial<AssumeRoleCommandInput> = {}, callerArn = caller) => {
  const principal: Principal = { name: 'Main', arn: callerArn, tags: {} };
  const sts = new STSClient({ ...clientOptions(), credentials: credentials.issue(principal) });
  const Tags = [{ Key: 'org', Value: 'org one' }];
  return await sts.send(new AssumeRoleCommand({ RoleArn: target, RoleSessionName: 'session', Tags, ...input }));
};

const read = async (session: Omit<SessionCredentials, 'expiration'>) => {
  const tables = new DynamoDBClient({ ...clientOptions(), credentials: session });
  return await tables.send(new GetItemCommand({ TableName: 'None', Key: { org: { S: 'a' } } }));
};

describe('AssumeRole', () => {
  test('gives credentials for as long as asked, whose calls carry role and tags', async () => {
    const { Credentials, AssumedRoleUser } = await assume({ Tags: [{ Key: 'org', Value: 'a' }], DurationSeconds: 900 });
    expect(AssumedRoleUser?.Arn).toBe('arn:aws:sts::000000000000:assumed-role/Session/session');
    const left = (Credentials?.Expiration?.getTime() ?? 0) - Date.now();
    expect(left).toBeGreaterThan(890_000);
    expect(left).toBeLessThanOrEqual(900_000);

    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    const seen: EngineCall[] = [];
    hooks = { before: (call) => void seen.push(call) };
    await expect(read(session)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(seen).toMatchObject([{ action: 'GetItem', principal: 'Main', callerArn: target, tags: { org: 'a' } }]);
    await expect(read({ ...session, sessionToken: 'another' })).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    expect(seen).toHaveLength(1);
  });

  test.each<[string, Partial<AssumeRoleCommandInput>, string?]>([
    ['by a role that the trust policy does not name', {}, iamArn('role/Stranger')],
    ['by a role whose own policy does not allow it', {}, iamArn('role/Idle')],
    ['by a user without any policy', {}, iamArn('user/local')],
    ['of a role that does not exist', { RoleArn: iamArn('role/Nobody') }],
    ['with tags, of a role whose trust policy lacks sts:TagSession', { RoleArn: untagging }],
    ['without the tag that is demanded', { Tags: [] }],
    ['with an empty tag', { Tags: [{ Key: 'org', Value: '' }] }],
    [
      'with a tag more',
      {
        Tags: [
          { Key: 'org', Value: 'a' },
          { Key: 'admin', Value: 'yes' },
        ],
      },
    ],
  ])('is refused %s', async (_, input, callerArn) => {
    await expect(assume(input, callerArn)).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('is not authorized to perform: sts:'),
    });
  });

  test('without tags is allowed by a trust policy that asks for none', async () => {
    const { Credentials } = await assume({ RoleArn: untagging, Tags: [] });
    expect(Credentials?.AccessKeyId).toMatch(/^ASIA/);
  });

  test.each<[string, Partial<AssumeRoleCommandInput>]>([
    ['longer than an hour, as role chaining is', { DurationSeconds: 3601 }],
    ['shorter than a quarter of one', { DurationSeconds: 899 }],
    ['under a name with spaces', { RoleSessionName: 'a b' }],
    ['with a tag of odd characters', { Tags: [{ Key: 'org', Value: 'a*b' }] }],
  ])('is refused %s', async (_, input) => {
    await expect(assume(input)).rejects.toMatchObject({ name: 'ValidationError' });
  });
});

test('credentials of a session end when it does', async () => {
  const ended = credentials.issueSession({ name: 'Main', arn: target, tags: {} }, new Date(Date.now() - 1));
  await expect(read(ended)).rejects.toMatchObject({ name: 'ExpiredTokenException' });
});

test('what the hook does not authorize is denied by its name, and never runs', async () => {
  hooks = { authorize: ({ service }) => service !== 'dynamodb' };
  const session = credentials.issueSession({ name: 'Main', arn: target, tags: {} }, new Date(Date.now() + 60_000));
  await expect(read(session)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  hooks = { authorize: () => false };
  await expect(assume()).rejects.toMatchObject({ name: 'AccessDenied' });
  hooks = {};
});
