/** Approvals over HTTP with the SDK on both sides, against the service as the template defines it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { Anima, ApprovalTicket } from '../../sdk/src/index.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import { exportDirectory, verifyApprovals } from '../../sdk/src/session/admin/directory-export.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';
import { ann } from '../core/directory/directory-simulator.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

const stack = useLocalStack();
let authorizer: PolicyAuthorizer;
const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
let host: HostileServer;
let org: string;
let adminKey: string;
let directory: DirectoryAdmin;
let agent: Anima;
let agentKey: string;
let phone: SessionClient;
/** A device without the right to answer. */
let tablet: SessionClient;

const clock = {
  onWait: async (): Promise<void> => undefined,
  now: () => Date.now(),
  wait: async () => await clock.onWait(),
};

async function enroll(can: readonly string[], confirmer?: SessionClient): Promise<SessionClient> {
  const invite = await directory.invite({ person: ann, role: 'owner' });
  let admitted: string | undefined;
  clock.onWait = async () => {
    if (admitted === undefined) admitted = await directory.admit({ invite, can });
    else if (confirmer !== undefined)
      await confirmer.countersign(admitted, {
        fingerprint: directory.devices().find(({ device }) => device === admitted)?.fingerprint,
      });
  };
  const sessions = new SessionDevices({ storage: memoryStorage(), baseURL: stack.vault.url, clock, webSocket: false });
  const client = await sessions.enroll({ invite: invite.invite });
  clock.onWait = async () => undefined;
  return client;
}

beforeAll(async () => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks({ authorize: (call) => authorizer.authorize(call) });
  host = await startHostileServer();
  ({ org, adminKey } = await stack.newOrg());
  const baseURL = stack.vault.url;
  const keys = DirectoryAdmin.newKeys();
  directory = new DirectoryAdmin({ org, authority: keys.authority, apiKey: adminKey, baseURL });
  await directory.genesis(keys.recovery);
  phone = await enroll(['approve']);
  tablet = await enroll([], phone);
  const admin = stack.clientOf(adminKey);
  await admin.vault.set('prod/key', secret);
  await admin.vault.setRules('prod/key', { hosts: [`http://127.0.0.1:${host.port}`], approver: ann });
  agentKey = (await admin.keys.create({ role: 'user-of-secrets' })).key;
  agent = stack.clientOf(agentKey);
});
afterAll(async () => await host.close());

const url = (path = '/ok?canary=querycanary') => `http://127.0.0.1:${host.port}${path}`;
const init = {
  method: 'POST',
  headers: { authorization: 'Bearer {{anima://prod/key}}' },
  json: { amount: 500, note: 'bodycanary' },
  reason: 'Order 17 came back. reasoncanary',
} as const;

/** Asks without waiting. */
async function ask(changes: object = {}): Promise<ApprovalTicket> {
  const error = await agent.vault.fetch(url(), { ...init, ...changes, approval: 'return' }).catch((one) => one);
  return isApprovalNeeded(error) ? error.ticket : expect.fail(String(error));
}

test('nobody can be asked before the broker is listed and a device published its key', async () => {
  await expect(agent.vault.fetch(url(), init)).rejects.toMatchObject({ code: 'approver_unavailable', status: 409 });
  expect(await phone.approvals.questions()).toEqual([]);
  await expect(agent.vault.fetch(url(), init)).rejects.toMatchObject({ code: 'approver_unavailable' });
  const { device, fingerprint } = await directory.admitBroker(ann);
  // Listed by an admin alone, it asks nobody.
  await expect(agent.vault.fetch(url(), init)).rejects.toMatchObject({ code: 'approver_unavailable' });
  await expect(phone.countersign(device, { fingerprint: 'AAAA-AAAA-AAAA-AAAA' })).rejects.toMatchObject({
    code: 'fingerprint_differs',
  });
  await phone.countersign(device, { fingerprint });
  expect(phone.devices().find((one) => one.device === device)).toMatchObject({ role: 'broker', status: 'active' });
  expect((await directory.admitBroker(ann)).device).toBe(device);
  await expect(tablet.approvals.questions()).rejects.toMatchObject({ code: 'cannot_approve' });
  expect(host.received).toEqual([]);
});

