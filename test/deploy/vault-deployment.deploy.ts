/**
 * Deploys the vault with `cdk deploy` into ministack, an emulator of AWS that this project did not write, and uses it.
 * The tests of this file depend on each other and run in order. known-gaps.ts lists what this does not prove.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { assemblyWith } from '../shared/assembly-with-handler.ts';
import { removeUnknownTypes, replaceMetricMath } from './adapted-assembly.ts';
import { type AssemblyStack, readStacks } from './assembly.ts';
import { type Cdk, createCdk } from './cdk-commands.ts';
import { type DeployedVault, openDeployedVault } from './deployed-vault.ts';
import { type KnownGap, knownGaps } from './known-gaps.ts';
import { type Ministack, startMinistack } from './ministack.ts';
import { disableTerminationProtection, listStackResources, type StackResource } from './stack-resources.ts';
import { codeOf, quickStart, receiveMessage, verifyAudit } from './vault-use.ts';

const commands = inject('pythonCommands');
const minutes = 60_000;

/** Properties that identify a resource of each type in an import. All types with data or keys are here. */
const importIdentifiers: Readonly<Record<string, string>> = {
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::KMS::Key': 'KeyId',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SQS::Queue': 'QueueUrl',
};

const report = (text: string): void => void process.stdout.write(`${text}\n`);

