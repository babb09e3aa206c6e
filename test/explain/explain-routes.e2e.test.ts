/** `explain` over HTTP, with the deployed policies. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ExplainResponse } from '../../contract/explain/wire.ts';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import { recoveryBoxHash } from '../../core/devices/recovery-code.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { createUser, generateDeviceKeys, memberOf, ServedVault } from '../devices/signed-device-requests.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

async function explain(ref: string, key: string): Promise<ExplainResponse> {
  const answer = await stack.http('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, { key });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return await answer.json();
}
const own = (ref: string, key: string) =>
  stack.http('GET', `/v1/account/explain?ref=${encodeURIComponent(ref)}`, { key });

const functionsOf = ({ canOpen }: ExplainResponse) =>
  canOpen.flatMap(({ kind, id }) => (kind === 'function' ? [id] : [])).toSorted();

async function newUser(admin: string): Promise<{ user: string; key: string }> {
  const made = await stack.http('POST', '/v1/users', { key: admin, body: {} });
  expect(made.status).toBe(201);
  return await made.json();
}

describe('by the policies as they are deployed', () => {
  test('a value is opened by its keys and by the functions that unwrap keys and read values', async () => {
    const { adminKey: admin, agentKey } = stack.vault;
    await stack.client.vault.set('prod/a', 'x');
    const answer = await explain('value:prod/a', admin);
    expect(answer).toMatchObject({ ref: 'value:prod/a', custody: 'org', state: 'stored' });
    const keys = answer.canOpen.filter(({ kind }) => kind === 'api-key');
    expect(keys.map(({ id }) => id).toSorted()).toEqual([admin, agentKey].map((key) => key.split('_')[2]).toSorted());
    expect(functionsOf(answer)).toEqual(['broker', 'provider-secrets', 'reader', 'rotation-workflow', 'writer']);
    await stack.client.vault.delete('prod/a');
    expect(await explain('value:prod/a', admin)).toMatchObject({ state: 'gone', canOpen: [] });
  });

  test('what belongs to a user is opened by its slots, by functions that meet what opens them, and by no key that is far from channels', async () => {
    const { adminKey: admin } = stack.vault;
    const { user, key } = await newUser(admin);
    const body = { id: 'tea', data: 'x' };
    expect((await stack.http('POST', '/v1/memory/records', { key, body })).status).toBe(201);
    for (const ref of [`user:${user}`, `memory:${user}/tea`]) {
      const answer = await explain(ref, admin);
      expect(answer).toMatchObject({ custody: 'user', state: 'stored' });
      expect(answer.canOpen.filter(({ kind }) => kind === 'slot')).toHaveLength(1);
      // If a responder is deployed, it receives messages but no memories.
      const handed = ref.startsWith('user:') ? ['responder'] : [];
      expect(functionsOf(answer).filter((id) => !handed.includes(id ?? ''))).toEqual(['explainer', 'memory', 'worker']);
      expect(answer.canOpen.some(({ kind }) => kind === 'api-key' || kind === 'operator')).toBe(false);
      expect(await (await own(ref, key)).json()).toEqual(answer);
    }
    // An API key gets an answer for the user as a whole. The user gets an answer for each record.
    const none = `message:${user}/${createTimeId(1, randomBytes(16))}`;
    expect(await explain(none, admin)).toMatchObject({ state: 'stored' });
    expect(await (await own(none, key)).json()).toMatchObject({ state: 'gone' });
  });

  test('a blob is opened by its link alone', async () => {
    const { id } = await stack.client.blobs.put(new Uint8Array([1]), { maxOpens: 2 });
    const answer = await explain(`blob:${id}`, stack.vault.adminKey);
    expect(answer).toMatchObject({ custody: 'link', state: 'stored', canOpen: [{ kind: 'link' }] });
  });
});

describe('a device vault', () => {
  async function newVault(admin: string): Promise<{ vault: ServedVault; device: DeviceKeys; ref: string }> {
    const vault = new ServedVault(stack, await createUser(stack, admin));
    const device = await vault.begin();
    return { vault, device, ref: `device:${vault.scope.user}/${vault.scope.vault}` };
  }

  test('is opened by its devices and the recovery code, and by no function', async () => {
    const { adminKey: admin } = stack.vault;
    const { vault, device, ref } = await newVault(admin);
    const [second, third] = [await vault.add(device, 'data'), await vault.add(device)];
    const box = randomBytes(250);
    const recovery = memberOf(await generateDeviceKeys(true), 'recovery');
    await vault.roster(device, { kind: 'recovery', recovery, box: await recoveryBoxHash(box) }, box);
    const answer = await explain(ref, admin);
    expect(answer).toMatchObject({ ref, custody: 'device', state: 'stored' });
    expect(answer.canOpen.map(({ kind, id }) => [kind, id])).toEqual([
      ['device', device.id],
      ['device', second.id],
      ['device', third.id],
      ['recovery-code', undefined],
    ]);
    expect(answer.cannotOpen.map(({ kind }) => kind)).toEqual(['slot', 'api-key', 'function', 'operator']);
    expect(answer.cannotOpen.find(({ kind }) => kind === 'function')?.how).toContain(
      'shredder, devices, explainer, shred-workflow and worker can read',
    );
    expect(await (await own(ref, vault.user.key)).json()).toEqual(answer);
  });

  test('is not opened by a device that was removed, which keeps what it had', async () => {
    const { adminKey: admin } = stack.vault;
    const { vault, device, ref } = await newVault(admin);
    const second = await vault.add(device);
    await vault.roster(device, { kind: 'remove', device: second.id });
    const { canOpen, cannotOpen } = await explain(ref, admin);
    expect(canOpen.map(({ id }) => id)).toEqual([device.id]);
    expect(cannotOpen[0]).toMatchObject({ kind: 'device', how: expect.stringContaining('They keep the keys') });
  });

  test('of another user, or of nobody, is not told', async () => {
    const { adminKey: admin } = stack.vault;
    const { vault, ref } = await newVault(admin);
    await expectProblem(await own(ref, (await newUser(admin)).key), 'record_not_found');
    const none = `device:${vault.scope.user}/${'0'.repeat(16)}`;
    expect(await explain(none, admin)).toMatchObject({ custody: 'device', state: 'gone', canOpen: [] });
    const other = await stack.newOrg();
    expect(await explain(ref, other.adminKey)).toMatchObject({ state: 'gone', canOpen: [] });
    const odd = await stack.http('GET', `/v1/explain?ref=device:${vault.scope.user}`, { key: admin });
    await expectProblem(odd, 'invalid_request');
  });

  test('of a locked organization is locked, and says that devices keep what they have', async () => {
    const { org, adminKey } = await stack.newOrg();
    const { ref } = await newVault(adminKey);
    const body = { confirm: org, waitDays: 3 };
    expect((await stack.http('POST', '/v1/org/shred', { key: adminKey, body })).status).toBe(200);
    const answer = await stack.http('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, { key: adminKey });
    const told: ExplainResponse = await answer.json();
    expect(told).toMatchObject({ state: 'locked', canOpen: [{ kind: 'device' }] });
    expect(told.canOpen[0]?.how).toContain('The device keeps what it has');
  });
});

test('a user is told of its own alone, and another organization of nothing', async () => {
  const { adminKey: admin } = stack.vault;
  const [first, second] = [await newUser(admin), await newUser(admin)];
  for (const ref of [`user:${second.user}`, `memory:${second.user}/tea`, 'value:prod/a']) {
    await expectProblem(await own(ref, first.key), 'record_not_found');
  }
  const other = await stack.newOrg();
  expect(await explain(`user:${first.user}`, other.adminKey)).toMatchObject({ state: 'gone', canOpen: [] });
});

test('it asks no key of KMS, and reads little: three times for an API key, twice for a user', async () => {
  const { adminKey: admin } = stack.vault;
  const { user, key } = await newUser(admin);
  await stack.client.vault.set('counted', 'x');
  const count = async (use: () => Promise<unknown>): Promise<string[]> => {
    await use();
    stack.vault.calls.reset();
    await use();
    return stack.requestCalls().toSorted();
  };
  const record = 'dynamodb PutItem';
  const value = await count(() => explain('value:counted', admin));
  expect(value).toEqual(['dynamodb BatchGetItem', 'dynamodb GetItem', record, 'dynamodb Query']);
  const member = await count(() => explain(`user:${user}`, admin));
  expect(member).toEqual(['dynamodb BatchGetItem', 'dynamodb BatchGetItem', record, 'dynamodb Query']);
  expect(await count(() => own(`user:${user}`, key))).toEqual(['dynamodb BatchGetItem', record, 'dynamodb Query']);
});

test('of an organization that is locked or shredded it says so', async () => {
  const { org, adminKey, agentKey } = await stack.newOrg();
  await stack.clientOf(agentKey).vault.set('a', 'x');
  const { user } = await newUser(adminKey);
  const shred = async (body: object) =>
    expect((await stack.http('POST', '/v1/org/shred', { key: adminKey, body })).status).toBe(200);
  await shred({ confirm: org, waitDays: 1 });
  const locked = await explain('value:a', adminKey);
  expect(locked).toMatchObject({ state: 'locked', canOpen: [{ kind: 'operator' }] });
  expect(await explain(`user:${user}`, adminKey)).toMatchObject({ state: 'locked', canOpen: [] });
  expect((await stack.http('DELETE', '/v1/org/shred', { key: adminKey })).status).toBe(200);
  await shred({ confirm: org, waitDays: 0 });
  for (const ref of ['value:a', `user:${user}`]) {
    expect(await explain(ref, adminKey)).toMatchObject({ state: 'gone', canOpen: [] });
  }
});
