/**
 * The separation of org data and user data according to the synthesized policies: which functions can decrypt each of
 * them.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../contract/routes.ts';
import { jobKinds } from '../../core/jobs/job-envelope.ts';
import { keyCreators } from '../../lambdas/explain/explain-login.ts';
import { arn, iamArn } from '../../local/aws/shared/aws-account.ts';
import { decide, decideBy, type IamRequest } from '../shared/iam-simulator.ts';
import {
  type Entry,
  entries,
  type ResourceWord,
  readSynthesizedPolicies,
  type SynthesizedPolicies,
} from './synthesized-policies.ts';

const org = 'aaaaaaaaaaaaaaaa';
let template: SynthesizedPolicies;
let holders: Record<string, Entry[]>;

const itemActions = ['BatchGetItem', 'BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
  (action) => `dynamodb:${action}`,
);
const macs = ['kms:GenerateMac', 'kms:VerifyMac'];
const wraps = [
  ...['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'],
].map((name) => `kms:${name}`);

/**
 * The actions that are tested for each resource. For tables they include writes, because a write can return the
 * previous item.
 */
const asked: readonly [ResourceWord, readonly string[]][] = [
  ['kek', wraps],
  ['value', itemActions],
  ['custodyKey', macs],
  ['codeKey', macs],
  ['routingKey', macs],
  ['brokerKey', macs],
  ['transitKey', wraps],
  ['userKeyring', itemActions],
  ['userRecord', itemActions],
  ['delivery', itemActions],
  ['deviceRoster', itemActions],
  ['deviceLog', itemActions],
  ['directory', itemActions],
  ['mailbox', itemActions],
  ['brokerRecord', itemActions],
  ['approval', itemActions],
  ['apiKey', itemActions],
  ['login', itemActions],
  ['secretRequest', itemActions],
  ['secretRequestKey', macs],
  ['job', ['DeleteMessage', 'ReceiveMessage', 'SendMessage'].map((action) => `sqs:${action}`)],
];

/** An encryption context as condition keys of a policy. */
const named = (context: Readonly<Record<string, string>>): IamRequest['context'] => ({
  ...Object.fromEntries(Object.entries(context).map(([key, value]) => [`kms:EncryptionContext:${key}`, value])),
  'kms:EncryptionContextKeys': Object.keys(context),
});

const arnOf = (word: ResourceWord): string => template.arns[word] ?? expect.fail(`no ${word}`);

/** The requests that are most likely to be allowed. */
const requests = (word: ResourceWord, action: string): IamRequest[] => {
  const resource = arnOf(word);
  if (word === 'kek') return [{ action, resource, context: named({ org, dek: '1' }) }];
  if (word === 'transitKey') {
    return jobKinds.map((kind) => ({ action, resource, context: named({ org, job: '1', kind }) }));
  }
  return [{ action, resource, context: action.startsWith('dynamodb:') ? { 'dynamodb:LeadingKeys': [org] } : {} }];
};

const mayByAnyRole = async (entry: Entry, asking: IamRequest): Promise<boolean> => {
  const roles = [template.ownRole(entry), template.sessionRole(entry)].filter((role) => role !== undefined);
  for (const { roleArn: role } of roles) {
    if ((await decide(template.policies, { role, tags: { org } }, asking)) === 'Allowed') return true;
  }
  return false;
};

const whoMay = async (asking: IamRequest): Promise<Entry[]> => {
  const found: Entry[] = [];
  for (const entry of entries) if (await mayByAnyRole(entry, asking)) found.push(entry);
  return found.sort();
};

beforeAll(async () => {
  template = readSynthesizedPolicies();
  holders = {};
  for (const [word, actions] of asked) {
    for (const action of actions) {
      const found: Entry[] = [];
      for (const asking of requests(word, action)) found.push(...(await whoMay(asking)));
      holders[`${word} ${action}`] = [...new Set(found)].sort();
    }
  }
});

/** The functions that are allowed at least one of the tested actions on these resources. */
const anyOf = (...words: readonly ResourceWord[]): Entry[] => {
  const found = Object.entries(holders).filter(([asking]) => words.some((word) => asking.startsWith(`${word} `)));
  return [...new Set(found.flatMap(([, entry]) => entry))].sort();
};

const userKeys: readonly ResourceWord[] = ['custodyKey', 'codeKey', 'routingKey', 'transitKey'];
const deviceTables: readonly ResourceWord[] = ['deviceRoster', 'deviceLog', 'directory', 'mailbox'];
const userSide: readonly ResourceWord[] = [...userKeys, 'userRecord', 'delivery', ...deviceTables, 'job'];

