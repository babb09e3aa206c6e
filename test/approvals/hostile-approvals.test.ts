/**
 * Attacks on approvals: somebody who can write the tables, an admin with an authority key, devices without the right, and
 * replayed answers. The broker sends nothing unless a device of the person allowed exactly this (docs/approvals.md).
 */
import { describe, expect, test } from 'vitest';
import type { AskedApproval } from '../../contract/broker/wire.ts';
import { approveRight, deriveBrokerKeys, signApprovalKey } from '../../core/approvals/approval-keys.ts';
import { signStatement } from '../../core/approvals/question.ts';
import {
  type ApprovalStatement,
  encodeStatement,
  parseStatement,
  statementHash,
} from '../../core/approvals/statement.ts';
import { deviceIdOf } from '../../core/directory/directory-ids.ts';
import { relationTo } from '../../lambdas/approvals/entry-chain.ts';
import {
  ann,
  bob,
  DirectorySimulator,
  factsOf,
  newDevice,
  type TestDevice,
} from '../core/directory/directory-simulator.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { ApprovalWorld, refund } from './approval-world.ts';

const code = errorCodeOf;
const again = (approval: AskedApproval) => ({ ...refund, approval });
const noCertificate = new Uint8Array(0);

/** Puts an answer into the table, as the route would not. */
const forge = (world: ApprovalWorld, id: string, answer: Uint8Array) => world.store.change(id, { answer });

/** The use is still waiting: what is in the table counts as no answer. */
async function expectNotAllowed(world: ApprovalWorld, approval: AskedApproval): Promise<void> {
  expect(await world.send(again(approval))).toMatchObject({ approval: { state: 'asked' } });
  expect(world.broker.requests).toEqual([]);
}

describe('an answer in the table allows nothing if it is', () => {
  const signers: readonly [string, (world: ApprovalWorld) => TestDevice][] = [
    [
      'of an agent of the person, even with the right',
      ({ directory, phone }) => directory.add(phone, ann, 'agent', { can: [approveRight] }),
    ],
    ['of an owner’s device without the right', ({ directory, phone }) => directory.add(phone, ann, 'owner')],
    ['of another person', ({ directory }) => directory.admit(bob, 'owner', { can: [approveRight] })],
    [
      'of a device that an admin added, and nobody confirmed',
      ({ directory }) => directory.admit(ann, 'owner', { can: [approveRight] }),
    ],
    [
      'of the broker itself',
      ({ brokerId, seed }) => {
        const { ik, dh } = deriveBrokerKeys(seed.slice());
        return { id: brokerId, ik, dh: dh.key };
      },
    ],
  ];
  test.each(signers)('%s', async (_, signerOf) => {
    const world = await ApprovalWorld.create();
    const signer = signerOf(world);
    const approval = await world.ask();
    forge(world, approval.id, world.signed(approval.id, 'yes', signer));
    await expectNotAllowed(world, approval);
    // The route refuses it too, also if the service had asked this device.
    world.store.change(approval.id, { answer: undefined, devices: [world.phone.id, signer.id] });
    expect(await code(world.answer(approval.id, 'yes', signer))).toBe('answer_refused');
  });

  test.each(['suspend', 'revoke'] as const)('of a device after %s', async (op) => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    world.directory.append(world.directory.authority, { op, subject: world.phone.id, certificate: noCertificate });
    await expectNotAllowed(world, approval);
    // The other device of the person can still answer, in place of the answer that does not hold any more.
    await world.answer(approval.id, 'yes', world.laptop);
    expect(await world.send(again(approval))).toMatchObject({ status: 200 });
  });

  test('signed by somebody else in the name of a device', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.ask();
    const thief = { ...world.phone, ik: world.laptop.ik };
    forge(world, approval.id, world.signed(approval.id, 'yes', thief));
    await expectNotAllowed(world, approval);
    expect(await code(world.answer(approval.id, 'yes', thief))).toBe('answer_refused');
  });

  test('replayed from another question, also of the same request', async () => {
    const world = await ApprovalWorld.create();
    const first = await world.allowed();
    const answer = world.store.approvals.get(first.id)?.answer ?? expect.fail('no answer');
    expect(await world.send(again(first))).toMatchObject({ status: 200 });
    const second = await world.ask();
    forge(world, second.id, answer);
    expect(await world.send(again(second))).toMatchObject({ approval: { state: 'asked' } });
    expect(world.broker.requests).toHaveLength(1);
  });

  test('with shares, or with a head that the directory does not have', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.ask();
    const { head } = world.directory.state;
    for (const more of [
      { sharesHash: new Uint8Array(32) },
      { head: { seq: head.seq, hash: new Uint8Array(32) } },
      { head: { seq: 2, hash: new Uint8Array(32) } },
      { head: { seq: head.seq + 1, hash: new Uint8Array(32) } },
    ]) {
      const signed = world.signed(approval.id, 'yes', world.phone, more);
      forge(world, approval.id, signed);
      await expectNotAllowed(world, approval);
      world.store.change(approval.id, { answer: undefined });
      const body = { answer: Buffer.from(signed).toString('base64') };
      expect(await code(world.answers.answer(world.signer(world.phone), approval.id, body))).toBe('answer_refused');
    }
  });

  test('no answer at all', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.ask();
    for (const answer of [new Uint8Array(0), new Uint8Array(300)]) {
      forge(world, approval.id, answer);
      await expectNotAllowed(world, approval);
    }
    // Nor does it keep the person from answering.
    await world.answer(approval.id, 'no');
    expect(await code(world.send(again(approval)))).toBe('approval_denied');
  });
});

