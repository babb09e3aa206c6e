/**
 * Shredding with the synthesized policies enforced on every call: the permissions of its roles are sufficient.
 * test/security checks what the roles are not allowed to do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { ShredResponse } from '../../contract/shredding/wire.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { shredNow } from './shred-org.ts';

const stack = useLocalStack({ timeScale: 1 / 86_400 });
let authorizer: PolicyAuthorizer;
beforeAll(() => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
});

/** Creates a user with data to delete: a keyring and a record. */
async function addUser({ adminKey }: { readonly adminKey: string }): Promise<void> {
  const { key } = await (await stack.http('POST', '/v1/users', { key: adminKey, body: {} })).json();
  expect((await stack.http('POST', '/v1/memory/records', { key, body: { data: 'x' } })).status).toBe(201);
}

const userItems = async () => [
  ...(await stack.allItems(stack.table('UserCustodyKeyringsTable'))),
  ...(await stack.allItems(stack.table('UserCustodyRecordsTable'))),
];

test('every call that shredding, waiting, cancelling and destroying make is allowed', async () => {
  const one = await stack.newOrg();
  const { vault } = stack.clientOf(one.agentKey);
  await vault.set('a', 'x');
  await vault.set('b', 'x');
  await addUser(one);
  const destroyed = await stack.http('POST', '/v1/vault/destroy/b', { key: one.adminKey, body: { confirm: 'b' } });
  expect(destroyed.status).toBe(200);
  await shredNow(stack, one, 20);
  expect((await stack.http('DELETE', '/v1/org/shred', { key: one.adminKey })).status).toBe(200);
  expect(await vault.get('a')).toBe('x');
  await shredNow(stack, one, 1);
  let state: ShredResponse | undefined;
  for (let n = 0; n < 100 && state?.final !== true; n++) {
    await sleep(100);
    state = await (await stack.http('GET', '/v1/org/shred', { key: one.adminKey })).json();
  }
  expect(state).toMatchObject({ state: 'shredded', final: true });
  const other = await stack.newOrg();
  await addUser(other);
  expect((await userItems()).length).toBeGreaterThan(0);
  expect(await shredNow(stack, other)).toMatchObject({ final: true });
  expect(await userItems()).toEqual([]);
  expect(authorizer.denials).toEqual([]);
  expect([...authorizer.allowed.keys()]).toEqual(
    expect.arrayContaining(['kms:Sign', 'dynamodb:ListBackups', 'backup:ListRecoveryPointsByResource']),
  );
});
