/**
 * Queues of a template: functions that send, a mapping that invokes a function, and templates that are rejected at the
 * start.
 */
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import { readDeployment } from '../../local/aws/cloudformation/read-deployment.ts';
import { arn } from '../../local/aws/shared/aws-account.ts';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { createWorkspace, templateResourcesWithQueue, type Workspace } from './small-assembly.ts';

const eventSchema = z.object({
  Records: z.array(z.object({ body: z.string(), attributes: z.record(z.string(), z.string()) })),
});

let space: Workspace;
let vault: LocalVault;
const options = { port: 0, timeScale: 0.02 };

beforeAll(async () => {
  space = await createWorkspace();
  vault = await startLocalVault({ ...options, assembly: space.assembly(templateResourcesWithQueue()), memory: true });
});
afterAll(async () => {
  await vault.close();
  space.remove();
});

const sendTo = async (to: LocalVault, MessageGroupId: string, MessageBody: string) => {
  const body = JSON.stringify({ MessageGroupId, MessageBody });
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(`${to.url}/messages`, { method: 'POST', headers, body })).status).toBe(200);
};
const delivered = (to: LocalVault) =>
  to
    .providerRequests()
    .flatMap(({ body }) => eventSchema.parse(JSON.parse(body)).Records)
    .map(({ body, attributes }) => `${body} #${attributes.ApproximateReceiveCount}`);

test('a queue carries a message from a function to a function, and what fails to the dead letters', async () => {
  const seen = new Map<string, unknown>();
  vault.setHooks({
    authorize: ({ service, action, principal, callerArn }) => {
      if (service === 'sqs') seen.set(action, [principal, callerArn]);
      return true;
    },
  });
  await sendTo(vault, 'a', 'first');
  await sendTo(vault, 'a', 'second 1');
  await sendTo(vault, 'b', 'third 9');
  await vault.whenQueuesEmpty();
  vault.setHooks();
  expect(delivered(vault).sort()).toEqual(['first #1', 'second 1 #1', 'second 1 #2', 'third 9 #1', 'third 9 #2']);
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: vault.endpoints.sqs,
    credentials: vault.credentials,
  });
  const dead = new GetQueueAttributesCommand({ QueueUrl: vault.resources.DeadJobs, AttributeNames: ['All'] });
  expect((await client.send(dead)).Attributes).toMatchObject({ ApproximateNumberOfMessages: '1' });
  client.destroy();
  // Polling uses the role of the function, so that policies can be enforced on it.
  const asMain = ['Main', 'arn:aws:iam::000000000000:role/Fixture-Role'];
  for (const action of ['SendMessage', 'GetQueueAttributes', 'ReceiveMessage', 'DeleteMessageBatch']) {
    expect(seen.get(action), action).toEqual(asMain);
  }
});

test('functions get the addresses of this machine, and tests the policies', async () => {
  const environment = z.record(z.string(), z.string()).parse(await (await fetch(`${vault.url}/environment`)).json());
  expect(environment).toMatchObject({
    QUEUE_URL: vault.resources.Jobs,
    API_URL: vault.url,
    ANIMA_PROVIDER_APIS: vault.providerApisUrl,
    AWS_ENDPOINT_URL_SQS: vault.endpoints.sqs,
  });
  expect(vault.resources.Jobs).toBe(`${vault.endpoints.sqs}/000000000000/Fixture-Jobs.fifo`);
  expect(vault.policies.resources.get(arn('sqs', 'Fixture-Jobs.fifo'))).toMatchObject([
    { Effect: 'Deny', Resource: arn('sqs', 'Fixture-Jobs.fifo') },
  ]);
  expect(vault.policies.resources.get(arn('sqs', 'Fixture-DeadJobs.fifo'))).toEqual([]);
});

test('a restart goes on with what was not done', async () => {
  const kept = {
    ...options,
    timeScale: 1,
    assembly: space.assembly(templateResourcesWithQueue()),
    dataDir: `${space.folder}/q`,
  };
  const first = await startLocalVault({
    ...kept,
    hooks: { before: ({ action }) => (action === 'DeleteMessageBatch' ? 'drop-before' : undefined) },
  });
  await sendTo(first, 'a', 'kept');
  await expect.poll(() => delivered(first)).toEqual(['kept #1']);
  await first.close();
  const second = await startLocalVault(kept);
  const started = Date.now();
  try {
    await second.whenQueuesEmpty();
    // The receiver of the message no longer exists, so the visibility timeout of ten seconds is not awaited.
    expect(Date.now() - started).toBeLessThan(9_000);
    expect(delivered(second)).toEqual(['kept #2']);
    expect(new URL(second.resources.Jobs ?? '').pathname).toBe(new URL(first.resources.Jobs ?? '').pathname);
  } finally {
    await second.close();
  }
  const third = await startLocalVault(kept);
  await third.whenQueuesEmpty();
  expect(delivered(third)).toEqual([]);
  await third.close();
});

test.for<[string, string, object, RegExp]>([
  [
    'a queue that hides for less than its function may take',
    'Jobs',
    { VisibilityTimeout: 9 },
    /visibility timeout of Jobs.*Lambda rejects/,
  ],
  ['a queue with dead letters of another kind', 'DeadJobs', { FifoQueue: false }, /dead-letter queue of Jobs/],
  [
    'a queue with settings of another kind',
    'DeadJobs',
    { FifoQueue: false, ContentBasedDeduplication: true },
    /only for FIFO queues/,
  ],
  ['a queue with an unknown property', 'Jobs', { Odd: 1 }, /Jobs .*Odd/],
  ['a mapping by filters, which are not here', 'JobsToMain', { FilterCriteria: {} }, /FilterCriteria/],
  ['a mapping in batches over ten', 'JobsToMain', { BatchSize: 11 }, /at most 10 messages/],
  ['a mapping from a queue that is not there', 'JobsToMain', { EventSourceArn: arn('sqs', 'no') }, /does not connect/],
])('%s is refused', ([, id, properties, message]) => {
  const template = templateResourcesWithQueue();
  Object.assign(template[id]?.Properties ?? {}, properties);
  expect(() => readDeployment(readCloudAssembly(space.assembly(template)), new Map([['Kek', 'k']]))).toThrow(message);
});

test('a mapping that is switched off takes no messages', () => {
  const template = templateResourcesWithQueue();
  Object.assign(template.JobsToMain?.Properties ?? {}, { Enabled: false });
  const { eventSources, queues } = readDeployment(readCloudAssembly(space.assembly(template)), new Map([['Kek', 'k']]));
  expect([eventSources.length, queues.length]).toEqual([0, 2]);
});