test('a device answers only in its own name, and only questions that it got', async () => {
  const world = await ApprovalWorld.create();
  const { id } = await world.ask();
  const answer = Buffer.from(world.signed(id, 'yes', world.laptop)).toString('base64');
  expect(await code(world.answers.answer(world.signer(world.phone), id, { answer }))).toBe('answer_refused');
  const plain = world.directory.add(world.phone, ann, 'owner', { can: [approveRight] });
  for (const [device, approval] of [
    [plain, id],
    [world.phone, 'b'.repeat(16)],
    [world.phone, '../../k'],
  ] as const)
    expect(await code(world.answers.answer(world.signer(device), approval, { refused: 'clock' }))).toBe(
      'approval_not_found',
    );
});

describe('a statement that this broker did not sign', () => {
  /** Replaces a question in the table by one about another request, which a device then allows. */
  async function replaced(world: ApprovalWorld, changes: Partial<ApprovalStatement>, seed: Uint8Array) {
    const approval = await world.ask();
    const stored = world.store.approvals.get(approval.id) ?? expect.fail('no approval');
    const facts = parseStatement(stored.statement) ?? expect.fail('no statement');
    const signed = signStatement({ ...facts, ...changes }, deriveBrokerKeys(seed).ik);
    world.store.change(approval.id, { ...signed });
    forge(
      world,
      approval.id,
      world.signed(approval.id, 'yes', world.phone, { statementHash: statementHash(signed.statement) }),
    );
    return approval;
  }

  test('allows nothing, also if another broker of the directory signed it', async () => {
    const world = await ApprovalWorld.create();
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const { ik, dh } = deriveBrokerKeys(seed.slice());
    const id = deviceIdOf(world.org, { ik: ik.publicKey, dh: dh.key });
    const facts = factsOf({ id, ik, dh: dh.key }, ann, 'broker');
    world.directory.append(world.directory.authority, { op: 'admit', device: facts });
    world.directory.countersign(world.phone, id);
    const approval = await replaced(world, { expires: world.now + 299_000 }, seed);
    expect(await code(world.send(again(approval)))).toBe('approval_not_found');
    expect(world.broker.requests).toEqual([]);
  });

  test('and one of this broker for another org, person or key', async () => {
    for (const [changes, expected] of [
      [{ person: bob }, 'approval_mismatch'],
      [{ org: 'fedcba9876543210' }, 'approval_mismatch'],
      [{ keyId: 'otherkeyotherkey' }, 'approval_not_found'],
      [{ host: 'evil.example' }, 'approval_mismatch'],
      [{ scope: { kind: 'time', path: '/**', uses: 1000 } }, 'approval_mismatch'],
    ] as const) {
      const world = await ApprovalWorld.create();
      const approval = await replaced(world, changes, world.seed.slice());
      expect(await code(world.send(again(approval)))).toBe(expected);
      expect(world.broker.requests).toEqual([]);
    }
  });

  test('is no longer the word of a broker that was suspended, also if it was allowed', async () => {
    const world = await ApprovalWorld.create();
    const approval = await world.allowed();
    const subject = world.brokerId;
    world.directory.append(world.directory.authority, { op: 'suspend', subject, certificate: noCertificate });
    expect(await code(world.send(again(approval)))).toBe('approver_unavailable');
    expect(world.broker.requests).toEqual([]);
  });
});