describe('nobody holds both halves', () => {
  test('what may use the KEK reaches no key, keyring, record, delivery or job of users', () => {
    const ofOrgs = anyOf('kek');
    const values = [
      'broker',
      'provider-secrets',
      'reader',
      'rotation-workflow',
      'rotator',
      'secret-requests',
      'writer',
    ];
    expect(ofOrgs).toEqual(values);
    const ofUsers = anyOf(...userSide.filter((word) => word !== 'directory'), 'userKeyring');
    expect(ofUsers).toContain('worker');
    expect(ofOrgs.filter((entry) => ofUsers.includes(entry))).toEqual([]);
    // The broker verifies who may answer its questions: public keys and signatures, which it cannot change.
    expect(ofOrgs.filter((entry) => anyOf('directory').includes(entry))).toEqual(['broker']);
    for (const action of ['BatchWriteItem', 'DeleteItem', 'PutItem', 'UpdateItem'])
      expect(holders[`directory dynamodb:${action}`]).not.toContain('broker');
  });

  test('what may use a key of users reaches no value of an org', () => {
    const ofUsers = anyOf(...userKeys);
    expect(ofUsers).toEqual(['accounts', 'users', 'webhooks', 'worker']);
    expect(anyOf('value').filter((entry) => ofUsers.includes(entry))).toEqual([]);
  });

  test('what looks at both, to shred or to explain, may use no key that opens', () => {
    const both = anyOf('value').filter((entry) => anyOf('userKeyring', 'userRecord').includes(entry));
    expect(both).toEqual(['explainer', 'shred-workflow', 'shredder']);
    expect(anyOf('kek', ...userKeys).filter((entry) => both.includes(entry))).toEqual([]);
  });

  test('from one half to the other leads one invocation: what gives the secrets of channels, to who needs them', async () => {
    const found: string[] = [];
    for (const target of entries) {
      const { functionName } = template.functionOf(target);
      for (const entry of entries) {
        for (const version of ['', ':$LATEST', ':live']) {
          const resource = arn('lambda', `function:${functionName}${version}`);
          const asking = { action: 'lambda:InvokeFunction', resource, context: {} };
          if (await mayByAnyRole(entry, asking)) found.push(`${entry} → ${target}${version}`);
        }
      }
    }
    expect(found.sort()).toEqual([
      'approvals → notifier:live',
      'auditor → sealer:live',
      'broker → notifier:live',
      'directory → notifier:live',
      'relay → notifier:live',
      'rotator → rotation-workflow:live',
      'sealer → approvals:live',
      'shredder → shred-workflow:live',
      'webhooks → provider-secrets:live',
      'worker → provider-secrets:live',
      'worker → responder:live',
    ]);
  });
});

describe('of device vaults', () => {
  test('the function of their routes may use no key that opens anything', () => {
    expect(anyOf('kek', ...userKeys)).not.toContain('devices');
  });

  test('only the function of their routes reads them, and only what deletes users and orgs deletes them too', () => {
    expect(holders['deviceLog dynamodb:PutItem']).toEqual(['devices']);
    expect(holders['deviceLog dynamodb:GetItem']).toEqual(['devices']);
    expect(holders['deviceRoster dynamodb:BatchGetItem']).toEqual(['devices']);
    expect(anyOf('deviceRoster', 'deviceLog')).toEqual([
      'devices',
      'explainer',
      'shred-workflow',
      'shredder',
      'worker',
    ]);
    expect(anyOf('deviceLog')).not.toContain('explainer');
  });
});

describe('of session custody', () => {
  test('the functions of their routes may use no key that opens anything', () => {
    const openers = anyOf('kek', ...userKeys);
    for (const entry of ['directory', 'relay', 'notifier'] as const) expect(openers).not.toContain(entry);
  });

  test('only the relay stores messages, only it and the notifier read them, and only the directory changes devices', () => {
    expect(holders['mailbox dynamodb:PutItem']).toEqual(['relay']);
    expect(holders['mailbox dynamodb:BatchGetItem']).toEqual(['notifier', 'relay']);
    // Who tells devices that there is something knows nothing else.
    expect(anyOf('keyring', 'recordsKey', 'audit', 'object').includes('notifier')).toBe(false);
    expect(holders['directory dynamodb:PutItem']).toEqual(['directory']);
    const holding = ['directory', 'explainer', 'notifier', 'relay', 'shred-workflow', 'shredder'];
    const approving: readonly string[] = ['approvals', 'broker'];
    expect(anyOf('directory', 'mailbox').filter((entry) => !approving.includes(entry))).toEqual(holding);
    expect(anyOf('mailbox').filter((entry) => approving.includes(entry))).toEqual([]);
    expect(anyOf('mailbox')).not.toContain('explainer');
  });
});

describe('of logins', () => {
  test('the functions that create API keys are those that `explain` names, and have no permission on values', () => {
    expect(holders['apiKey dynamodb:PutItem']).toEqual([...keyCreators]);
    expect(anyOf('value').filter((entry) => keyCreators.some((one) => one === entry))).toEqual([]);
  });

  test('only the administration changes them, and what explains them reads them alone', () => {
    for (const action of ['PutItem', 'DeleteItem', 'Query'])
      expect(holders[`login dynamodb:${action}`]).toEqual(['admin']);
    expect(holders['login dynamodb:GetItem']).toEqual(['admin', 'explainer', 'logins']);
    expect(holders['login dynamodb:UpdateItem']).toEqual(['logins']);
  });
});