describe.skipIf(commands === null)('a deployment into ministack', { timeout: 15 * minutes }, () => {
  let ministack: Ministack;
  let cdk: Cdk;
  let assembly: string;
  let stacks: AssemblyStack[];
  let vault: DeployedVault;
  let org: string;
  let adminKey: string;
  let agentKey: string;

  beforeAll(async () => {
    ministack = await startMinistack(commands ?? '');
    cdk = createCdk(ministack);
    assembly = join(ministack.scratch, 'assembly');
    vaultApp({ outdir: assembly }).synth();
    expect(replaceMetricMath(assembly)).toBeGreaterThan(0);
    expect(removeUnknownTypes(assembly)).toBeGreaterThan(0);
    stacks = readStacks(assembly);
    await cdk.bootstrap();
  }, 10 * minutes);

  afterAll(async () => {
    await ministack?.stop();
  });

  const deploy = async (folder: string): Promise<void> => {
    const outputs = await cdk.deploy(folder);
    vault = openDeployedVault(ministack, outputs);
  };

  // The address changes when the code stack is deployed again, so clients are created where they are used.
  const admin = (): Anima => vault.clientOf(adminKey);
  const agent = (): Anima => vault.clientOf(agentKey);

  const resourcesOf = async (stack: AssemblyStack): Promise<StackResource[]> =>
    (await listStackResources(ministack.endpoint, stack.name)).filter(({ status }) => status !== 'DELETE_COMPLETE');

  const statefulResources = async (): Promise<StackResource[]> =>
    (await Promise.all(dataStacks().map(resourcesOf))).flat().filter(({ type }) => type in importIdentifiers);

  const codeStacks = () => stacks.filter(({ template }) => hasType(template, 'AWS::ApiGatewayV2::Api'));
  const dataStacks = () => stacks.filter(({ template }) => hasType(template, 'AWS::DynamoDB::Table'));

  test('creates every resource of every stack', async () => {
    await deploy(assembly);
    for (const stack of stacks) {
      const declared = Object.keys(stack.template.Resources).toSorted();
      const resources = await resourcesOf(stack);
      const complete = resources.filter(({ status }) => status === 'CREATE_COMPLETE');
      report(`${stack.name}: ${complete.length} of ${declared.length} resources are CREATE_COMPLETE`);
      expect(resources.filter((resource) => !complete.includes(resource))).toEqual([]);
      expect(complete.map(({ logicalId }) => logicalId).toSorted()).toEqual(declared);
    }
  });

  test('creates an organization and runs the quick start', async () => {
    const created = await vault.createOrg();
    org = created.org;
    adminKey = created.adminKey.key;
    agentKey = await quickStart(vault, adminKey);
  });

  test('creates, rotates and revokes keys', async () => {
    const { id, key } = await admin().keys.create({ role: 'agent', prefixes: ['prod/'] });
    expect(await codeOf(vault.clientOf(key).vault.get('stripe_secret'))).toBe('forbidden');
    await vault.clientOf(key).vault.set('prod/a', 'one');
    const { replacement } = await admin().keys.rotate(id, { overlapSeconds: 0 });
    expect(await codeOf(vault.clientOf(key).vault.get('prod/a'))).toBe('api_key_expired');
    const replaced = vault.clientOf(replacement.key);
    expect(await replaced.vault.get('prod/a')).toBe('one');
    await admin().keys.revoke(replacement.id);
    expect(await codeOf(replaced.vault.get('prod/a'))).toBe('api_key_revoked');
  });

  test('stores, lists, replaces and deletes values', async () => {
    await agent().vault.set('stripe_secret', 'two');
    expect(await agent().vault.get('stripe_secret', { version: 1 })).toBe('sk_live_…');
    expect((await agent().vault.versions('stripe_secret')).map(({ version }) => version)).toEqual([2, 1]);
    const names: string[] = [];
    for await (const { name } of agent().vault.list()) names.push(name);
    expect(names).toEqual(['prod/a', 'stripe_secret']);
    expect(await agent().vault.delete('prod/a')).toBe(true);
    expect(await codeOf(agent().vault.get('prod/a'))).toBe('value_not_found');
  });

  test('stores and reads batches, with one result for each value', async () => {
    const set = await agent().vault.setMany({ 'batch/a': '1', 'batch/b': '2' });
    expect([set.size, set.failed]).toEqual([2, []]);
    const got = await agent().vault.getMany(['batch/a', 'batch/b', 'batch/none']);
    expect([...got].map((item) => (item.ok ? item.value : item.error.code))).toEqual(['1', '2', 'value_not_found']);
  });

  test('records every request in the audit, and exports it with valid signatures', async () => {
    const routes = new Set<string>();
    for await (const { route } of admin().audit.query()) routes.add(route);
    for (const route of ['createOrg', 'createKey', 'revokeKey', 'setValue', 'getValue', 'getValues']) {
      expect(routes).toContain(route);
    }
    const { problems, summary } = await verifyAudit(vault, admin(), org);
    expect(problems).toEqual([]);
    expect(summary).toMatchObject({ org });
    expect(summary.seals).toBeGreaterThan(0);
  });

  test('keeps data of users, who sign in with a password', async () => {
    const { key, user } = await admin().users.create();
    const client = vault.clientOf(key);
    const { id } = await client.memory.add({ text: 'likes tea' });
    expect((await client.memory.get(id)).data).toEqual({ text: 'likes tea' });
    expect((await client.account.info()).user).toBe(user);
    expect(await codeOf(admin().memory.get(id))).toBe('wrong_key_kind');
    await admin().users.delete(user);
    expect(await codeOf(client.memory.get(id))).not.toBe('no error');
  });

  test('processes a signed message in the worker, through the queue', async () => {
    await receiveMessage(vault, admin(), org);
  });

  test('shreds an organization at once, with a signed receipt', async () => {
    const other = await vault.createOrg();
    const client = vault.clientOf(await quickStart(vault, other.adminKey.key));
    const shredded = await vault.clientOf(other.adminKey.key).org.shred({ confirm: other.org });
    expect(shredded).toMatchObject({ state: 'shredded', final: true });
    expect(shredded.receipts.length).toBeGreaterThan(0);
    expect(await codeOf(client.vault.get('stripe_secret'))).toBe('org_shredded');
    expect(await agent().vault.get('stripe_secret')).toBe('two');
  });

  test.each(knownGaps)('still has the gap: $gap', async ({ gap, hides, check }: KnownGap) => {
    report(`gap of ministack: ${gap}. It hides: ${hides}`);
    await check({
      ministack,
      vault,
      agent: agent(),
      admin: admin(),
      resources: (await Promise.all(stacks.map(resourcesOf))).flat(),
    });
  });

  test('an update of one function keeps all tables, keys and buckets', async () => {
    const before = await statefulResources();
    const changed = assemblyWith('public', new URL('fixtures/changed-public.ts', import.meta.url));
    replaceMetricMath(changed.folder);
    removeUnknownTypes(changed.folder);
    try {
      await deploy(changed.folder);
    } finally {
      changed.remove();
    }
    expect((await fetch(`${vault.url}/v1/openapi.json`)).headers.get('x-changed')).toBe('yes');
    expect(await statefulResources()).toEqual(before.map((resource) => ({ ...resource, status: expect.any(String) })));
    expect(await agent().vault.get('stripe_secret')).toBe('two');
  });

  test('the code can be deleted and deployed again without a change of data', async () => {
    const before = await statefulResources();
    await cdk.destroy(assembly, ...codeStacks().map(({ id }) => id));
    await deploy(assembly);
    expect((await statefulResources()).map(({ physicalId }) => physicalId)).toEqual(
      before.map(({ physicalId }) => physicalId),
    );
    expect(await agent().vault.get('stripe_secret')).toBe('two');
  });

  test('the data stack can be deleted only without its protection, and a new one adopts what it left', async () => {
    await cdk.destroy(assembly, ...codeStacks().map(({ id }) => id));
    const retained = await statefulResources();
    for (const stack of dataStacks()) {
      await expect(cdk.destroy(assembly, stack.id)).rejects.toThrow(/protect/i);
      await disableTerminationProtection(ministack.endpoint, stack.name);
      await cdk.destroy(assembly, stack.id);
      expect(await resourcesOf(stack).catch(() => [])).toEqual([]);
      const mapping = join(ministack.scratch, `${stack.id}.json`);
      writeFileSync(mapping, JSON.stringify(importMapping(retained)));
      await cdk.import(assembly, stack.id, mapping);
    }
    await deploy(assembly);
    expect((await statefulResources()).map(({ physicalId }) => physicalId)).toEqual(
      retained.map(({ physicalId }) => physicalId),
    );
    expect(await agent().vault.get('stripe_secret')).toBe('two');
  });
});

const hasType = (template: AssemblyStack['template'], type: string): boolean =>
  Object.values(template.Resources).some(({ Type }) => Type === type);

const importMapping = (resources: readonly StackResource[]): object =>
  Object.fromEntries(
    resources.map(({ logicalId, physicalId, type }) => [logicalId, { [importIdentifiers[type] ?? '']: physicalId }]),
  );
