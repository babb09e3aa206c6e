import { beforeAll, describe, expect, test } from 'vitest';
import { matchesPattern } from './event-pattern.ts';
import {
  appForTest,
  functionOf,
  keys,
  ofType,
  only,
  type Resource,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

let template: Synthesized;
let rules: [string, Resource][];
beforeAll(() => {
  template = synthesize(appForTest({ responder: 'sample' }));
  rules = ofType(template, 'AWS::Events::Rule').filter(([, { Properties }]) => 'EventPattern' in Properties);
});

/** Replaces references by text: `<id>` for a resource, so that events can name it. */
const resolve = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== 'object' || value === null) return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = Object(value);
  if (Ref !== undefined) return `<${Ref}>`;
  if (attribute !== undefined) return `<${attribute[0]}>`;
  if (join !== undefined) return join[1].map(resolve).join('');
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolve(part)]));
};

const role = (name: string) => `arn:<AWS::Partition>:iam::<AWS::AccountId>:role/${name}`;

/** The rules that an event of CloudTrail triggers, by the end of their ID. */
const triggered = (service: string, eventName: string, detail: object): string[] => {
  const event = {
    source: `aws.${service}`,
    'detail-type': 'AWS API Call via CloudTrail',
    detail: { eventSource: `${service}.amazonaws.com`, eventName, ...detail },
  };
  return rules.flatMap(([id, { Properties }]) =>
    matchesPattern(resolve(Properties.EventPattern), event) ? [/Calls(\w+?)[0-9A-F]{8}$/.exec(id)?.[1] ?? id] : [],
  );
};

const keyEvent = (name: string, userIdentity: object) => {
  const key = keys(template)[name]?.[0] ?? expect.fail(`no key ${name}`);
  return { userIdentity, resources: [{ type: 'AWS::KMS::Key', ARN: `<${key}>` }] };
};
const asRole = (name: string) => ({ type: 'AssumedRole', sessionContext: { sessionIssuer: { arn: role(name) } } });
/** The name of a role of a function, as in the template. */
const roleOf = (entry: Parameters<typeof functionOf>[1]): string => {
  const resource = template.resources[target(functionOf(template, entry)[1].Properties.Role)];
  return String(resolve(resource?.Properties.RoleName));
};
const person = { type: 'IAMUser', arn: 'arn:aws:iam::123456789012:user/someone' };

describe('a call by CloudTrail', () => {
  test.each(['PutKeyPolicy', 'DisableKey', 'ScheduleKeyDeletion', 'CreateGrant'])(
    '%s on any key triggers a rule, whoever makes it',
    (name) => {
      for (const key of Object.keys(keys(template))) {
        expect(triggered('kms', name, keyEvent(key, person))).toEqual(['keyadministration']);
        expect(triggered('kms', name, keyEvent(key, asRole(roleOf('worker'))))).toEqual(['keyadministration']);
      }
    },
  );

  // All cryptographic operations that the keys of the vault support, but for Verify, which needs no key that is secret.
  // Encrypt and GenerateDataKeyPair make what functions take for their own.
  test.each([
    'Decrypt',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'GenerateDataKeyWithoutPlaintext',
    'GenerateMac',
    'ReEncrypt',
    'Sign',
    'VerifyMac',
  ])('%s triggers a rule for a person and for a role of others, and not for functions of the vault', (name) => {
    expect(triggered('kms', name, keyEvent('recordsKey', person))).toEqual(['keyuse']);
    expect(triggered('kms', name, keyEvent('recordsKey', asRole('admin')))).toEqual(['keyuse']);
    expect(triggered('kms', name, keyEvent('recordsKey', asRole('anima-reader-00000000-<AWS::Region>')))).toEqual([
      'keyuse',
    ]);
    expect(triggered('kms', name, keyEvent('recordsKey', asRole(roleOf('reader'))))).toEqual([]);
  });

  test('on keys of others triggers none', () => {
    const detail = { userIdentity: person, resources: [{ ARN: 'arn:aws:kms:eu-central-1:123456789012:key/other' }] };
    expect(triggered('kms', 'PutKeyPolicy', detail)).toEqual([]);
    expect(triggered('kms', 'GenerateMac', detail)).toEqual([]);
  });

  test('UpdateFunctionCode triggers a rule unless CloudFormation makes it', () => {
    const responseElements = { functionName: `<${functionOf(template, 'reader')[0]}>` };
    for (const name of ['UpdateFunctionCode20150331v2', 'UpdateFunctionConfiguration20150331v2']) {
      expect(triggered('lambda', name, { userIdentity: person, responseElements })).toEqual([
        expect.stringMatching(/^codechange[12]$/),
      ]);
      const byDeployment = { ...asRole('cdk-exec'), invokedBy: 'cloudformation.amazonaws.com' };
      expect(triggered('lambda', name, { userIdentity: byDeployment, responseElements })).toEqual([]);
      expect(triggered('lambda', name, { userIdentity: person, responseElements: { functionName: 'other' } })).toEqual(
        [],
      );
    }
  });

  test.each(['CreateFunction20150331', 'UpdateFunctionConfiguration20150331v2'])(
    '%s that gives a role of the vault to another function triggers a rule: key-use would take it for the vault',
    (name) => {
      const responseElements = { functionName: 'other' };
      const withRole = (arn: string, userIdentity: object = person) =>
        triggered('lambda', name, { userIdentity, responseElements, requestParameters: { role: arn } });
      expect(withRole(role(roleOf('reader')))).toEqual(['roleuse']);
      expect(withRole(role(roleOf('rotation-workflow')))).toEqual(['roleuse']);
      expect(withRole(role('anima-reader-00000000-<AWS::Region>'))).toEqual([]);
      expect(withRole(role('other'))).toEqual([]);
      const byDeployment = { ...asRole('cdk-exec'), invokedBy: 'cloudformation.amazonaws.com' };
      expect(withRole(role(roleOf('reader')), byDeployment)).toEqual([]);
    },
  );
});

test('rules receive calls that only read, and write to a log that EventBridge is allowed to write', () => {
  expect(rules).toHaveLength(5);
  const log = ofType(template, 'AWS::Logs::LogGroup').find(([id]) => id.startsWith('OperationsCalls')) ?? expect.fail();
  for (const [, { Properties }] of rules) {
    expect(Properties.State).toBe('ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS');
    expect(JSON.stringify(Properties.Targets)).toContain(`{"Ref":"${log[0]}"}`);
  }
  const { PolicyDocument } = only(template, 'AWS::Logs::ResourcePolicy')[1].Properties;
  expect(JSON.parse(String(resolve(PolicyDocument))).Statement).toMatchObject([
    { Principal: { Service: ['delivery.logs.amazonaws.com', 'events.amazonaws.com'] }, Resource: `<${log[0]}>` },
  ]);
});

test('patterns stay within the 2,048 characters of EventBridge, with the longest names', () => {
  for (const [, { Properties }] of rules) {
    const longest = JSON.stringify(resolve(Properties.EventPattern))
      .replaceAll(/<\w*Key[0-9A-F]{8}>/g, `arn:aws:kms:ap-southeast-1:123456789012:key/${'x'.repeat(36)}`)
      .replaceAll(/<\w*Function[0-9A-F]{8}>/g, 'f'.repeat(64));
    expect(longest.length).toBeLessThanOrEqual(2048);
  }
});
