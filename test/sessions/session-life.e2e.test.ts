/** The life of a directory and its devices at the service (docs/session-service.md). */
import { describe, expect, test } from 'vitest';
import type {
  BeginEnrollmentResponse,
  ClaimBundleResponse,
  GetBundleResponse,
  ListInvitesResponse,
  ReadCheckpointResponse,
  ReadDirectoryResponse,
} from '../../contract/sessions/wire.ts';
import { directoryPin } from '../../core/directory/directory-pin.ts';
import { createEnrollment, isProvenEnrollment } from '../../core/directory/enrollment.ts';
import { createInvite, inviteLookup, storedLookup } from '../../core/directory/invite.ts';
import { acceptBundle, readOneTimePrekey } from '../../core/directory/prekeys.ts';
import { resumeFromCheckpoint } from '../../core/directory/resume-from-checkpoint.ts';
import { encodeDirectoryState } from '../../core/directory/state-snapshot.ts';
import { fromBase64, toBase64, toHex } from '../../core/encoding/bytes.ts';
import { accepted, ann, bob, factsOf, newDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { okJson, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack();

const bytes = (text: string) => fromBase64(text) ?? expect.fail('not base64');

test('a device is invited, enrolls, is admitted and countersigned, gets prekeys, and writes in a conversation', async () => {
  const served = await ServedDirectory.begin(stack);
  const { simulator, org, first, adminKey: key } = served;

  // The admin invites a laptop of Ann.
  const invite = createInvite(org, directoryPin(served.state));
  const lookup = await inviteLookup(invite);
  const body = { invite: invite.id, person: ann, role: 'owner', stored: toBase64(storedLookup(lookup)) };
  const made = await stack.http('POST', '/v1/session/invites', { key, body });
  expect(made.status).toBe(201);
  const again = await stack.http('POST', '/v1/session/invites', { key, body });
  expect(await again.json()).toEqual(await made.json());

  // The laptop enrolls.
  const path = `/v1/session/enrollments/${org}/${invite.id}`;
  const credential = { lookup: toBase64(lookup) };
  const begun: BeginEnrollmentResponse = await okJson(stack.http('POST', path, { body: credential }));
  expect(begun).toMatchObject({ person: ann, role: 'owner' });
  const laptop = newDevice(org);
  const grant = { person: begun.person, role: begun.role };
  const challenge = bytes(begun.challenge);
  const { ik, dh, proof, possession } = await createEnrollment(invite, grant, laptop.ik, laptop.dh, challenge);
  const sent = { ik: toBase64(ik), dh: toBase64(dh), proof: toBase64(proof), possession: toBase64(possession) };
  const stored = await okJson(stack.http('PUT', path, { body: { ...credential, ...sent } }));
  expect(await okJson(stack.http('PUT', path, { body: { ...credential, ...sent } }))).toEqual(stored);
  const seen: ReadDirectoryResponse = await okJson(
    stack.http('POST', `${path}/directory`, { body: { ...credential, after: 0 } }),
  );
  expect(seen).toMatchObject({ head: 2, more: false });
  expect(seen.entries).toHaveLength(2);

  // The admin checks the proof and admits it. Ann's phone countersigns.
  const { invites }: ListInvitesResponse = await okJson(stack.http('GET', '/v1/session/invites', { key }));
  expect(invites).toEqual([
    expect.objectContaining({ invite: invite.id, enrollment: sent, challenge: begun.challenge }),
  ]);
  const enrollment = { invite: invite.id, ik, dh, proof, possession };
  const expires = Date.now() + 600_000;
  expect(await isProvenEnrollment(invite, grant, expires, enrollment, challenge, Date.now())).toBe(true);
  await expectProblem(await served.send(laptop, 'GET', '/entries'), 'device_refused');
  const facts = factsOf(laptop, ann, 'owner', { invite: invite.id });
  simulator.append(simulator.authority, { op: 'admit', device: facts });
  await served.push();
  expect(await okJson(stack.http('GET', '/v1/session/invites', { key }))).toEqual({ invites: [] });
  await expectProblem(await stack.http('POST', path, { body: credential }), 'invite_refused');
  await expectProblem(await served.send(laptop, 'GET', '/entries'), 'device_refused');
  simulator.countersign(first, laptop.id);
  await served.push();
  const page: ReadDirectoryResponse = await okJson(served.send(laptop, 'GET', '/entries?after=2'));
  expect(page.entries).toEqual(simulator.log.slice(2).map(({ signed }) => toBase64(signed)));

  // Both publish bundles, and one claims from the other.
  const conversation = await served.open(ann, [first], [ann]);
  const bundle = served.bundleOf(laptop);
  const prekeys = served.prekeysOf(laptop, 1, 3);
  expect(await okJson(served.putBundle(laptop, bundle, prekeys))).toEqual({ seq: 1, oneTimePrekeys: 3, highestId: 3 });
  expect(await okJson(served.putBundle(laptop, bundle, prekeys))).toEqual({ seq: 1, oneTimePrekeys: 3, highestId: 3 });
  const claimed: ClaimBundleResponse = await okJson(served.claim(first, laptop.id, conversation));
  const keys = { ik: laptop.ik.publicKey, dh: laptop.dh };
  expect(acceptBundle(org, keys, bytes(claimed.bundle), Date.now(), undefined)).toMatchObject({ seq: 1 });
  expect(readOneTimePrekey(org, keys, bytes(claimed.oneTimePrekey ?? ''))).toMatchObject({ id: 1 });
  const own: GetBundleResponse = await okJson(served.send(laptop, 'GET', '/bundle'));
  expect(own).toEqual({ bundle: toBase64(bundle), seq: 1, oneTimePrekeys: 2, highestId: 3 });
  const { statements } = await okJson<{ statements: string[] }>(served.send(laptop, 'GET', '/conversations'));
  expect(statements).toHaveLength(1);

  // A message is sent, read and acknowledged.
  const message = served.messageFor(first, laptop.id, conversation, 'one');
  expect(await served.sendAll(first, [message])).toEqual([{ to: laptop.id, counter: 1, outcome: 'stored' }]);
  expect(await served.sendAll(first, [message])).toEqual([{ to: laptop.id, counter: 1, outcome: 'stored' }]);
  const { messages } = await served.mailbox(laptop);
  expect(messages).toEqual([
    { name: `${first.id}/1`, conversation, message: message.message, storedAt: expect.any(String) },
  ]);
  await served.acknowledge(laptop, [`${first.id}/1`]);
  await served.acknowledge(laptop, [`${first.id}/1`]);
  expect(await served.texts(laptop)).toEqual([]);
  expect(await served.sendAll(first, [message])).toMatchObject([{ outcome: 'acknowledged' }]);

  // The laptop is revoked: it is refused from the next request on, and what it had is deleted.
  await served.sendAll(first, [served.messageFor(first, laptop.id, conversation, 'two')]);
  accepted(simulator.setStatus('revoke', laptop.id));
  await served.push();
  await expectProblem(await served.send(laptop, 'GET', '/messages'), 'device_refused');
  await expectProblem(await served.claim(first, laptop.id, conversation), 'not_allowed');
  expect(await served.sendAll(first, [served.messageFor(first, laptop.id, conversation, 'three')])).toMatchObject([
    { outcome: 'not_allowed' },
  ]);
  const left = [
    ...(await stack.allItems(stack.table('SessionCustodyMailboxesTable'))),
    ...(await stack.allItems(stack.table('SessionCustodyDirectoriesTable'))),
  ].filter(({ org: of, id }) => of?.S === org && /^(?:[man]|bundle|prekey)\//.test(id?.S ?? ''));
  expect(left.map(({ id }) => id?.S).filter((id) => id?.split('/')[1] === laptop.id)).toEqual([]);
});

test('a directory rotates its authorities, and the removed one adds nothing any more', async () => {
  const served = await ServedDirectory.begin(stack);
  const { simulator } = served;
  const [stays, goes] = simulator.authorities;
  simulator.append(stays, simulator.keysBody('rotate', [stays]), goes);
  await served.push();
  const refused = simulator.write(goes, { op: 'admit', device: factsOf(newDevice(served.org), bob, 'owner') });
  expect(refused).toMatchObject({ result: 'stop', reason: 'unknown_signer' });
  await expectProblem(await served.append(simulator.log.at(-1)?.signed ?? expect.fail()), 'entry_refused');
});

test('a client starts at a checkpoint of the service, in every part', async () => {
  const served = await ServedDirectory.begin(stack);
  const { simulator, org, first } = served;
  for (let n = 0; n < 5; n++) simulator.admit(`${'b'.repeat(15)}${n}`, 'owner');
  accepted(simulator.checkpoint());
  simulator.add(first, ann, 'agent');
  await served.push();
  const pin = directoryPin(served.state);
  const { head } = served.state;
  const found: ReadCheckpointResponse = await okJson(served.send(first, 'GET', `/checkpoint?upTo=${head.seq}`));
  expect(found).toMatchObject({ seq: 8, parts: 1 });
  const tail: ReadDirectoryResponse = await okJson(served.send(first, 'GET', `/entries?after=${found.seq}`));
  const resumed = resumeFromCheckpoint(org, pin, {
    checkpoint: bytes(found.checkpoint),
    subtrees: found.subtrees.map(bytes),
    leaves: found.leaves.map(bytes),
    tail: tail.entries.map(bytes),
  });
  expect(resumed && toHex(encodeDirectoryState(resumed))).toBe(toHex(encodeDirectoryState(served.state)));
  await expectProblem(await served.send(first, 'GET', '/checkpoint?upTo=7'), 'checkpoint_not_found');
  await expectProblem(await served.send(first, 'GET', '/checkpoint?part=2'), 'checkpoint_not_found');
});

describe('a fleet', () => {
  test('a member sends and receives with its certificate, until it is revoked', async () => {
    const served = await ServedDirectory.begin(stack);
    const { simulator, first } = served;
    const fleet = simulator.delegate(first, ann);
    await served.push();
    const member = served.member(fleet);
    const conversation = await served.open(ann, [first], [ann], [member.id]);
    const message = () => served.messageFor(first, member.id, conversation, 'to the fleet');
    // Nobody knows its certificate yet.
    expect(await served.sendAll(first, [message()])).toMatchObject([{ outcome: 'not_allowed' }]);
    await okJson(served.putBundle(member, served.bundleOf(member), served.prekeysOf(member, 1, 1)));
    const claimed: ClaimBundleResponse = await okJson(served.claim(first, member.id, conversation));
    expect(claimed).toMatchObject({ certificate: toBase64(member.certificate ?? expect.fail()) });
    expect(await served.sendAll(first, [message()])).toMatchObject([{ outcome: 'stored' }]);
    expect(await served.texts(member)).toEqual(['to the fleet']);
    await served.sendAll(member, [served.messageFor(member, first.id, conversation, 'from the fleet')]);
    const { messages } = await served.mailbox(first);
    expect(messages).toMatchObject([{ certificate: claimed.certificate }]);

    accepted(simulator.setStatus('revoke', member.id, simulator.authority, member.certificate));
    await served.push();
    await expectProblem(await served.send(member, 'GET', '/messages'), 'device_refused');
    expect(await served.sendAll(first, [message()])).toMatchObject([{ outcome: 'not_allowed' }]);
  });

  test('a certificate counts only with the signature over it, for its own device, and of an active fleet', async () => {
    const served = await ServedDirectory.begin(stack);
    const { simulator, first } = served;
    const fleet = simulator.delegate(first, ann);
    const other = simulator.delegate(first, ann);
    await served.push();
    const [member, second] = [served.member(fleet), served.member(fleet)];
    const ask = async (sender: typeof member, altered = {}) =>
      await served.send(sender, 'GET', '/messages', undefined, altered);
    await okJson(ask(member));
    const without = ({ 'anima-certificate': _, ...rest }: Record<string, string>) => rest;
    await expectProblem(await ask(member, { headers: without }), 'device_refused');
    const { certificate = expect.fail() } = second;
    const replaced = (headers: Record<string, string>) => ({ ...headers, 'anima-certificate': toBase64(certificate) });
    await expectProblem(await ask(member, { headers: replaced }), 'device_refused');
    await expectProblem(await ask({ ...member, certificate }), 'device_refused');
    const { certificate: _, ...bare } = member;
    await expectProblem(await ask(bare), 'device_refused');
    accepted(simulator.setStatus('suspend', other.id));
    await served.push();
    await expectProblem(await ask(served.member(other)), 'device_refused');
    await okJson(ask(member));
  });
});
