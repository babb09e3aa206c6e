/** What the service of sessions refuses, with which code, and that nothing changes. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { BeginEnrollmentResponse, SentMessage } from '../../contract/sessions/wire.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { createEnrollment } from '../../core/directory/enrollment.ts';
import { createInvite, inviteLookup, storedLookup } from '../../core/directory/invite.ts';
import { writeEntry } from '../../core/directory/write-entry.ts';
import { fromBase64, toBase64, toHex } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import {
  accepted,
  ann,
  bob,
  DirectorySimulator,
  factsOf,
  newDevice,
  now,
  type TestDevice,
} from '../core/directory/directory-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { type Alteration, okJson, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack();
let served: ServedDirectory;
/** Ann's phone, Bob's phone, and Ann's agent. */
let phone: TestDevice;
let bobs: TestDevice;
let agent: TestDevice;
let conversation: string;

beforeAll(async () => {
  served = await ServedDirectory.begin(stack);
  phone = served.first;
  bobs = served.simulator.admit(bob, 'owner');
  agent = served.simulator.add(phone, ann, 'agent');
  await served.push();
  conversation = await served.open(ann, [phone], [ann, bob]);
  await okJson(served.putBundle(bobs, served.bundleOf(bobs, 5), served.prekeysOf(bobs, 1, 2)));
});

const contents = async (): Promise<string> =>
  JSON.stringify([
    await stack.allItems(stack.table('SessionCustodyDirectoriesTable')),
    await stack.allItems(stack.table('SessionCustodyMailboxesTable')),
  ]);

/** Sends a request that must be refused with this code, and change nothing. */
async function refused(send: () => Promise<Response>, code: ErrorCode): Promise<void> {
  const before = await contents();
  await expectProblem(await send(), code);
  expect(await contents()).toBe(before);
}

describe('a request', () => {
  const ask = (altered: Alteration, device = phone) => served.send(device, 'GET', '/messages', undefined, altered);
  const cases: [string, (() => Promise<Response>) | (() => Response | Promise<Response>), ErrorCode][] = [
    ['with another method', () => ask({ target: { method: 'POST' } }), 'device_refused'],
    ['for another host', () => ask({ target: { authority: 'other.example' } }), 'device_refused'],
    ['for another path', () => ask({ target: { path: '/v1/session/acks' } }), 'device_refused'],
    ['with another query', () => ask({ target: { query: 'limit=1' } }), 'device_refused'],
    ['with another body', () => ask({ signedBody: '{}' }), 'device_refused'],
    ['of another device’s name', () => ask({ signer: { device: 'a'.repeat(32) } }), 'device_refused'],
    ['of an org that does not exist', () => ask({ signer: { org: 'a'.repeat(16) } }), 'device_refused'],
    ['without a signature', () => ask({ headers: () => ({}) }), 'device_refused'],
    [
      'signed 61 seconds ago',
      () => ask({ signer: { created: Math.floor(Date.now() / 1000) - 62 } }),
      'request_expired',
    ],
    ['signed in the future', () => ask({ signer: { created: Math.floor(Date.now() / 1000) + 90 } }), 'request_expired'],
    ['of a device that nobody admitted', () => ask({}, newDevice(served.org)), 'device_refused'],
  ];

  test.each(cases)('%s is refused', async (_, send, code) => {
    await refused(async () => await send(), code);
  });

  test('of a pending, suspended or expired device is refused, and counts again after `resume`', async () => {
    const pending = served.simulator.admit(ann, 'agent');
    const expired = served.simulator.add(phone, ann, 'agent', { expires: Date.now() - 1000 });
    const suspended = served.simulator.add(phone, ann, 'agent');
    await served.push();
    await okJson(served.send(suspended, 'GET', '/messages'));
    accepted(served.simulator.setStatus('suspend', suspended.id, phone.ik));
    await served.push();
    for (const device of [pending, expired, suspended]) await refused(() => ask({}, device), 'device_refused');
    served.simulator.append(served.simulator.authority, { op: 'resume', subject: suspended.id });
    await served.push();
    await okJson(ask({}, suspended));
  });

  test('of another org reaches nothing: its devices, its admin and its invites are strangers', async () => {
    const other = await ServedDirectory.begin(stack);
    const message = { to: phone.id, counter: 1, conversation, message: 'AAAA' };
    const before = await contents();
    const { messages } = await okJson<{ messages: SentMessage[] }>(
      other.send(other.first, 'POST', '/messages', { messages: [message] }),
    );
    expect(messages).toEqual([{ to: phone.id, counter: 1, outcome: 'not_allowed' }]);
    await expectProblem(await other.claim(other.first, bobs.id, conversation), 'not_allowed');
    const { signer, ...rest } = { signer: { org: served.org }, target: {} };
    await expectProblem(
      await other.send(other.first, 'GET', '/messages', undefined, { signer, ...rest }),
      'device_refused',
    );
    const { signed } = served.simulator.log.at(-1) ?? expect.fail();
    await expectProblem(await other.append(signed), 'entry_refused');
    expect(await contents()).toBe(before);
  });
});

