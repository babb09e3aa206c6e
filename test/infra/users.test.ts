/**
 * The deployed resources for users: the queue and its worker, the responder, and the policies in the environment of
 * `explain`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { itemReadingActions } from '../../contract/explain/item-reading-actions.ts';
import { functionEnv, workerTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { permissions } from './expected-permissions.ts';
import { policiesOf } from './role-policies.ts';
import {
  aliasOf,
  apiOf,
  appForTest,
  type Entry,
  functionOf,
  ofType,
  only,
  type Resource,
  type Synthesized,
  synthesize,
  target,
} from './synthesized-template.ts';

let template: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest());
});

const variablesOf = (from: Synthesized, entry: Entry): Record<string, unknown> =>
  Object(Object(functionOf(from, entry)[1].Properties.Environment).Variables);

/** The queue of jobs: the other one, of failed invocations, keeps no order. */
const jobQueue = (): [string, Resource] =>
  ofType(template, 'AWS::SQS::Queue').find(([, { Properties }]) => Properties.FifoQueue === true) ??
  expect.fail('no FIFO queue');

describe('the queue of jobs', () => {
  test('keeps the order of each sender, takes a job that comes again as the same by the id it is given, and not by its bytes', () => {
    expect(jobQueue()[1].Properties).toMatchObject({
      FifoQueue: true,
      ContentBasedDeduplication: false,
      DeduplicationScope: 'messageGroup',
      FifoThroughputLimit: 'perMessageGroupId',
    });
  });

  test('shows a job to nobody else while a worker may be at it, and keeps it for hours, nowhere else after them', () => {
    const { Properties } = jobQueue()[1];
    expect(Number(Properties.VisibilityTimeout)).toBeGreaterThanOrEqual(6 * workerTimeoutSeconds);
    expect(Number(Properties.MessageRetentionPeriod)).toBeLessThanOrEqual(4 * 3600);
    // The retention period must allow three attempts, each of which hides the message for the visibility timeout.
    expect(Number(Properties.MessageRetentionPeriod)).toBeGreaterThan(3 * Number(Properties.VisibilityTimeout));
    expect(Properties).not.toHaveProperty('RedrivePolicy');
  });

  test('is encrypted at rest, and refuses what comes without TLS', () => {
    expect(jobQueue()[1].Properties.SqsManagedSseEnabled).toBe(true);
    const policies = ofType(template, 'AWS::SQS::QueuePolicy').filter(
      ([, { Properties }]) => target(Properties.Queues) === jobQueue()[0],
    );
    expect(policies.flatMap(([, { Properties }]) => Object(Properties.PolicyDocument).Statement)).toEqual([
      expect.objectContaining({
        Effect: 'Deny',
        Action: 'sqs:*',
        Principal: { AWS: '*' },
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ]);
  });

  test('is read by the worker, one job an invocation, what fails by itself, by a bounded number at once', () => {
    const { Properties } = only(template, 'AWS::Lambda::EventSourceMapping')[1];
    expect(Properties).toMatchObject({ BatchSize: 1, FunctionResponseTypes: ['ReportBatchItemFailures'] });
    expect(target(Properties.EventSourceArn)).toBe(jobQueue()[0]);
    expect(target(Properties.FunctionName)).toBe(aliasOf(template, 'worker')[0]);
    expect(Object(Properties.ScalingConfig).MaximumConcurrency).toBeLessThanOrEqual(100);
  });
});

describe('what answers messages', () => {
  const ofResponder = (from: Synthesized) =>
    ofType(from, 'AWS::Lambda::Function').filter(
      ([, { Properties }]) => Properties.Description === 'Anima Vault: responder',
    );

  test('is not there unless asked for, and the worker is told of none', () => {
    expect(ofResponder(template)).toEqual([]);
    expect(variablesOf(template, 'worker')).not.toHaveProperty(functionEnv.responderFunction);
  });

  test('may be a function of its own, which the worker alone may invoke, and which is given no right at all', () => {
    const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:answers';
    const other = synthesize(appForTest({ responder: arn, publicUrl: 'https://vault.example.com' }));
    expect(ofResponder(other)).toEqual([]);
    expect(variablesOf(other, 'worker')[functionEnv.responderFunction]).toBe(arn);
    const invoking = policiesOf(other).filter(({ statements }) => JSON.stringify(statements).includes(arn));
    expect(invoking.map(({ role }) => role)).toEqual([target(functionOf(other, 'worker')[1].Properties.Role)]);
    expect(variablesOf(other, 'webhooks')[functionEnv.publicUrl]).toBe('https://vault.example.com');
  });

  test('is called under the address of the API, where providers are told no other', () => {
    const { [functionEnv.publicUrl]: url } = variablesOf(template, 'webhooks');
    expect(url).toEqual({ 'Fn::GetAtt': [apiOf(template, 'HTTP')[0], 'ApiEndpoint'] });
  });
});

describe('what explain is told of the policies', () => {
  const grantsIn = (from: Synthesized): Record<string, Record<string, string>> =>
    JSON.parse(String(variablesOf(from, 'explainer')[functionEnv.grants]));

  test('is what they say, as the rows of permissions.ts have it by hand', () => {
    const grants = grantsIn(template);
    expect(Object.keys(grants).sort()).toEqual(told.filter((word) => word !== 'responder'));
    const said = Object.entries(grants).flatMap(([word, actions]) =>
      Object.entries(actions).flatMap(([action, entries]) =>
        entries.split(' ').map((entry) => `${entry}: ${word} ${action.includes(':') ? action : `dynamodb:${action}`}`),
      ),
    );
    expect(said.sort()).toEqual(expectedRows.filter((row) => !row.includes('responder')));
  });

  test('fits into an environment with all else that it holds, of which Lambda takes 4 KB', () => {
    const variables = variablesOf(template, 'explainer');
    // Names and ARNs are known only after deployment, so an upper bound of their length is used. S3 limits the name of
    // a bucket to 63 characters, and the ARN of a KMS key has fewer than 100.
    const bounds: Readonly<Record<string, number>> = { 'AWS::S3::Bucket': 63, 'AWS::KMS::Key': 100 };
    const boundOf = (value: unknown): number =>
      JSON.stringify(value).includes('AWS::URLSuffix')
        ? 'amazonaws.com.cn'.length
        : (bounds[template.resources[target(value)]?.Type ?? ''] ?? 200);
    const sizes = Object.entries(variables).map(
      ([name, value]) => name.length + (typeof value === 'string' ? value.length : boundOf(value)),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4096);
  });
});

const told = [
  'codeKey',
  'custodyKey',
  'deviceLog',
  'deviceRoster',
  'directory',
  'kek',
  'mailbox',
  'responder',
  'userKeyring',
  'userRecord',
  'value',
];

/** Its condition shows this function only the names of values (secret-request-grants.ts), so it opens none. */
const readsOnlyNames = 'secret-requests: value dynamodb:GetItem';

/** Rows about resources and actions that `explain` evaluates. */
const isTold = (row: string): boolean => {
  const [, word = '', action = ''] = row.split(' ');
  return told.includes(word) && (!action.startsWith('dynamodb:') || itemReadingActions.includes(action));
};

const expectedRows = Object.entries(permissions)
  .flatMap(([entry, { data, own }]) => [...data, ...own].map((row) => `${entry}: ${row}`))
  .filter((row) => isTold(row) && row !== readsOnlyNames)
  .sort();
