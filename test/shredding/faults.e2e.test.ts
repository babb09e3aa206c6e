/**
 * A shredding in which all calls of one kind fail: the request reports the failure, and a repeated request reaches the
 * same state.
 */
import { afterEach, expect, test } from 'vitest';
import { type ShredReceipt, shredReceiptJwsType } from '../../core/shredding/receipt-statements.ts';
import { type PublicJwk, verifyJws } from '../../core/signing/jws.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { shredNow } from './shred-org.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
afterEach(() => stack.vault.setHooks());

const throttled: InjectedFault = { type: 'ThrottlingException', status: 400, message: 'slow down' };
const broken: InjectedFault = { type: 'InternalServerError', status: 500, message: 'sorry' };
const faults = { throttled, broken, unreachable: 'drop-before', 'losing replies': 'drop-after' } as const;
const actions = [
  'GetItem',
  'PutItem',
  'Query',
  'Invoke',
  'ListBackups',
  'DescribeContinuousBackups',
  'ListRecoveryPointsByResource',
  'Sign',
  'ListObjectsV2',
];
const cases = actions.flatMap((action) =>
  Object.keys(faults).map((fault) => [action, fault as keyof typeof faults] as const),
);

test.each(cases)('%s %s: repeated, the org is shredded, finally and once', async (action, kind) => {
  const org = await stack.newOrg();
  await stack.clientOf(org.agentKey).vault.set('a', 'x');
  let failed = 0;
  stack.vault.setHooks({
    before: (call: EngineCall) => {
      if (!call.principal.startsWith('Shredder') || call.action !== action) return undefined;
      if (JSON.stringify(call.input).includes('AuditTable')) return undefined;
      failed++;
      return faults[kind];
    },
  });
  const first = await stack.http('POST', '/v1/org/shred', { key: org.adminKey, body: { confirm: org.org } });
  expect(failed).toBeGreaterThan(0);
  // If all three replies are lost after the work was done, the retry can find the completed work. The response is then
  // a success.
  if (first.status !== 200) {
    expect([503]).toContain(first.status);
    expect((await first.json()).retryable).toBe(true);
  }
  stack.vault.setHooks();

  const done = await shredNow(stack, org);
  expect(done).toMatchObject({ state: 'shredded', final: true });
  const { keys }: { keys: PublicJwk[] } = await (await stack.http('GET', '/.well-known/jwks.json')).json();
  const receipts = done.receipts.map((jws) => verifyJws(jws, keys, shredReceiptJwsType) as ShredReceipt);
  expect(receipts.map(({ number }) => number)).toEqual(receipts.map((_, n) => n + 1));
  expect(receipts.at(-1)).toMatchObject({ final: true, values: { count: 1 }, deks: [{ version: 1 }] });
  expect(await shredNow(stack, org)).toEqual(done);
});
