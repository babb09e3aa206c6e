/** A concurrent writer changes a value exactly between a request's read and its write. */
import { afterEach, describe, expect, test } from 'vitest';
import { authenticationKeyMessage } from '../../core/records/authentication-key.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
afterEach(() => stack.vault.setHooks());

const fields = (call: EngineCall) => call.input as { TableName?: string; [name: string]: unknown };

/** Runs `intrude` once, before the first call of an action on a table by a function. */
function intrudeBefore(action: string, table: string, intrude: () => Promise<unknown>) {
  let due = true;
  stack.vault.setHooks({
    before: async (call) => {
      if (!due || call.action !== action || call.principal === 'local' || fields(call).TableName !== table) return;
      due = false;
      await intrude();
    },
  });
}

describe('between the read and the write of a set', () => {
  test('a value that was deleted and made again at the same version is not overwritten unseen', async () => {
    const table = stack.table('ValuesTable');
    await stack.client.vault.set('again', 'first');
    intrudeBefore('PutItem', table, async () => {
      await stack.client.vault.delete('again');
      await stack.client.vault.set('again', 'second');
    });
    expect(await stack.client.vault.set('again', 'third')).toMatchObject({ version: 2 });
    expect(await stack.client.vault.get('again', { version: 1 })).toBe('second');
  });

  test('a compare-and-set loses against whoever came first', async () => {
    await stack.client.vault.set('cas', 'first');
    intrudeBefore('PutItem', stack.table('ValuesTable'), () => stack.client.vault.set('cas', 'theirs'));
    await expect(stack.client.vault.set('cas', 'mine', { ifVersion: 1 })).rejects.toMatchObject({ currentVersion: 2 });
    expect(await stack.client.vault.get('cas')).toBe('theirs');
  });

  test('a conditional delete spares what came between', async () => {
    await stack.client.vault.set('kept', 'first');
    intrudeBefore('DeleteItem', stack.table('ValuesTable'), () => stack.client.vault.set('kept', 'theirs'));
    const deletion = stack.client.vault.delete('kept', { ifVersion: 1 });
    await expect(deletion).rejects.toMatchObject({ code: 'version_conflict', currentVersion: 2 });
    expect(await stack.client.vault.get('kept')).toBe('theirs');
  });

  test('the first DEK of another request is used, not replaced', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    intrudeBefore('PutItem', stack.table('KeyringsTable'), () => vault.set('theirs', 'x'));
    await vault.set('mine', 'y');
    expect([await vault.get('theirs'), await vault.get('mine')]).toEqual(['x', 'y']);
  });
});

describe('every call of the engines', () => {
  test('reads strongly consistent, so that what was revoked, deleted or shredded is so at once', async () => {
    const reads: unknown[] = [];
    stack.vault.setHooks({
      before: (call) => {
        if (call.action === 'Query') reads.push(fields(call).ConsistentRead);
        if (call.action !== 'BatchGetItem') return;
        for (const request of Object.values(Object(fields(call).RequestItems)))
          reads.push(Object(request).ConsistentRead);
      },
    });
    const { vault } = stack.client;
    await vault.set('consistent', 'x');
    await vault.getMany(['consistent', 'missing']);
    await vault.versions('consistent');
    await vault.list().toArray();
    await vault.delete('consistent');
    await stack.http('GET', '/v1/keys', { key: stack.vault.adminKey });
    expect(reads.length).toBeGreaterThan(12);
    expect(new Set(reads)).toEqual(new Set([true]));
  });

  test('of KMS names the org and the version of the DEK, or the org in the message of a MAC', async () => {
    const other = await stack.newOrg();
    const contexts: unknown[] = [];
    const macMessages: unknown[] = [];
    stack.vault.setHooks({
      before: (call) => {
        if (call.service !== 'kms') return;
        // A MAC has no encryption context.
        if (call.action === 'GenerateMac') macMessages.push(fields(call).Message);
        else contexts.push(fields(call).EncryptionContext);
      },
    });
    await stack.clientOf(other.agentKey).vault.set('a', 'x');
    await stack.clientOf(other.agentKey).vault.get('a');
    expect(contexts.length).toBeGreaterThan(2);
    for (const context of contexts) expect(context).toEqual({ org: other.org, dek: '1' });
    expect(macMessages.length).toBeGreaterThan(0);
    const expected = authenticationKeyMessage(other.org).toString('base64');
    for (const message of macMessages) expect(message).toBe(expected);
  });
});
