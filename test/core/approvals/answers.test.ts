import { describe, expect, test } from 'vitest';
import {
  type AnswerContext,
  type ApprovalAnswer,
  judgeAnswer,
  readAnswer,
  signAnswer,
} from '../../../core/approvals/answer.ts';
import { approveRight } from '../../../core/approvals/approval-keys.ts';
import { encodeStatement, statementHash } from '../../../core/approvals/statement.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { bob, now, type TestDevice } from '../directory/directory-simulator.ts';
import { ApprovalScene, randomBytes } from './approval-fixture.ts';

function sceneWithAnswer() {
  const scene = new ApprovalScene();
  const facts = scene.facts();
  const statement = encodeStatement(facts);
  const yes: ApprovalAnswer = {
    org: facts.org,
    approval: facts.approval,
    statementHash: statementHash(statement),
    device: scene.phone.id,
    decision: 'yes',
    time: now + 1000,
    head: scene.state.head,
  };
  const judge = (answer: ApprovalAnswer, by: TestDevice = scene.phone, more: Partial<AnswerContext> = {}) => {
    const read = readAnswer(signAnswer(answer, by.ik)) ?? expect.fail('the answer was not read');
    const context = { state: scene.state, statement, facts, now: now + 2000, relationOf: scene.relationOf };
    return judgeAnswer(read, { ...context, ...more });
  };
  return { scene, facts, statement, yes, judge };
}

test('the answer of an approving device counts, whichever of the two it is, and comes back as it was', () => {
  const { scene, yes, judge } = sceneWithAnswer();
  expect(judge(yes)).toBeUndefined();
  expect(judge({ ...yes, device: scene.laptop.id, decision: 'no' }, scene.laptop)).toBeUndefined();
  const shares = { ...yes, sharesHash: randomBytes() };
  expect(readAnswer(signAnswer(shares, scene.phone.ik))?.answer).toEqual(shares);
});

describe('an answer does not count', () => {
  test('for another question, statement or org', () => {
    const { yes, judge } = sceneWithAnswer();
    for (const more of [
      { approval: 'anotherapproval0' },
      { statementHash: randomBytes() },
      { org: 'fedcba9876543210' },
    ] as const)
      expect(judge({ ...yes, ...more })).toBe('other_question');
  });

  test('if it has shares that were not asked for, or lacks those that were', () => {
    const { facts, yes, judge } = sceneWithAnswer();
    const sharesHash = randomBytes();
    const requestKey = new Uint8Array(32).fill(9);
    const asking = { ...facts, requestKey };
    const statement = encodeStatement(asking);
    const context = { statement, facts: asking };
    const asked = { ...yes, statementHash: statementHash(statement) };
    expect(judge({ ...yes, sharesHash })).toBe('other_shares');
    expect(judge(asked, undefined, context)).toBe('other_shares');
    expect(judge({ ...asked, sharesHash }, undefined, context)).toBeUndefined();
    expect(judge({ ...asked, decision: 'no', sharesHash }, undefined, context)).toBe('other_shares');
    expect(judge({ ...asked, decision: 'no' }, undefined, context)).toBeUndefined();
  });

  test('of an agent, of a device without the right, of another person, of a stranger', () => {
    const { scene, facts, yes, judge } = sceneWithAnswer();
    const { directory, phone } = scene;
    const agent = directory.add(phone, facts.person, 'agent', { can: [approveRight] });
    const plain = directory.add(phone, facts.person, 'owner');
    const other = directory.admit(bob, 'owner', { can: [approveRight] });
    for (const device of [agent, plain, other])
      expect(judge({ ...yes, device: device.id }, device)).toBe('not_approver');
    expect(judge({ ...yes, device: 'f'.repeat(32) })).toBe('not_approver');
  });

  test('of a pending device, so an admin cannot add one that answers', () => {
    const { scene, facts, yes, judge } = sceneWithAnswer();
    const ghost = scene.directory.admit(facts.person, 'owner', { can: [approveRight] });
    expect(judge({ ...yes, device: ghost.id }, ghost)).toBe('not_approver');
  });

  test.each(['suspend', 'revoke'] as const)('after %s of the device', (op) => {
    const { scene, yes, judge } = sceneWithAnswer();
    const subject = scene.phone.id;
    scene.directory.append(scene.directory.authority, { op, subject, certificate: new Uint8Array(0) });
    expect(judge(yes)).toBe('not_approver');
  });

  test('that somebody else signed in the name of the device, or changed', () => {
    const { scene, facts, statement, yes, judge } = sceneWithAnswer();
    expect(judge(yes, scene.laptop)).toBe('bad_signature');
    const [bytes, signature] = decodeFieldBytes(signAnswer({ ...yes, decision: 'no' }, scene.phone.ik)) ?? [];
    const [turned] = decodeFieldBytes(signAnswer(yes, scene.phone.ik)) ?? [];
    if (bytes === undefined || signature === undefined || turned === undefined) expect.fail('no answer');
    const read = readAnswer(encodeFieldBytes(turned, signature)) ?? expect.fail('not read');
    const context = { state: scene.state, statement, facts, now, relationOf: scene.relationOf };
    expect(judgeAnswer(read, context)).toBe('bad_signature');
  });

  test('when the question is over', () => {
    const { facts, yes, judge } = sceneWithAnswer();
    expect(judge(yes, undefined, { now: facts.expires - 1 })).toBeUndefined();
    expect(judge(yes, undefined, { now: facts.expires })).toBe('expired');
  });

  test('where the directory of the broker lacks entries that the device knows, or is another one', () => {
    const { scene, yes, judge } = sceneWithAnswer();
    const head = { seq: scene.state.head.seq + 1, hash: randomBytes() };
    expect(judge({ ...yes, head })).toBe('directory_behind');
    expect(judge({ ...yes, head: { seq: scene.state.head.seq, hash: randomBytes() } })).toBe('directory_forked');
    const earlier = scene.directory.log[2]?.before.head ?? expect.fail('no earlier head');
    expect(judge({ ...yes, head: earlier })).toBeUndefined();
    expect(judge({ ...yes, head: { seq: earlier.seq, hash: randomBytes() } })).toBe('directory_forked');
    expect(judge({ ...yes, head: earlier }, undefined, { relationOf: () => 'older' })).toBe('directory_unknown');
  });
});

test('what is not exactly an answer is not read', () => {
  const { scene, yes } = sceneWithAnswer();
  const signed = signAnswer(yes, scene.phone.ik);
  const parts = decodeFieldBytes(signed) ?? [];
  const fields = decodeFieldBytes(parts[0] ?? new Uint8Array(0)) ?? [];
  const mark = parts[1] ?? expect.fail('no signature');
  const replaced = (at: number, field: string | Uint8Array) =>
    encodeFieldBytes(encodeFieldBytes(...fields.map((one, index) => (index === at ? field : one))), mark);
  for (const changed of [
    signed.subarray(0, -1),
    encodeFieldBytes(...parts, ''),
    encodeFieldBytes(encodeFieldBytes(...fields, ''), mark),
    replaced(0, 'anima:approval-answer:v2'),
    replaced(5, 'maybe'),
    replaced(6, new Uint8Array(7)),
    replaced(9, new Uint8Array(31)),
    replaced(4, 'phone'),
  ])
    expect(readAnswer(changed)).toBeUndefined();
});
