/** Who may write to whom (docs/format-directory.md, section 7), and the statements of conversations. */
import { describe, expect, test } from 'vitest';
import {
  type ConversationFacts,
  encodeConversation,
  joinConversation,
  readConversation,
  replacesConversation,
  signConversation,
} from '../../../core/directory/conversation.ts';
import { findParticipant, mayWrite } from '../../../core/directory/may-write.ts';
import { encodeFieldBytes, u32Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import {
  accepted,
  ann,
  bob,
  DirectorySimulator,
  later,
  now,
  org,
  otherOrg,
  type TestDevice,
} from './directory-simulator.ts';

const directory = new DirectorySimulator().begin();
const [annPhone, bobPhone] = [directory.admit(ann, 'owner'), directory.admit(bob, 'owner', { expires: later })];
const annLaptop = directory.add(annPhone, ann, 'owner');
const annAgent = directory.add(annPhone, ann, 'agent');
const bobAgent = directory.add(bobPhone, bob, 'agent');
const annBroker = directory.add(annPhone, ann, 'broker');
const outsider = directory.admit('carolcarolcarolc', 'owner');
const ghost = directory.admit(bob, 'owner');
const { state } = directory;

const facts: ConversationFacts = {
  host: ann,
  nonce: new Uint8Array(16).fill(1),
  version: 1,
  persons: [ann, bob],
  agents: [annAgent.id, bobAgent.id, annBroker.id].toSorted(),
  time: now,
  head: state.head,
};

const sign = (of: Partial<ConversationFacts>, ...by: readonly TestDevice[]) => {
  const statement = encodeConversation(org, { ...facts, ...of });
  return joinConversation(
    statement,
    by.map(({ id, ik }) => ({ device: id, signature: signConversation(statement, ik) })),
  );
};
const open = (of: Partial<ConversationFacts>, ...by: readonly TestDevice[]) =>
  readConversation(state, sign(of, ...by)) ?? expect.fail('no conversation');
const both = open({}, annPhone, bobPhone);

describe('owners and agents: a conversation that an owner opened', () => {
  test('lets exactly its participants write to each other', () => {
    const participants = [annPhone, annLaptop, bobPhone, annAgent, bobAgent, annBroker];
    const others = [outsider, ghost];
    for (const from of [...participants, ...others])
      for (const to of [...participants, ...others]) {
        const expected = from !== to && participants.includes(from) && participants.includes(to);
        expect(mayWrite(state, from.id, to.id, now, both)).toBe(expected);
        expect(mayWrite(state, from.id, to.id, now)).toBe(false);
      }
  });

  test('has no agent of a person who did not sign', () => {
    const one = open({}, annPhone);
    expect(mayWrite(state, annPhone.id, bobPhone.id, now, one)).toBe(true);
    expect(mayWrite(state, annPhone.id, annAgent.id, now, one)).toBe(true);
    expect(mayWrite(state, annPhone.id, bobAgent.id, now, one)).toBe(false);
    expect(mayWrite(state, bobAgent.id, annAgent.id, now, one)).toBe(false);
  });

  test('does not count for an agent, a broker, a pending device or a stranger as signer', () => {
    for (const signer of [annAgent, annBroker, ghost, outsider])
      expect(readConversation(state, sign({}, signer))).toBeUndefined();
    // The pending device of Bob is an owner's device, so its signature is read, but the statement does not count.
    const withGhost = readConversation(state, sign({}, annPhone, ghost)) ?? expect.fail();
    expect(mayWrite(state, annPhone.id, annAgent.id, now, withGhost)).toBe(false);
    expect(readConversation(state, sign({}, annPhone, outsider))).toBeUndefined();
  });

  test('is opened by the host first, each device once, with all lists in order', () => {
    expect(readConversation(state, sign({}, bobPhone, annPhone))).toBeUndefined();
    expect(readConversation(state, sign({}, annPhone, annPhone))).toBeUndefined();
    expect(readConversation(state, sign({}))).toBeUndefined();
    expect(readConversation(state, sign({ version: 0 }, annPhone))).toBeUndefined();
    expect(readConversation(state, sign({ persons: [bob] }, annPhone))).toBeUndefined();
    expect(readConversation(state, sign({ persons: [ann, ann] }, annPhone))).toBeUndefined();
    expect(
      readConversation(
        state,
        sign(
          { persons: Array.from({ length: 17 }, (_, n) => `${ann.slice(2)}${String(n).padStart(2, '0')}`).concat(ann) },
          annPhone,
        ),
      ),
    ).toBeUndefined();
    expect(readConversation(state, sign({ agents: ['x'] }, annPhone))).toBeUndefined();
  });

  test('that anybody changed is refused, as is one of another org', () => {
    const signed = sign({}, annPhone, bobPhone);
    for (let at = 4; at < signed.length; at += 3)
      expect(readConversation(state, signed.with(at, (signed[at] ?? 0) ^ 1) as typeof signed)).toBeUndefined();
    const other = encodeConversation(otherOrg, facts);
    const foreign = joinConversation(other, [{ device: annPhone.id, signature: signConversation(other, annPhone.ik) }]);
    expect(readConversation(state, foreign)).toBeUndefined();
    const [statement = expect.fail(), ...rest] = decodeFieldBytes(signed) ?? [];
    const fields = decodeFieldBytes(statement) ?? [];
    const newer = encodeFieldBytes(...fields.slice(0, 4), u32Bytes(9), ...fields.slice(5));
    expect(readConversation(state, encodeFieldBytes(newer, ...rest))).toBeUndefined();
  });

  test('is replaced by a higher version only, and only by its host', () => {
    const next = open({ version: 2, persons: [ann] }, annLaptop);
    expect([replacesConversation(undefined, both), replacesConversation(both, next)]).toEqual([true, true]);
    expect(replacesConversation(next, both)).toBe(false);
    expect(replacesConversation(next, next)).toBe(true);
    expect(replacesConversation(next, open({ version: 2 }, annPhone))).toBe(false);
    expect(mayWrite(state, annPhone.id, bobPhone.id, now, next)).toBe(false);
    // Another host has another id, although the nonce is the same.
    const taken = open({ version: 3, host: bob }, bobPhone);
    expect(taken.id).not.toBe(both.id);
    expect(replacesConversation(both, taken)).toBe(false);
    expect(open({ version: 2, nonce: new Uint8Array(16) }, annPhone).id).not.toBe(both.id);
  });
});

describe('suspension and revocation: mail in the midst of a conversation', () => {
  const later2 = (change: (of: DirectorySimulator) => void) => {
    const copy = Object.assign(Object.create(DirectorySimulator.prototype), directory, { state, log: [] });
    change(copy);
    return copy.state as typeof state;
  };

  test('stops to and from a device that is suspended or revoked, and goes on after it is resumed', () => {
    for (const op of ['suspend', 'revoke'] as const) {
      const changed = later2((of) => accepted(of.setStatus(op, annAgent.id)));
      for (const [from, to] of [
        [annPhone, annAgent],
        [annAgent, annPhone],
      ] as const) {
        expect(mayWrite(state, from.id, to.id, now, both)).toBe(true);
        expect(mayWrite(changed, from.id, to.id, now, both)).toBe(false);
      }
      expect(mayWrite(changed, annPhone.id, bobAgent.id, now, both)).toBe(true);
    }
    const resumed = later2((of) => {
      accepted(of.setStatus('suspend', annAgent.id, annPhone.ik));
      of.append(of.authority, { op: 'resume', subject: annAgent.id });
    });
    expect(mayWrite(resumed, annPhone.id, annAgent.id, now, both)).toBe(true);
  });

  test('stops when a signer of the statement is revoked or expires, until another device signs', () => {
    const revoked = later2((of) => accepted(of.setStatus('revoke', annPhone.id)));
    expect(mayWrite(revoked, annLaptop.id, annAgent.id, now, both)).toBe(false);
    const signed = readConversation(revoked, sign({ version: 2 }, annLaptop, bobPhone)) ?? expect.fail();
    expect(mayWrite(revoked, annLaptop.id, annAgent.id, now, signed)).toBe(true);
    expect(mayWrite(state, annLaptop.id, annAgent.id, later, both)).toBe(false);
    expect(findParticipant(state, bobPhone.id, later - 1)?.id).toBe(bobPhone.id);
    expect(findParticipant(state, bobPhone.id, later)).toBeUndefined();
  });

  test('goes to a further device of a person only after that person countersigned it', () => {
    expect(mayWrite(state, annPhone.id, ghost.id, now, both)).toBe(false);
    const confirmed = later2((of) => of.countersign(bobPhone, ghost.id));
    expect(mayWrite(confirmed, annPhone.id, ghost.id, now, both)).toBe(true);
  });

  test('tenant isolation: it never reaches another org: its devices are unknown here, and its conversations do not count', () => {
    const foreign = new DirectorySimulator(otherOrg).begin();
    const device = foreign.admit(ann, 'owner');
    expect(mayWrite(state, annPhone.id, device.id, now, both)).toBe(false);
    expect(mayWrite(foreign.state, device.id, annPhone.id, now, both)).toBe(false);
    expect(mayWrite(state, annPhone.id, annAgent.id, now, { ...both, org: otherOrg })).toBe(false);
  });
});