describe('of the broker', () => {
  test('only the broker reads and changes its records, and it cannot list values', () => {
    for (const action of ['GetItem', 'PutItem', 'UpdateItem'])
      expect(holders[`brokerRecord dynamodb:${action}`]).toEqual(['broker']);
    expect(holders['value dynamodb:Query']).not.toContain('broker');
    expect(anyOf('brokerRecord')).toEqual(['broker', 'shred-workflow', 'shredder']);
  });

  test('only the broker signs questions, and who stores the answers of devices has no key of data', () => {
    expect(anyOf('brokerKey')).toEqual(['broker']);
    expect(anyOf('approval')).toEqual(['approvals', 'broker', 'shred-workflow', 'shredder']);
    expect(anyOf('kek', 'value', 'brokerRecord').includes('approvals')).toBe(false);
    expect(holders['directory dynamodb:PutItem']).not.toContain('broker');
  });
});

describe('of requests for a secret', () => {
  test('only their function uses their table and their key, and it cannot read, list or delete a value', () => {
    expect(anyOf('secretRequest')).toEqual(['secret-requests', 'shred-workflow', 'shredder']);
    expect(anyOf('secretRequestKey')).toEqual(['secret-requests']);
    for (const action of ['BatchGetItem', 'Query', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'])
      expect(holders[`value dynamodb:${action}`]).not.toContain('secret-requests');
  });
});

describe('of users', () => {
  test('only what has a message before it makes what opens slots of identities, and nothing that the internet calls', () => {
    expect(holders['custodyKey kms:GenerateMac']).toEqual(['worker']);
    expect(anyOf('custodyKey')).toEqual(['worker']);
  });

  test('only what has a user before it, in person or by a message, makes what opens slots of codes and passwords', () => {
    expect(holders['codeKey kms:GenerateMac']).toEqual(['accounts', 'worker']);
    expect(anyOf('codeKey')).toEqual(['accounts', 'worker']);
    expect(holders['routingKey kms:GenerateMac']).toEqual(['accounts', 'webhooks', 'worker']);
  });

  test('only the worker takes jobs from the queue and opens them', () => {
    expect(holders['transitKey kms:Decrypt']).toEqual(['worker']);
    expect(holders['job sqs:ReceiveMessage']).toEqual(['worker']);
  });

  const naming: readonly [string, Readonly<Record<string, string>>, readonly Entry[], readonly Entry[]][] = [
    ['message', { org, job: '1', kind: 'message' }, ['webhooks'], ['worker']],
    ['erase', { org, job: '1', kind: 'erase' }, ['accounts', 'users', 'worker'], ['worker']],
    ['a kind that there is not', { org, job: '1', kind: 'other' }, [], []],
    ['no kind', { org, job: '1' }, [], []],
    ['a kind and no job', { org, kind: 'message' }, [], []],
    ['something more', { org, job: '1', kind: 'message', more: '1' }, [], []],
  ];
  test.each(naming)('a key for a job is made by who has such jobs, and opened by the worker: %s', async (...row) => {
    const [, context, makers, openers] = row;
    const ask = (action: string) => whoMay({ action, resource: arnOf('transitKey'), context: named(context) });
    expect(await ask('kms:GenerateDataKey')).toEqual(makers);
    expect(await ask('kms:Decrypt')).toEqual(openers);
  });

  test('what makes a message is called by providers alone, whose signatures it checks: no other function may pass for one', async () => {
    const makers = await whoMay({
      action: 'kms:GenerateDataKey',
      resource: arnOf('transitKey'),
      context: named({ org, job: '1', kind: 'message' }),
    });
    const found = Object.values(routes).filter(({ group }) => makers.some((entry) => entry === group));
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(({ auth }) => auth !== 'signature')).toEqual([]);
  });

  test('what answers messages has no right at all', () => {
    expect(Object.values(holders).flat()).not.toContain('responder');
    const { statements } = template.ownRole('responder');
    expect(statements.map((statement) => Object(statement).Action)).toEqual([
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
    ]);
    expect(template.sessionRole('responder')).toBeUndefined();
  });
});

test.each(['kek', ...userKeys] as const)(
  'an administrator of the account may not use the %s, only manage it',
  async (word) => {
    const everything = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
    const caller = { role: iamArn('role/Administrator'), tags: {} };
    const actions = new Map(asked).get(word) ?? [];
    for (const asking of actions.flatMap((action) => requests(word, action))) {
      const verdict = await decideBy(everything, template.policies, caller, asking);
      expect(verdict, asking.action).toBe('ImplicitlyDenied');
    }
    expect(actions.length).toBeGreaterThan(1);
    const managing = { action: 'kms:DescribeKey', resource: arnOf(word), context: {} };
    expect(await decideBy(everything, template.policies, caller, managing)).toBe('Allowed');
  },
);