describe('the directory', () => {
  test('below the highest one that the broker used is refused, before anything is asked or sent', async () => {
    const world = await ApprovalWorld.create();
    const before = world.directory.state;
    const subject = world.laptop.id;
    world.directory.append(world.directory.authority, { op: 'suspend', subject, certificate: noCertificate });
    const approval = await world.ask();
    forge(world, approval.id, world.signed(approval.id, 'yes', world.laptop, { head: before.head }));
    await expectNotAllowed(world, approval);
    // Somebody takes the newest entry away: the laptop would be active again.
    world.shown = before;
    expect(await code(world.send(again(approval)))).toBe('directory_refused');
    world.broker.pass(300_000);
    expect(await code(world.send())).toBe('directory_refused');
    expect(world.broker.requests).toEqual([]);
  });

  test('with another history is refused, also with more entries', async () => {
    const world = await ApprovalWorld.create();
    await world.ask();
    const { seq } = JSON.parse(world.marks.stored.get(world.org)?.text ?? '{}');
    expect(seq).toBe(world.directory.state.head.seq);
    // Another branch from an earlier state, with the same first entry.
    const branch = new DirectorySimulator(world.org);
    for (const { signed } of world.directory.log.slice(0, 2)) branch.take(signed);
    const { authority } = world.directory;
    for (let more = 0; more < seq; more++)
      branch.append(authority, { op: 'admit', device: factsOf(newDevice(world.org), more === 0 ? bob : ann, 'owner') });
    world.directory.log.splice(0, world.directory.log.length, ...branch.log);
    world.shown = branch.state;
    world.broker.pass(300_000);
    expect(await code(world.send())).toBe('directory_refused');
  });

  test('a mark that the vault did not make is refused', async () => {
    const world = await ApprovalWorld.create();
    await world.ask();
    const stored = world.marks.stored.get(world.org) ?? expect.fail('no mark');
    world.marks.stored.set(world.org, { ...stored, text: stored.text.replace(/"seq":\d+/, '"seq":1') });
    world.broker.pass(300_000);
    await expect(world.send()).rejects.toThrow();
    expect(world.store.questions.size).toBe(2);
  });

  test('the relation of a head is found by going back through the hashes, and not by what the table says', async () => {
    const { directory } = await ApprovalWorld.create();
    const { head, org } = directory.state;
    const log = directory.log.map(({ signed }, index) => ({ seq: index + 1, signed }));
    const store = (entries = log) => ({
      listEntries: async (_: string, after: number) => ({
        entries: entries.filter(({ seq }) => seq > after),
        more: false,
      }),
    });
    const hashOf = (seq: number) => directory.log[seq]?.before.head.hash ?? head.hash;
    for (let seq = 1; seq < head.seq; seq++) {
      expect(await relationTo(store(), org, head, { seq, hash: hashOf(seq) }, 100)).toBe('known');
      expect(await relationTo(store(), org, head, { seq, hash: new Uint8Array(32) }, 100)).toBe('forked');
    }
    const foreign = (await ApprovalWorld.create()).directory.log.map(({ signed }, at) => ({ seq: at + 1, signed }));
    expect(await relationTo(store(foreign), org, head, { seq: 1, hash: hashOf(1) }, 100)).toBe('older');
    expect(await relationTo(store(log.slice(0, -1)), org, head, { seq: 1, hash: hashOf(1) }, 100)).toBe('older');
    expect(await relationTo(store(), org, head, { seq: 1, hash: hashOf(1) }, 1)).toBe('older');
    expect(await relationTo(store(), org, head, { seq: head.seq + 1, hash: hashOf(1) }, 100)).toBe('ahead');
  });
});

