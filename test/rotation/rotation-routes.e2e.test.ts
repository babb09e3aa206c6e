/** Rotation over real HTTP: permissions, two concurrent requests, and a rotation of the KEK's key material. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { waitUntilRotated } from './await-rotation.ts';

const stack = useLocalStack({ timeScale: 0.02 });
// All tests enforce the policies of the template.
let authorizer: PolicyAuthorizer;
beforeAll(() => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
});
afterAll(() => expect(authorizer.denials).toEqual([]));

const post = async (key: string) => await stack.http('POST', '/v1/org/rotation', { key });
const latest = async (key: string) => await (await stack.http('GET', '/v1/org/rotation', { key })).json();
const keyring = async () => await stack.getItem(stack.table('KeyringsTable'), { org: stack.vault.org });

test('only a key that may rotate starts one; whoever may read the org sees it; without any value there is none', async () => {
  const { adminKey, agentKey } = stack.vault;
  await expectProblem(await post(agentKey), 'forbidden');
  expect(await (await post(adminKey)).json()).toEqual({});
  expect(await latest(agentKey)).toEqual({});
});

test('many that are started at once are one, whose progress all see, and every request meanwhile succeeds', async () => {
  const { adminKey, agentKey } = stack.vault;
  for (let n = 0; n < 20; n++) await stack.client.vault.set(`name-${n}`, `value ${n}`);
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(adminKey)));
  for (const answer of answers) expect(await answer.json()).toMatchObject({ rotation: { id: 1, to: 2 } });
  expect(await latest(agentKey)).toMatchObject({ rotation: { id: 1, to: 2 } });
  for (let n = 0; n < 20; n++) expect(await stack.client.vault.get(`name-${n}`)).toBe(`value ${n}`);
  const done = await waitUntilRotated(stack);
  expect(done).toMatchObject({ id: 1, counted: 20, total: 20, reencrypted: 20, damaged: 0 });
  const org = await (await stack.http('GET', '/v1/org', { key: adminKey })).json();
  expect(org.deks).toMatchObject([{ state: 'retired' }, { state: 'active' }]);
  expect((await keyring()).deks?.M?.['1']?.M?.wrapped).toEqual({ S: '' });
});

test('DEKs are wrapped anew by a task of the workflow, and no value is touched', async () => {
  await stack.client.vault.set('kept', 'as it is');
  const table = stack.table('ValuesTable');
  const key = { org: stack.vault.org, name: 'kept' };
  const before = { item: await stack.getItem(table, key), deks: (await keyring()).deks };
  const lambda = new LambdaClient({
    endpoint: stack.vault.endpoints.dynamodb,
    region: stack.vault.operator.region,
    credentials: stack.vault.credentials,
  });
  const id = Object.keys(stack.vault.resources).find((name) => name.startsWith('RotationWorkflowFunction')) ?? '';
  const command = new InvokeCommand({
    FunctionName: `${stack.vault.resources[id]}:live`,
    InvocationType: 'Event',
    Payload: Buffer.from(JSON.stringify({ task: 'rewrap', org: stack.vault.org })),
  });
  expect((await lambda.send(command)).DurableExecutionArn).toMatch(/durable-execution/);
  await expect.poll(async () => (await keyring()).deks, { timeout: 10_000 }).not.toEqual(before.deks);
  expect(await stack.getItem(table, key)).toEqual(before.item);
  expect(await stack.client.vault.get('kept')).toBe('as it is');
});
