/** The destruction of one value. */
import { compactVerify, createLocalJWKSet } from 'jose';
import { expect, test } from 'vitest';
import { destroyReceiptJwsType, destroyReceiptStatement } from '../../core/shredding/receipt-statements.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const destroy = (name: string, confirm = name, key = stack.vault.adminKey) =>
  stack.http('POST', `/v1/vault/destroy/${name}`, { key, body: { confirm } });

async function receiptOf(answer: Response): Promise<Record<string, unknown>> {
  expect(answer.status).toBe(200);
  const { destroyed, receipt } = await answer.json();
  expect(destroyed).toBe(true);
  const keys = createLocalJWKSet(await (await stack.http('GET', '/.well-known/jwks.json')).json());
  const { payload, protectedHeader } = await compactVerify(receipt, keys);
  expect(protectedHeader.typ).toBe(destroyReceiptJwsType);
  return JSON.parse(Buffer.from(payload).toString());
}

test('the name must be given to confirm; an agent may not', async () => {
  await stack.client.vault.set('prod/key', 'x');
  await expectProblem(await destroy('prod/key', 'prod/keys'), 'invalid_request');
  await expectProblem(await destroy('prod/key', 'prod/key', stack.vault.agentKey), 'forbidden');
  await expectProblem(await destroy('a/../b', 'a/../b'), 'route_not_found').catch(async () =>
    expectProblem(await destroy('a//b', 'a//b'), 'invalid_name'),
  );
  expect(await stack.client.vault.get('prod/key')).toBe('x');
});

test('all versions are gone, and the receipt names them, their keys, and until when copies could be opened', async () => {
  const { vault } = stack.client;
  for (const value of ['one', 'two', 'three']) await vault.set('gone', value);
  const receipt = await receiptOf(await destroy('gone'));
  await expect(vault.get('gone')).rejects.toMatchObject({ code: 'value_not_found' });
  expect(receipt).toMatchObject({
    statement: destroyReceiptStatement,
    org: stack.vault.org,
    name: 'gone',
    requestedBy: stack.vault.adminKey.split('_')[2],
    versions: [
      { version: 3, dek: 1 },
      { version: 2, dek: 1 },
      { version: 1, dek: 1 },
    ],
    deks: [1],
    copies: { backups: [], complete: true, pointInTimeRecovery: 'ENABLED', earliestRestorable: expect.any(String) },
  });
  const days = (Date.parse(String(receipt.copiesEndAt)) - Date.parse(String(receipt.destroyedAt))) / 86_400_000;
  expect(days).toBe(35);
});

test('a backup of the values has no end, so the receipt gives none', async () => {
  stack.vault.tableBackups.add({ table: stack.table('ValuesTable'), type: 'USER', createdAt: new Date() });
  await stack.client.vault.set('backed-up', 'x');
  const receipt = await receiptOf(await destroy('backed-up'));
  expect(receipt).toMatchObject({ copies: { backupCount: 1, backups: [{ type: 'USER', relevant: true }] } });
  expect(receipt).not.toHaveProperty('copiesEndAt');
  stack.vault.tableBackups.clear(stack.table('ValuesTable'));
});

test('what is not there is not destroyed, and gets no receipt', async () => {
  expect(await (await destroy('never')).json()).toEqual({ destroyed: false });
  expect(await (await destroy('gone')).json()).toEqual({ destroyed: false });
});

test('a value that is set meanwhile is destroyed as it is then', async () => {
  await stack.client.vault.set('raced', 'old');
  let raced = false;
  stack.vault.setHooks({
    before: async (call: EngineCall) => {
      if (call.action !== 'DeleteItem' || raced) return;
      raced = true;
      await stack.client.vault.set('raced', 'new');
    },
  });
  const receipt = await receiptOf(await destroy('raced'));
  stack.vault.setHooks();
  expect(receipt.versions).toEqual([
    { version: 2, dek: 1 },
    { version: 1, dek: 1 },
  ]);
  await expect(stack.client.vault.get('raced')).rejects.toMatchObject({ code: 'value_not_found' });
});

test('when signing fails, nothing is destroyed; when the reply of the deletion is lost, it is, with its receipt', async () => {
  await stack.client.vault.set('careful', 'x');
  stack.vault.setHooks({
    before: (call: EngineCall) => (call.action === 'Sign' ? { type: 'KMSInternalException', status: 500 } : undefined),
  });
  await expectProblem(await destroy('careful'), 'unavailable');
  stack.vault.setHooks();
  expect(await stack.client.vault.get('careful')).toBe('x');

  let lost = false;
  stack.vault.setHooks({
    before: (call: EngineCall) => {
      if (call.action !== 'DeleteItem' || lost) return undefined;
      lost = true;
      return 'drop-after';
    },
  });
  expect(await receiptOf(await destroy('careful'))).toMatchObject({ name: 'careful', versions: [{ version: 1 }] });
  stack.vault.setHooks();
  expect(lost).toBe(true);
});