describe('keys to which questions are sealed', () => {
  test('that the device did not sign get no question', async () => {
    const world = await ApprovalWorld.create();
    const laptop = world.store.keys.get(world.laptop.id) ?? expect.fail('no key');
    world.store.keys.set(world.phone.id, laptop);
    expect(await world.send()).toMatchObject({ approval: { devices: 1 } });
    expect([...world.store.questions.keys()].map((id) => id.split('/')[0])).toEqual([world.laptop.id]);
  });

  test('are published only by a device with the right, signed by it, and not older than the stored one', async () => {
    const world = await ApprovalWorld.create();
    const signed = world.store.keys.get(world.phone.id) ?? expect.fail('no key');
    expect(await world.answers.putKey(world.signer(world.phone), signed)).toEqual({ device: world.phone.id });
    expect(await code(world.answers.putKey(world.signer(world.laptop), signed))).toBe('approval_key_refused');
    const plain = world.directory.add(world.phone, ann, 'owner');
    expect(await code(world.answers.putKey(world.signer(plain), signed))).toBe('approval_key_refused');
    const key = { device: world.phone.id, ak: world.phoneKey, time: world.now + 1 };
    world.store.keys.set(world.phone.id, signApprovalKey(world.org, key, world.phone.ik));
    expect(await code(world.answers.putKey(world.signer(world.phone), signed))).toBe('approval_key_refused');
  });
});

test('times that somebody writes into the row of the newest question do not block the key', async () => {
  const world = await ApprovalWorld.create();
  await world.ask();
  const [asker, pointer] = [...world.store.pointers][0] ?? expect.fail('no pointer');
  const other = { ...refund, form: { charge: 'ch_2', amount: '1' } };
  const far = Number.MAX_SAFE_INTEGER;
  for (const times of [{ asked: far }, { expires: far }, { asked: far, expires: far, misses: far }]) {
    world.broker.pass(1_000);
    world.store.pointers.set(asker, { ...pointer, ...times });
    expect(await world.send(other)).toMatchObject({ approval: { state: 'asked' } });
  }
});

test('a question that no device can verify ends with the reasons; one device alone cannot end it', async () => {
  const world = await ApprovalWorld.create();
  const approval = await world.ask();
  await world.answers.answer(world.signer(world.phone), approval.id, { refused: 'clock' });
  expect((await world.answers.list(world.signer(world.phone))).approvals).toEqual([]);
  expect((await world.answers.list(world.signer(world.laptop))).approvals).toHaveLength(1);
  await expectNotAllowed(world, approval);
  await world.answers.answer(world.signer(world.laptop), approval.id, { refused: 'unknown_broker' });
  await expect(world.send(again(approval))).rejects.toMatchObject({
    code: 'approval_refused',
    extras: { detail: 'Reasons: clock, unknown_broker. Nothing was sent.' },
  });
});

test('an earlier row that somebody puts back is bound by the time of the question', async () => {
  const world = await ApprovalWorld.create();
  const approval = await world.allowed();
  const before = world.store.approvals.get(approval.id) ?? expect.fail('no approval');
  expect(await world.send(again(approval))).toMatchObject({ status: 200 });
  world.store.approvals.set(approval.id, before);
  // The limit that docs/approvals.md, section 7, states.
  expect(await world.send(again(approval))).toMatchObject({ status: 200 });
  expect(new Set(world.broker.started.map((proof) => proof?.approval))).toEqual(new Set([approval.id]));
  world.store.approvals.set(approval.id, before);
  world.broker.pass(300_000);
  expect(await code(world.send(again(approval)))).toBe('approval_expired');
});

test('the service encodes what it compares: a statement comes back byte for byte', async () => {
  const world = await ApprovalWorld.create();
  const { id } = await world.ask();
  const { statement } = world.store.approvals.get(id) ?? expect.fail('no approval');
  expect(encodeStatement(parseStatement(statement) ?? expect.fail('no statement'))).toEqual(statement);
});
