/**
 * Every role with every action in use and some others, in every form of request that a bug or an attacker could
 * produce.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { jobKinds } from '../../core/jobs/job-envelope.ts';
import { permissions } from '../infra/expected-permissions.ts';
import { decide, type IamCaller, type IamRequest } from '../shared/iam-simulator.ts';
import { bucketActions, markRequests, objectActions, objectRequests } from './s3-iam-requests.ts';
import {
  entries,
  type ResourceWord,
  readSynthesizedPolicies,
  type SynthesizedPolicies,
} from './synthesized-policies.ts';

const own = 'aaaaaaaaaaaaaaaa';
const other = 'bbbbbbbbbbbbbbbb';

/** The orgs that a request names. Only the first may ever be allowed. */
const orgs: Readonly<Record<string, readonly string[]>> = {
  'own org': [own],
  'other org': [other],
  'no key': [],
  'mixed keys': [own, other],
  'longer org': [`${own}a`],
  'shorter org': [own.slice(0, -1)],
  'upper case': [own.toUpperCase()],
  'any org': ['*'],
  'a pattern': [`${own.slice(0, -1)}?`],
  'a variable': ['${aws:PrincipalTag/org}'],
};

const tableActions = [
  ...['BatchGetItem', 'GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'Scan'],
  ...['ConditionCheckItem', 'PartiQLSelect', 'PartiQLInsert', 'PartiQLUpdate', 'PartiQLDelete'],
  ...['DescribeTable', 'DeleteTable', 'UpdateTable', 'CreateBackup', 'UpdateTimeToLive', 'DeleteResourcePolicy'],
  ...['DescribeContinuousBackups', 'UpdateContinuousBackups', 'ExportTableToPointInTime'],
].map((action) => `dynamodb:${action}`);
/** Actions for which IAM knows the partition keys. The other actions concern the table itself. */
const withKeys = /:(?:.*Item|Query|PartiQL.*)$/;
const keyActions = [
  ...['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'],
  ...['DescribeKey', 'CreateGrant', 'PutKeyPolicy', 'ScheduleKeyDeletion', 'DisableKey'],
].map((action) => `kms:${action}`);
const cryptographic = /:(?:Decrypt|Encrypt|GenerateDataKey.*|ReEncrypt.*)$/;

/** The resources with data of orgs. */
const dataWords = [
  ...(['keyring', 'apiKey', 'value', 'audit', 'rotation', 'blob', 'kek', 'object', 'locked'] as const),
  ...(['userKeyring', 'userRecord', 'delivery', 'transitKey', 'deviceRoster', 'deviceLog'] as const),
  ...(['directory', 'mailbox', 'brokerRecord', 'approval', 'login', 'secretRequest'] as const),
];
/** The keys of the encryption context in addition to the org. */
const contexts: Readonly<Partial<Record<ResourceWord, readonly Readonly<Record<string, string>>[]>>> = {
  kek: [{ dek: '1' }],
  transitKey: jobKinds.map((kind) => ({ job: '1', kind })),
};

let template: SynthesizedPolicies;
beforeAll(() => {
  template = readSynthesizedPolicies();
});

const arnOf = (word: ResourceWord): string => template.arns[word] ?? expect.fail(`no ${word}`);

/**
 * The KMS encryption context for these orgs. A context cannot have two orgs, so the second one is an additional key.
 */
const contextOf = (named: Readonly<Record<string, string>>, [org, more]: readonly string[]): IamRequest['context'] =>
  org === undefined
    ? {}
    : {
        'kms:EncryptionContext:org': org,
        ...Object.fromEntries(Object.entries(named).map(([key, value]) => [`kms:EncryptionContext:${key}`, value])),
        ...(more === undefined ? {} : { 'kms:EncryptionContext:other': more }),
        'kms:EncryptionContextKeys': ['org', ...Object.keys(named), ...(more === undefined ? [] : ['other'])],
      };

/** Every form of request for an action on a resource. */
function requests(word: ResourceWord, action: string): { how: string; request: IamRequest }[] {
  const resource = arnOf(word);
  // The relay has the folder of attachments only, and those who handle messages the one of their files.
  if (word === 'object') {
    const folders = ['', 'session/', 'media/received/'];
    return folders.flatMap((folder) => objectRequests(resource, action, orgs, '', folder));
  }
  if (word === 'locked') {
    const marks = ['marks/', 'directories/'].flatMap((folder) => markRequests(resource, action, orgs, folder));
    return [...objectRequests(resource, action, orgs, 'heads/'), ...marks];
  }
  const named = contexts[word];
  const asked = (named === undefined ? withKeys : cryptographic).test(action)
    ? Object.entries(orgs)
    : ([['no key', []]] as const);
  return asked.flatMap(([how, names]) => {
    const keys = names.length === 0 ? {} : { 'dynamodb:LeadingKeys': [...names] };
    const ways = named === undefined ? [keys] : named.map((one) => contextOf(one, names));
    return ways.map((context) => ({ how, request: { action, resource, context } }));
  });
}

const actionsOf = (word: ResourceWord): readonly string[] => {
  if (word === 'object' || word === 'locked') return [...objectActions, ...bucketActions];
  return word in contexts ? keyActions : tableActions;
};

/**
 * `<resource> <action>: <how>` for everything that a caller is allowed, for all forms of request or for one of them.
 */
async function allowed(caller: IamCaller, only?: string): Promise<string[]> {
  const found: string[] = [];
  for (const word of dataWords) {
    for (const action of actionsOf(word)) {
      for (const { how, request } of requests(word, action)) {
        if (only !== undefined && how !== only) continue;
        if ((await decide(template.policies, caller, request)) === 'Allowed') found.push(`${word} ${action}: ${how}`);
      }
    }
  }
  // custody-separation.test.ts checks which kinds of jobs a function can create.
  return [...new Set(found)].sort();
}

describe('a session of one org', () => {
  test.each(entries)(
    'of %s may do what its row says for its own org, and nothing for any other or for none',
    async (entry) => {
      const role = template.sessionRole(entry);
      if (role === undefined) {
        expect(permissions[entry].data).toEqual([]);
        return;
      }
      const result = await allowed({ role: role.roleArn, tags: { org: own } });
      expect(result).toEqual([...new Set(permissions[entry].data)].map((one) => `${one}: own org`).sort());
    },
  );

  test.each(['', '*', other])('with the tag %j may do nothing for the org of another', async (tag) => {
    for (const entry of entries) {
      const role = template.sessionRole(entry);
      if (role === undefined) continue;
      expect(await allowed({ role: role.roleArn, tags: { org: tag } }, 'own org')).toEqual([]);
    }
  });
});

test.each(entries)('without a tag the session role of %s may do nothing at all', async (entry) => {
  const role = template.sessionRole(entry);
  if (role === undefined) expect(permissions[entry].data).toEqual([]);
  else expect(await allowed({ role: role.roleArn, tags: {} })).toEqual([]);
});

test.each([
  ['relay', 's3:GetObject', ['session/x']],
  ['memory', 's3:GetObject', ['media/user/x.enc', 'media/received/x.enc']],
  ['webhooks', 's3:PutObject', ['media/received/x.enc']],
  ['worker', 's3:PutObject', ['media/user/x.enc', 'media/received/x.enc']],
] as const)('a session of %s reaches its folder of its org by %s, and no blob', async (entry, action, reached) => {
  const { roleArn: role } = template.sessionRole(entry) ?? expect.fail('no session role');
  const names = ['session/x', 'media/user/x.enc', 'media/received/x.enc', 'x.enc', 'x.form'];
  const keys = [own, other].flatMap((org) => names.map((name) => `${org}/${name}`));
  const decisions: Record<string, string> = {};
  for (const key of [...keys, `session/${own}/x`, `media/${own}/x.enc`]) {
    const request = { action, resource: `${arnOf('object')}/${key}`, context: {} };
    decisions[key] = await decide(template.policies, { role, tags: { org: own } }, request);
  }
  const allowedKeys = Object.keys(decisions).filter((key) => decisions[key] === 'Allowed');
  expect(allowedKeys).toEqual(reached.map((name) => `${own}/${name}`));
});

test('the own role of the relay reaches the items of connections, and no function another way', async () => {
  for (const entry of entries) {
    const { roleArn: role } = template.ownRole(entry);
    const found: string[] = [];
    for (const key of ['#connection/abc=', '#connection', '#sealer', own]) {
      for (const action of ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query']) {
        const request = { action, resource: arnOf('mailbox'), context: { 'dynamodb:LeadingKeys': [key] } };
        if ((await decide(template.policies, { role, tags: {} }, request)) === 'Allowed')
          found.push(`${action} ${key}`);
      }
    }
    const owners = ['GetItem', 'PutItem', 'DeleteItem'].map((action) => `dynamodb:${action} #connection/abc=`);
    expect(found).toEqual(entry === 'relay' ? owners : []);
  }
});

test.each(entries)('the own role of %s reaches the data of no org, even if it had a tag', async (entry) => {
  const { roleArn: role } = template.ownRole(entry);
  // Listing copies reads no item. This is the only action that is allowed here, and only for the shredders.
  const noData = permissions[entry].own
    .filter((one) => one.endsWith(' dynamodb:DescribeContinuousBackups'))
    .map((one) => `${one}: no key`);
  expect(await allowed({ role, tags: {} })).toEqual(noData);
  expect(await allowed({ role, tags: { org: own } })).toEqual(noData);
});

describe("the note of a key's last use", () => {
  const update = (attributes: readonly string[], returned: string): IamRequest => ({
    action: 'dynamodb:UpdateItem',
    resource: arnOf('apiKey'),
    context: {
      'dynamodb:LeadingKeys': [own],
      'dynamodb:Attributes': [...attributes],
      'dynamodb:ReturnValues': returned,
    },
  });
  const touching = entries.filter((entry) => permissions[entry].data.includes('apiKey dynamodb:UpdateItem'));

  test.each(touching)('is all that %s may change of a key, unless it is there to manage keys', async (entry) => {
    const role = template.sessionRole(entry)?.roleArn ?? expect.fail('no session role');
    const ask = (request: IamRequest) => decide(template.policies, { role, tags: { org: own } }, request);
    const more = entry === 'admin' ? 'Allowed' : 'ImplicitlyDenied';
    expect(await ask(update(['org', 'id', 'lastUsedAt'], 'NONE'))).toBe('Allowed');
    expect(await ask(update(['org', 'id', 'lastUsedAt', 'role'], 'NONE'))).toBe(more);
    expect(await ask(update(['org', 'id', 'revokedAt'], 'NONE'))).toBe(more);
    expect(await ask(update(['org', 'id', 'lastUsedAt'], 'ALL_NEW'))).toBe(more);
  });
});

test('explain may look at the DEK that a value is under, and never at the value', async () => {
  const role = template.sessionRole('explainer')?.roleArn ?? expect.fail('no session role');
  const get = (attributes: readonly string[], select: string) =>
    decide(
      template.policies,
      { role, tags: { org: own } },
      {
        action: 'dynamodb:GetItem',
        resource: arnOf('value'),
        context: {
          'dynamodb:LeadingKeys': [own],
          'dynamodb:Attributes': [...attributes],
          'dynamodb:Select': select,
        },
      },
    );
  expect(await get(['org', 'name', 'info'], 'SPECIFIC_ATTRIBUTES')).toBe('Allowed');
  expect(await get(['org', 'name', 'version', 'info'], 'SPECIFIC_ATTRIBUTES')).toBe('ImplicitlyDenied');
  expect(await get(['org', 'name', 'info', 'value'], 'SPECIFIC_ATTRIBUTES')).toBe('ImplicitlyDenied');
  expect(await get(['org', 'name', 'history'], 'SPECIFIC_ATTRIBUTES')).toBe('ImplicitlyDenied');
  expect(await get(['org', 'name'], 'ALL_ATTRIBUTES')).toBe('ImplicitlyDenied');
});

describe('a session role', () => {
  const assume = (resource: string, tags: Record<string, string>, action = 'sts:AssumeRole'): IamRequest => ({
    action,
    resource,
    context: {
      ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
      ...(Object.keys(tags).length === 0 ? {} : { 'aws:TagKeys': Object.keys(tags) }),
    },
  });

  test.each(entries)('is assumed by the function %s alone, with the tag org and no other', async (entry) => {
    const role = template.ownRole(entry).roleArn;
    const ask = (request: IamRequest) => decide(template.policies, { role, tags: {} }, request);
    for (const target of entries) {
      const resource = template.sessionRole(target)?.roleArn;
      if (resource === undefined) continue;
      const verdict = target === entry ? 'Allowed' : 'ImplicitlyDenied';
      expect(await ask(assume(resource, { org: own }))).toBe(verdict);
      expect(await ask(assume(resource, { org: own }, 'sts:TagSession'))).toBe(verdict);
      expect(await ask(assume(resource, {}))).toBe('ImplicitlyDenied');
      expect(await ask(assume(resource, { org: '' }))).toBe('ImplicitlyDenied');
      expect(await ask(assume(resource, { org: own, admin: 'yes' }))).toBe('ImplicitlyDenied');
      expect(await ask(assume(resource, { tenant: own }))).toBe('ImplicitlyDenied');
    }
  });

  test('can not be assumed from a session, by which one org would become another', async () => {
    for (const entry of entries) {
      const role = template.sessionRole(entry)?.roleArn;
      if (role === undefined) continue;
      const caller = { role, tags: { org: own } };
      expect(await decide(template.policies, caller, assume(role, { org: other }))).toBe('ImplicitlyDenied');
    }
  });
});