describe('an entry', () => {
  const { authority } = new DirectorySimulator();

  test('that a client would stop at is refused with the reason', async () => {
    const { simulator } = served;
    const admit = { op: 'admit', device: factsOf(newDevice(served.org), bob, 'agent') } as const;
    const byStranger = writeEntry(served.state, admit, now, authority);
    const later = { ...served.state, head: { ...served.state.head, seq: served.state.head.seq + 5 } };
    const cases: [Uint8Array, string][] = [
      [byStranger, 'unknown_signer'],
      [writeEntry(later, admit, now, simulator.authority), 'bad_sequence'],
      [writeEntry({ ...served.state, org: 'a'.repeat(16) }, admit, now, simulator.authority), 'other_org'],
      [Buffer.from('odd'), 'malformed'],
    ];
    for (const [signed, reason] of cases) {
      const answer = await served.append(signed);
      expect(await answer.clone().text()).toContain(reason);
      await refused(() => served.append(signed), 'entry_refused');
    }
  });

  test('of an authority is not taken from a device, and one of a device not from an admin or from another device', async () => {
    const { simulator } = served;
    const byAuthority = writeEntry(
      served.state,
      { op: 'suspend', subject: agent.id, certificate: new Uint8Array() },
      now,
      simulator.authority,
    );
    await refused(() => served.appendAs(phone, byAuthority), 'entry_refused');
    const byPhone = writeEntry(
      served.state,
      { op: 'suspend', subject: agent.id, certificate: new Uint8Array() },
      now,
      phone.ik,
    );
    await refused(() => served.append(byPhone), 'entry_refused');
    await refused(() => served.appendAs(bobs, byPhone), 'entry_refused');
    const admit = { op: 'admit', device: factsOf(newDevice(served.org), bob, 'agent') } as const;
    await refused(() => served.appendAs(phone, writeEntry(served.state, admit, now, phone.ik)), 'entry_refused');
  });

  test('with a place that is taken is a conflict, and the same bytes again are not', async () => {
    const { signed } = served.simulator.log[1] ?? expect.fail();
    await okJson(served.append(signed));
    const { before } = served.simulator.log[1] ?? expect.fail();
    const other = writeEntry(
      before,
      { op: 'admit', device: factsOf(newDevice(served.org), ann, 'owner') },
      now,
      served.simulator.authority,
    );
    await refused(() => served.append(other), 'log_conflict');
  });

  test('that is void is stored', async () => {
    const outcome = served.simulator.setStatus('suspend', 'f'.repeat(32));
    expect(outcome).toMatchObject({ result: 'void', reason: 'unknown_subject' });
    await served.push();
  });
});