test('a person reads what will be sent, says yes, and the waiting agent gets the response once', async () => {
  let asked: ApprovalTicket | undefined;
  const response = agent.vault.fetch(url(), { ...init, onApproval: (ticket) => (asked = ticket) });
  // The agent is not done before the answer, so the question is there sooner.
  const found = async () => {
    for (let round = 0; round < 200; round++) {
      const [question] = await phone.approvals.questions();
      if (question !== undefined) return question;
    }
    return expect.fail('no question');
  };
  const question = await found();
  // The question can be there before the agent has the answer that it was asked.
  await expect.poll(() => asked).toMatchObject({ id: question.id, devices: 1 });
  expect(question.lines.map(({ kind }) => kind)).toEqual([
    'host',
    'request',
    // The host of the test speaks http.
    'warning',
    'values',
    'headers',
    'body',
    'asker',
    'scope',
    'reason',
  ]);
  expect(question.lines[0]).toEqual({ kind: 'host', label: 'Host', text: `127.0.0.1:${host.port}` });
  expect(question).toMatchObject({
    host: `127.0.0.1:${host.port}`,
    method: 'POST',
    scope: 'once',
    reason: init.reason,
  });
  expect(host.received).toEqual([]);
  await phone.approvals.answer(question.id, 'yes');
  expect(((await response) as Response).status).toBe(200);
  expect(host.received).toHaveLength(1);
  expect(host.received[0]?.headers.authorization).toBe(`Bearer ${secret}`);
  expect(await phone.approvals.questions()).toEqual([]);
  const ticket = asked ?? expect.fail('no ticket');
  await expect(agent.vault.fetch(url(), { ...init, approval: ticket })).rejects.toMatchObject({
    code: 'approval_used',
  });
  expect(host.received).toHaveLength(1);
});

test('no ends it, also for the other devices; and an agent can be suspended with it', async () => {
  const [before] = [host.received.length];
  const ticket = await ask({ json: { amount: 501 } });
  const [question] = await phone.approvals.questions();
  await expect(phone.approvals.answer(question?.id ?? '', 'no', { suspend: 'f'.repeat(32) })).rejects.toMatchObject({
    code: 'change_refused',
  });
  await expect(agent.vault.fetch(url(), { ...init, json: { amount: 501 }, approval: ticket })).rejects.toMatchObject({
    code: 'approval_denied',
    status: 403,
  });
  await expect(phone.approvals.answer(question?.id ?? '', 'yes')).rejects.toMatchObject({ code: 'question_unknown' });
  // One question at a time, and a pause after a no.
  const pending = await agent.vault.fetch(url(), { ...init, approval: 'return' }).catch((one) => one);
  expect(pending).toMatchObject({ code: 'approval_pending', status: 429, retryAfter: expect.any(Number) });
  expect(host.received).toHaveLength(before);
});

describe('the routes of devices', () => {
  test('refuse forms and requests without a device', async () => {
    await expectProblem(await stack.http('GET', '/v1/session/approvals', { key: adminKey }), 'device_refused');
    const put = await stack.http('PUT', '/v1/session/approval-key', { body: { statement: 'AAAA' } });
    await expectProblem(put, 'device_refused');
  });

  test('keys of brokers are for admins, and the same each time', async () => {
    const path = `/v1/broker/keys/${ann}`;
    await expectProblem(await stack.http('GET', path, { key: agentKey }), 'forbidden');
    const [one, two] = await Promise.all(
      [1, 2].map(async () => await (await stack.http('GET', path, { key: adminKey })).json()),
    );
    expect(one).toEqual(two);
    const other = await stack.newOrg();
    expect(await (await stack.http('GET', path, { key: other.adminKey })).json()).not.toEqual(one);
  });
});

test('the audit proves offline who allowed what; no table, log line or record has a body, query, reason or handle', async () => {
  const client = stack.clientOf(adminKey);
  const records: AuditRecord[] = await client.audit.query({}).toArray();
  const entries = await exportDirectory({ apiKey: adminKey, baseURL: stack.vault.url });
  const { uses, problems, head } = verifyApprovals(org, entries, records);
  expect(problems).toEqual([]);
  expect(uses).toMatchObject([
    { person: ann, device: phone.device, host: `127.0.0.1:${host.port}`, method: 'POST', outcome: 'ok' },
  ]);
  expect(head.seq).toBe(entries.length);
  const uncounted = records.filter(({ route, result }) => route === 'fetch' && result === 'pending');
  expect(uncounted.length).toBeGreaterThan(0);
  for (const [member, problem] of [
    ['answer', 'malformed'],
    ['principal', 'other_record'],
    ['host', 'other_record'],
    ['signature', 'unknown_broker'],
  ] as const) {
    const forged = records.map((record) =>
      record.statement === undefined ? record : { ...record, [member]: Buffer.alloc(64).toString('base64') },
    );
    expect(verifyApprovals(org, entries, forged).problems.map((one) => one.problem)).toEqual([problem]);
  }
  const again = records.flatMap((record) =>
    record.approval === undefined ? [record] : [record, { ...record, requestId: `${record.requestId}2` }],
  );
  expect(verifyApprovals(org, entries, again).problems.map(({ problem }) => problem)).toEqual(['used_too_often']);
  const written = JSON.stringify(
    [
      ...(await stack.allItems(stack.table('ApprovalsQuestionsTable'))),
      ...(await stack.allItems(stack.table('BrokerTable'))),
      ...(await stack.allItems(stack.table('AuditTable'))),
      stack.vault.logs(),
    ],
    (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value),
  );
  expect(written).toContain(ann);
  for (const text of ['canary', secret]) expect(written).not.toContain(text);
  // Nobody may list marks, so S3 does not say that the first one is missing; only a create tells.
  expect(authorizer.denials).toEqual([
    expect.stringMatching(/^anima-broker-session-\S+ s3:ListBucket \S+lockedbucket/),
  ]);
});
