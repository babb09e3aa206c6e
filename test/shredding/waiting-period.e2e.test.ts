/**
 * Shredding after a waiting period, and copies of the keyring table, with the deployed workflow. A day takes a second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ShredResponse } from '../../contract/shredding/wire.ts';
import { type ShredReceipt, shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { verifyJws } from '../../core/signing/jws.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { shredNow } from './shred-org.ts';

const stack = useLocalStack({ timeScale: 1 / 86_400 });

const state = async (adminKey: string): Promise<ShredResponse> =>
  await (await stack.http('GET', '/v1/org/shred', { key: adminKey })).json();

async function until(adminKey: string, reached: (state: ShredResponse) => boolean): Promise<ShredResponse> {
  for (let n = 0; n < 150; n++) {
    const now = await state(adminKey);
    if (reached(now)) return now;
    await sleep(100);
  }
  return expect.fail('never came about');
}

describe('while it waits', () => {
  test('the org is locked: no value is read, written or deleted; its keys can be managed; cancelled, all is as before', async () => {
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'kept');
    const locked = await shredNow(stack, { org, adminKey }, 30);
    expect(locked).toMatchObject({ state: 'locked', final: false, receipts: [] });
    const days = (Date.parse(locked.shredAt ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.99);
    expect(days).toBeLessThanOrEqual(30);
    const key = agentKey;
    for (const answer of [
      await stack.http('GET', '/v1/vault/values/a', { key }),
      await stack.http('GET', '/v1/vault/values', { key }),
      await stack.http('PUT', '/v1/vault/values/a', { key, body: { value: 'x' } }),
      await stack.http('DELETE', '/v1/vault/values/a', { key }),
      await stack.http('POST', '/v1/vault/destroy/a', { key: adminKey, body: { confirm: 'a' } }),
      await stack.http('POST', '/v1/org/rotation', { key: adminKey, body: {} }),
    ]) {
      const problem = await expectProblem(answer, 'org_locked');
      expect(problem.detail).toContain(locked.shredAt);
    }
    expect(await (await stack.http('GET', '/v1/org', { key })).json()).toMatchObject({
      state: 'locked',
      activeVersion: 1,
    });
    expect((await stack.http('GET', '/v1/keys', { key: adminKey })).status).toBe(200);
    await expectProblem(await stack.http('DELETE', '/v1/org/shred', { key }), 'forbidden');

    const cancelled = await stack.http('DELETE', '/v1/org/shred', { key: adminKey });
    expect(await cancelled.json()).toEqual({ org, state: 'active', final: false, receipts: [] });
    expect(await stack.clientOf(agentKey).vault.get('a')).toBe('kept');
    await expectProblem(await stack.http('DELETE', '/v1/org/shred', { key: adminKey }), 'no_shred_pending');
  });

  test('the time comes, and it is shredded; a lock that was cancelled and made again waits its own time', async () => {
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'x');
    await shredNow(stack, { org, adminKey }, 1);
    await stack.http('DELETE', '/v1/org/shred', { key: adminKey });
    const second = await shredNow(stack, { org, adminKey }, 4);
    await sleep(2500);
    // The first workflow has ended, because the current lock is not the one that it waited for.
    expect(await state(adminKey)).toMatchObject({ state: 'locked', shredAt: second.shredAt });
    const done = await until(adminKey, ({ final }) => final);
    expect(done).toMatchObject({ state: 'shredded', receipts: { length: 1 } });
    await expectProblem(await stack.http('GET', '/v1/vault/values/a', { key: agentKey }), 'org_shredded');
  });
});

describe('while the keyring table has a copy', () => {
  // Copies that one test leaves would affect the next one.
  afterEach(() => {
    stack.vault.tableBackups.clear(stack.table('KeyringsTable'));
    stack.vault.tableBackups.setRecovery(stack.table('KeyringsTable'), undefined);
  });

  test.each(['USER', 'SYSTEM', 'AWS_BACKUP'] as const)(
    'of the type %s: shredded at once, but not finally; final once a later look finds none',
    async (type) => {
      const { tableBackups } = stack.vault;
      const table = stack.table('KeyringsTable');
      const { org, adminKey, agentKey } = await stack.newOrg();
      await stack.clientOf(agentKey).vault.set('a', 'x');
      tableBackups.add({ table, type, createdAt: new Date() });
      const first = await shredNow(stack, { org, adminKey });
      // The workflow's initial wait of one minute is very short here. The request and the workflow may each have added
      // a receipt.
      expect(first).toMatchObject({
        state: 'shredded',
        final: false,
        receipts: [expect.any(String), ...first.receipts.slice(1)],
      });
      await expectProblem(await stack.http('GET', '/v1/vault/values/a', { key: agentKey }), 'org_shredded');
      const keys = await (await stack.http('GET', '/.well-known/jwks.json')).json();
      const read = (jws = '') => verifyJws(jws, keys.keys, shredReceiptJwsType) as ShredReceipt;
      expect(read(first.receipts[0])).toMatchObject({
        final: false,
        copies: { backups: [{ type, relevant: true, arn: expect.stringContaining('arn:aws:') }], backupCount: 1 },
      });
      tableBackups.clear(table);
      const done = await until(adminKey, ({ final }) => final);
      expect(read(done.receipts.at(-1))).toMatchObject({
        number: done.receipts.length,
        final: true,
        copies: { backups: [] },
      });
    },
  );

  test('by point-in-time recovery that someone has switched on', async () => {
    const { tableBackups } = stack.vault;
    const table = stack.table('KeyringsTable');
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'x');
    tableBackups.setRecovery(table, new Date(Date.now() - 3_600_000));
    expect(await shredNow(stack, { org, adminKey })).toMatchObject({ state: 'shredded', final: false });
    tableBackups.setRecovery(table, undefined);
    await until(adminKey, ({ final }) => final);
  });
});