describe('an invite', () => {
  async function invited() {
    const invite = createInvite(served.org, new Uint8Array(32));
    const lookup = await inviteLookup(invite);
    const body = { invite: invite.id, person: bob, role: 'agent', stored: toBase64(storedLookup(lookup)) };
    const made = await stack.http('POST', '/v1/session/invites', { key: served.adminKey, body });
    expect(made.status).toBe(201);
    const path = `/v1/session/enrollments/${invite.org}/${invite.id}`;
    return { invite, path, body, lookup: toBase64(lookup) };
  }
  async function enrollment(
    { invite, path, lookup }: Awaited<ReturnType<typeof invited>>,
    device = newDevice(served.org),
  ) {
    const begun: BeginEnrollmentResponse = await okJson(stack.http('POST', path, { body: { lookup } }));
    const challenge = fromBase64(begun.challenge) ?? expect.fail();
    const { ik, dh, proof, possession } = await createEnrollment(invite, begun, device.ik, device.dh, challenge);
    return { lookup, ik: toBase64(ik), dh: toBase64(dh), proof: toBase64(proof), possession: toBase64(possession) };
  }

  test('that is unknown, expired, used, of another org, or without its secret is refused with one error', async () => {
    const made = await invited();
    const { path, lookup } = made;
    const wrong = toBase64(new Uint8Array(32));
    const unknown = path.replace(made.invite.id, randomId());
    const elsewhere = path.replace(served.org, (await stack.newOrg()).org);
    for (const [where, value] of [
      [path, wrong],
      [unknown, lookup],
      [elsewhere, lookup],
      [path.slice(0, -1), lookup],
    ] as const) {
      await refused(() => stack.http('POST', where, { body: { lookup: value } }), 'invite_refused');
      await refused(
        () => stack.http('POST', `${where}/directory`, { body: { lookup: value, after: 0 } }),
        'invite_refused',
      );
    }
    const table = stack.table('SessionCustodyDirectoriesTable');
    const secondsLeft = async () => {
      const { expiresAt } = await stack.getItem(table, { org: served.org, id: `invite/${made.invite.id}` });
      return (Date.parse(expiresAt?.S ?? '') - Date.now()) / 1_000;
    };
    expect(Math.abs((await secondsLeft()) - 600)).toBeLessThan(60);
    const sent = await enrollment(made);
    await refused(
      () => stack.http('PUT', path, { body: { ...sent, possession: toBase64(new Uint8Array(64)) } }),
      'invite_refused',
    );
    await refused(
      () => stack.http('PUT', path, { body: { ...sent, ik: toBase64(newDevice(served.org).ik.publicKey) } }),
      'invite_refused',
    );
    await okJson(stack.http('PUT', path, { body: sent }));
    const second = await enrollment(made);
    await refused(() => stack.http('PUT', path, { body: second }), 'invite_refused');
    await okJson(stack.http('PUT', path, { body: sent }));

    // The admin has a day for an enrollment that waits.
    expect(Math.abs((await secondsLeft()) - 86_400)).toBeLessThan(60);
    const item = await stack.getItem(table, { org: served.org, id: `invite/${made.invite.id}` });
    await stack.putItem(table, { ...item, expiresAt: { S: new Date(Date.now() - 1000).toISOString() } });
    await refused(() => stack.http('POST', path, { body: { lookup } }), 'invite_refused');
  });

  test('of two devices that send keys at the same time, one is stored', async () => {
    const made = await invited();
    const bodies = await Promise.all(Array.from({ length: 6 }, () => enrollment(made)));
    const answers = await Promise.all(bodies.map((body) => stack.http('PUT', made.path, { body })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('with an id that is taken is refused, and a deleted one is over', async () => {
    const { body, path, lookup } = await invited();
    const key = served.adminKey;
    const other = { ...body, person: ann };
    await refused(() => stack.http('POST', '/v1/session/invites', { key, body: other }), 'invite_exists');
    expect(await okJson(stack.http('DELETE', `/v1/session/invites/${body.invite}`, { key }))).toEqual({
      deleted: true,
    });
    expect(await okJson(stack.http('DELETE', `/v1/session/invites/${body.invite}`, { key }))).toEqual({
      deleted: false,
    });
    await refused(() => stack.http('POST', path, { body: { lookup } }), 'invite_refused');
  });

  test('beyond the 100 of an org is refused', async () => {
    const other = await ServedDirectory.begin(stack);
    const make = () =>
      stack.http('POST', '/v1/session/invites', {
        key: other.adminKey,
        body: { invite: randomId(), person: ann, role: 'agent', stored: toBase64(new Uint8Array(32)) },
      });
    for (let n = 0; n < 100; n++) expect((await make()).status).toBe(201);
    await refused(make, 'too_many_invites');
  });
});

describe('a bundle', () => {
  test('that a client would not accept is refused', async () => {
    const bundle = served.bundleOf(bobs, 6);
    const changed = new Uint8Array(bundle).with(60, 1);
    const expired = served.bundleOf(bobs, 6, Date.now() - 31 * 86_400_000);
    for (const one of [changed, expired, served.bundleOf(phone, 6), Buffer.from('odd')])
      await refused(() => served.putBundle(bobs, one), 'bundle_refused');
    const [first = expect.fail(), second = expect.fail()] = served.prekeysOf(bobs, 7, 8);
    for (const prekeys of [
      [second, first],
      [first, first],
      served.prekeysOf(phone, 7, 8),
      served.prekeysOf(bobs, 0, 1),
    ])
      await refused(() => served.putBundle(bobs, bundle, prekeys), 'bundle_refused');
  });

  test('that is older, or another one with the same seq, is outdated', async () => {
    await refused(() => served.putBundle(bobs, served.bundleOf(bobs, 4)), 'bundle_outdated');
    await refused(() => served.putBundle(bobs, served.bundleOf(bobs, 5)), 'bundle_outdated');
  });

  test('has at most 100 one-time prekeys', async () => {
    const device = served.simulator.add(phone, ann, 'agent');
    await served.push();
    const bundle = served.bundleOf(device);
    for (const from of [1, 51])
      await okJson(served.putBundle(device, bundle, served.prekeysOf(device, from, from + 49)));
    await refused(() => served.putBundle(device, bundle, served.prekeysOf(device, 101, 101)), 'too_many_prekeys');
  });

  test('of a device that may not be written to, or has none, is not given', async () => {
    const cases: [TestDevice, string, string | undefined, ErrorCode][] = [
      [agent, bobs.id, conversation, 'not_allowed'],
      [agent, bobs.id, undefined, 'not_allowed'],
      [bobs, bobs.id, conversation, 'not_allowed'],
      [phone, 'a'.repeat(32), conversation, 'not_allowed'],
      [phone, 'odd', conversation, 'not_allowed'],
      [phone, bobs.id, 'b'.repeat(32), 'not_allowed'],
      [bobs, phone.id, conversation, 'bundle_not_found'],
    ];
    for (const [device, from, within, code] of cases) await refused(() => served.claim(device, from, within), code);
    await refused(() => served.send(phone, 'GET', '/bundle'), 'bundle_not_found');
  });
});

describe('a statement', () => {
  test('that a client would not accept, or that the device did not sign, is refused', async () => {
    const good = served.statement(ann, [phone], [ann, bob]);
    const cases = [
      [phone, { ...good, statement: new Uint8Array(good.statement).with(80, 1) }],
      [phone, { ...good, id: conversation }],
      [bobs, good],
      [phone, served.statement(ann, [phone], [bob])],
      [bobs, served.statement(ann, [bobs], [ann, bob])],
      [agent, served.statement(ann, [agent], [ann])],
    ] as const;
    for (const [device, opened] of cases)
      await refused(() => served.putConversation(device, opened), 'conversation_refused');
  });

  test('that is not newer is a conflict; a newer one replaces it, and ends the part of who is not in it', async () => {
    const nonce = new Uint8Array(16).fill(9);
    const first = served.statement(ann, [phone], [ann, bob], [], { nonce });
    await okJson(served.putConversation(phone, first));
    await okJson(served.putConversation(phone, first));
    const listed = async (device: TestDevice) =>
      (await okJson<{ statements: string[] }>(served.send(device, 'GET', '/conversations'))).statements;
    expect(await listed(bobs)).toContain(toBase64(first.statement));
    const second = served.statement(ann, [phone], [ann], [], { nonce, version: 2 });
    await okJson(served.putConversation(phone, second));
    const other = served.statement(ann, [phone], [ann, bob], [], { nonce, version: 2 });
    await expectProblem(await served.putConversation(phone, other), 'conversation_conflict');
    await expectProblem(await served.putConversation(phone, first), 'conversation_conflict');
    expect(await listed(phone)).toContain(toBase64(second.statement));
    expect(await listed(bobs)).not.toContain(toBase64(first.statement));
    const message = served.messageFor(phone, bobs.id, first.id, 'x');
    expect(await served.sendAll(phone, [message])).toMatchObject([{ outcome: 'not_allowed' }]);
  });
});

test('malformed requests get 400 and change nothing', async () => {
  const malformed: [string, string, unknown][] = [
    ['POST', '/entries', { entry: '!' }],
    ['POST', '/entries', {}],
    ['PUT', '/bundle', { bundle: 'AAAA' }],
    ['POST', '/messages', { messages: [] }],
    ['POST', '/messages', { messages: [{ to: 'odd', counter: 1, message: 'AAAA' }] }],
    ['POST', '/messages', { messages: [{ to: phone.id, counter: -1, message: 'AAAA' }] }],
    ['POST', '/messages', { messages: [{ to: phone.id, counter: 2 ** 53, message: 'AAAA' }] }],
    ['POST', '/messages', { messages: [{ to: phone.id, counter: 1, message: 'AAA' }] }],
    ['POST', '/acks', { names: [`${phone.id}/01`] }],
    ['POST', '/acks', { names: [`${phone.id}/-1`] }],
    ['GET', '/entries?after=-1', undefined],
    ['GET', '/checkpoint?part=0', undefined],
    ['GET', '/messages?limit=101', undefined],
    ['GET', `/messages?after=${toHex(new Uint8Array(16))}`, undefined],
  ];
  for (const [method, path, body] of malformed)
    await refused(() => served.send(phone, method, path, body), 'invalid_request');
  // Counters between 2^53 and the 16 digits that a name can have.
  await okJson(served.send(phone, 'POST', '/acks', { names: [`${phone.id}/9999999999999999`] }));
});
