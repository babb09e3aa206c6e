/** The path from stored records to an export that an outsider verifies, with the deployed code of every layer. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { marshall } from '@aws-sdk/util-dynamodb';
import { compactVerify, createLocalJWKSet } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import type { AuditRecord, ExportAuditResponse } from '../../contract/audit/wire.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { periodsBetween } from '../../lambdas/audit/audit-marker.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const minute = 60_000;

/** Stores records as the functions do, but with times one hour ago, because recent records are not sealed yet. */
async function recordEarlier(org: string, count: number, mark?: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  for (let n = 0; n < count; n++) {
    const time = Date.now() - 60 * minute + n * 1000;
    const record: AuditRecord = {
      id: createTimeId(time, randomBytes(16)),
      time: new Date(time).toISOString(),
      org,
      principal: 'abcdefghjkmnpqrs',
      route: 'getValue',
      verb: 'values.read',
      name: `prod/${n}`,
      result: 'ok',
      requestId: `request-${n}`,
      sourceIp: '203.0.113.7',
    };
    await stack.putItem(
      stack.table('AuditTable'),
      marshall({ ...record, ...(mark !== undefined && n === 0 ? { mark } : {}) }),
    );
    records.push(record);
  }
  return records;
}

async function exportOf(key: string): Promise<ExportAuditResponse['seals']> {
  const seals: ExportAuditResponse['seals'] = [];
  let cursor: string | undefined;
  do {
    const answer = await stack.http('GET', `/v1/audit/export${cursor === undefined ? '' : `?cursor=${cursor}`}`, {
      key,
    });
    expect(answer.status).toBe(200);
    const page: ExportAuditResponse = await answer.json();
    seals.push(...page.seals);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return seals;
}

const publicKeys = async () => await (await stack.http('GET', '/.well-known/jwks.json')).json();

/** Runs the verification command as an outsider does: with two files and without the vault. */
async function verify(seals: ExportAuditResponse['seals'], ...options: string[]) {
  const lines = seals.flatMap(({ records, seal }) => [...records, { seal }].map((line) => JSON.stringify(line)));
  writeFileSync(join(folder, 'export.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'jwks.json'), JSON.stringify(await publicKeys()));
  const command = fileURLToPath(new URL('../../bin/audit-verify.ts', import.meta.url));
  const args = [command, join(folder, 'export.jsonl'), join(folder, 'jwks.json'), ...options];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stdout };
}

describe('an export', () => {
  test('holds all records that are old enough, and verifies offline by the published key', async () => {
    const { org, adminKey } = await stack.newOrg();
    const records = await recordEarlier(org, 25);
    const seals = await exportOf(adminKey);
    expect(seals.flatMap((seal) => seal.records)).toEqual(records);
    const { status, stdout } = await verify(seals, '--until', new Date(Date.now() - 2 * minute).toISOString());
    expect(stdout).toContain('records         25,');
    expect(status).toBe(0);
    const early = await verify(seals, '--until', new Date().toISOString());
    expect([early.status, early.stdout]).toEqual([1, expect.stringContaining('cut: ')]);
  });

  test('has seals that a JOSE library verifies with the published key set, and refuses with one character changed', async () => {
    const { org, adminKey } = await stack.newOrg();
    await recordEarlier(org, 3);
    const [first] = await exportOf(adminKey);
    const jws = first?.seal ?? '';
    const keys = createLocalJWKSet(await publicKeys());
    const { payload, protectedHeader } = await compactVerify(jws, keys);
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ org, seq: 1, count: 3 });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'anima-audit-seal+jws' });
    for (let at = 0; at < jws.length; at += 7) {
      const changed = jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1);
      await expect(compactVerify(changed, keys)).rejects.toThrow();
    }
  });

  test('grows by seals that follow the earlier ones, and a minute apart at least', async () => {
    const { org, adminKey } = await stack.newOrg();
    await recordEarlier(org, 5);
    const before = await exportOf(adminKey);
    const again = await exportOf(adminKey);
    expect(again).toEqual(before);
  });

  test('of a table that was tampered with tells so, whichever record it was', async () => {
    const { org, adminKey } = await stack.newOrg();
    const records = await recordEarlier(org, 8);
    await exportOf(adminKey);
    const [target] = records.slice(3);
    await stack.putItem(stack.table('AuditTable'), marshall({ ...target, result: 'forbidden' }));
    const altered = await verify(await exportOf(adminKey));
    expect([altered.status, altered.stdout]).toEqual([1, expect.stringContaining('record_altered: seal 1')]);
    await stack.putItem(stack.table('AuditTable'), marshall({ org, id: target?.id, nothing: true }));
    const removed = await verify(await exportOf(adminKey));
    expect([removed.status, removed.stdout]).toEqual([1, expect.stringContaining('record_removed: seal 1')]);
  });
});

describe('the sealer', () => {
  const invoke = async (event: object) => {
    const { endpoints, credentials, operator, resources } = stack.vault;
    const lambda = new LambdaClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
    const id = Object.keys(resources).find((logicalId) => logicalId.startsWith('SealerFunction')) ?? '';
    const Payload = Buffer.from(JSON.stringify(event));
    return await lambda.send(new InvokeCommand({ FunctionName: resources[id], Payload }));
  };

  test('invoked by its schedule, seals the orgs that the marks of past periods name', async () => {
    const { org, adminKey } = await stack.newOrg();
    const period = periodsBetween(Date.now() - 90 * minute, Date.now() - 50 * minute).at(-1);
    await recordEarlier(org, 4, period?.marks[3] ?? expect.fail());
    const { FunctionError } = await invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
    expect(FunctionError).toBeUndefined();
    const seals = await exportOf(adminKey);
    // The scheduled run made one seal over all records. The export found nothing to seal, except possibly an empty
    // minute.
    expect(seals[0]?.records).toHaveLength(4);
    expect((await verify(seals)).status).toBe(0);
  });

  test('refuses to seal what is no organization', async () => {
    for (const event of [{ org: 'x' }, { org: 7 }, { org: '#sealer' }]) {
      expect((await invoke(event)).FunctionError).toBe('Unhandled');
    }
  });
});
