/** With the policies enforced: what the functions of sessions may do, and what they write of what they see. */
import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { CreateAttachmentResponse, GetAttachmentResponse } from '../../contract/sessions/wire.ts';
import { createInvite, inviteLookup, storedLookup } from '../../core/directory/invite.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { accepted, ann, bob } from '../core/directory/directory-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { readySocket } from './device-socket.ts';
import { okJson, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
let authorizer: PolicyAuthorizer;
const asked: string[] = [];
/** Calls of the functions `directory` and `relay`. */
const ownCalls: string[] = [];

function watch({ service, action, input, principal }: EngineCall): void {
  const text = JSON.stringify(input, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
  asked.push(`${service} ${action} ${text}`);
  if (/^(?:directory|relay)/i.test(principal)) ownCalls.push(`${service} ${action}`);
}

beforeAll(() => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks({ authorize: (call) => authorizer.authorize(call), before: watch });
});

test('the whole life needs no permission that the functions do not have, and leaves no message or secret in logs and audit', async () => {
  const served = await ServedDirectory.begin(stack);
  const { simulator, first, adminKey: key, org } = served;
  const bobs = simulator.admit(bob, 'owner');
  accepted(simulator.checkpoint());
  await served.push();
  const conversation = await served.open(ann, [first], [ann, bob]);
  const bundle = served.bundleOf(bobs);
  await okJson(served.putBundle(bobs, bundle, served.prekeysOf(bobs, 1, 2)));
  await okJson(served.send(bobs, 'GET', '/bundle'));
  await okJson(served.claim(first, bobs.id, conversation));
  await okJson(served.send(first, 'GET', '/checkpoint'));
  await okJson(stack.http('GET', '/v1/session/directory', { key }));
  const canary = 'CANARY-ciphertext-2468';
  await served.sendAll(first, [served.messageFor(first, bobs.id, conversation, canary)]);
  expect(await served.texts(bobs)).toEqual([canary]);
  await served.acknowledge(bobs, [`${first.id}/1`]);
  const socket = await readySocket(served, bobs);
  await served.sendAll(first, [served.messageFor(first, bobs.id, conversation, canary)]);
  expect(await socket.frame()).toMatchObject({ message: toBase64(utf8Bytes(canary)) });
  socket.socket.close();
  await socket.closed;
  await okJson(served.send(bobs, 'PUT', '/push', { endpoint: 'https://push.provider.net/CANARY-endpoint' }));
  await served.sendAll(first, [served.messageFor(first, bobs.id, conversation, canary)]);
  await expect
    .poll(() => stack.vault.providerRequests().map(({ path }) => path))
    .toEqual(['/push.provider.net/CANARY-endpoint']);
  expect(stack.vault.providerRequests()[0]?.body).toBe('');
  const name = 'ca'.repeat(16);
  const content = utf8Bytes(canary);
  const sha256 = createHash('sha256').update(content).digest('base64');
  const upload = await okJson<CreateAttachmentResponse>(
    served.send(first, 'POST', '/attachments', { name, bytes: content.length, sha256 }),
  );
  expect((await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: content })).status).toBe(200);
  const download = await okJson<GetAttachmentResponse>(served.send(bobs, 'GET', `/attachments/${name}`));
  expect(await (await fetch(download.url)).text()).toBe(canary);
  await okJson(served.send(bobs, 'DELETE', '/push'));

  const invite = createInvite(org, new Uint8Array(32));
  const lookup = await inviteLookup(invite);
  const made = { invite: invite.id, person: ann, role: 'agent', stored: toBase64(storedLookup(lookup)) };
  expect((await stack.http('POST', '/v1/session/invites', { key, body: made })).status).toBe(201);
  const path = `/v1/session/enrollments/${org}/${invite.id}`;
  await okJson(stack.http('POST', path, { body: { lookup: toBase64(lookup) } }));
  await okJson(stack.http('GET', '/v1/session/invites', { key }));
  await okJson(stack.http('DELETE', `/v1/session/invites/${invite.id}`, { key }));
  accepted(simulator.setStatus('revoke', bobs.id));
  await served.push();
  await expectProblem(await served.send(bobs, 'GET', '/messages'), 'device_refused');
  expect(authorizer.denials).toEqual([]);

  // The message went to the table of mailboxes only, and the lookup value nowhere.
  const holding = asked.filter((call) => call.includes(toBase64(utf8Bytes(canary)))).map((call) => call.split(' {')[0]);
  // The event of the notifier has names only. Its frame went to the connection, as bytes.
  expect(new Set(holding)).toEqual(new Set(['dynamodb PutItem']));
  for (const canaries of [canary, toBase64(utf8Bytes(canary)), 'CANARY-endpoint'])
    expect(stack.vault.logs()).not.toContain(canaries);
  const leftovers = [
    ...asked,
    JSON.stringify(await stack.allItems(stack.table('AuditTable'))),
    JSON.stringify(await stack.allItems(stack.table('SessionCustodyDirectoriesTable'))),
  ].join('\n');
  expect(leftovers).not.toContain(toBase64(lookup));
  const audit = JSON.stringify(await stack.allItems(stack.table('AuditTable')));
  for (const route of ['appendDirectory', 'claimBundle', 'createInvite', 'beginEnrollment', 'putConversation'])
    expect(audit).toContain(route);
  for (const route of ['sendMessages', 'readMailbox', 'acknowledgeMessages', 'readSessionEntries'])
    expect(audit).not.toContain(route);
  const kms = ownCalls.filter((call) => call.startsWith('kms'));
  expect(new Set(kms)).toEqual(new Set(['kms GenerateMac']));
});

test('shredding the org deletes both tables, the receipt counts what is left, and every device is refused', async () => {
  const served = await ServedDirectory.begin(stack);
  const second = served.simulator.add(served.first, ann, 'owner');
  await served.push();
  const conversation = await served.open(ann, [served.first], [ann]);
  await served.sendAll(served.first, [served.messageFor(served.first, second.id, conversation, 'x')]);
  const body = { confirm: served.org };
  const answer = await okJson<{ receipts: string[] }>(
    stack.http('POST', '/v1/org/shred', { key: served.adminKey, body }),
  );
  const payload = JSON.parse(Buffer.from(answer.receipts.at(-1)?.split('.')[1] ?? '', 'base64url').toString());
  expect(payload.users).toMatchObject({ mailboxItems: 0, directoryItems: 0, complete: true });
  await expectProblem(await served.send(second, 'GET', '/messages'), 'org_shredded');
  for (const table of ['SessionCustodyDirectoriesTable', 'SessionCustodyMailboxesTable'] as const) {
    const left = (await stack.allItems(stack.table(table))).filter(({ org }) => org?.S === served.org);
    expect(left).toEqual([]);
  }
});

test('a locked org refuses its devices, and an unlocked one serves them', async () => {
  const served = await ServedDirectory.begin(stack);
  const body = { confirm: served.org, waitDays: 3 };
  await okJson(stack.http('POST', '/v1/org/shred', { key: served.adminKey, body }));
  await expectProblem(await served.send(served.first, 'GET', '/messages'), 'org_locked');
  await okJson(stack.http('DELETE', '/v1/org/shred', { key: served.adminKey }));
  await okJson(served.send(served.first, 'GET', '/messages'));
});
