/** Forward secrecy, recovery and skipped messages (docs/format-sessions.md, section 3). */
import { describe, expect, test } from 'vitest';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { eraseReplacedSecrets, type PeerSessions } from '../../../core/sessions/peer-sessions.ts';
import { decodePeerSessions, encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import { secretsOf } from '../../../core/sessions/ratchet-state.ts';
import { createPair, createSession, day, type Side } from './session-devices.ts';

/** A copy of everything that a device stores. */
const copyOf = (set: PeerSessions): PeerSessions => decodePeerSessions(encodePeerSessions(set));
const skippedOf = ({ set }: Side): number[] =>
  set.sessions.flatMap(({ ratchet }) => ratchet.chains.map(({ skipped }) => skipped.length));

const secretsIn = ({ set }: Side): string[] =>
  set.sessions.flatMap(({ ratchet }) => secretsOf(ratchet)).map((secret) => Buffer.from(secret).toString('hex'));

/** Lets `to` open what `from` sends, and returns the messages. */
const talk = (from: Side, to: Side, count = 1): Bytes[] =>
  Array.from({ length: count }, (_, at) => {
    const bytes = from.send(`talk ${at}`);
    expect(to.receive(bytes)).toBe(`talk ${at}`);
    return bytes;
  });

describe('C3, forward secrecy', () => {
  test('the state after a message opens no earlier message of any chain, in either direction', () => {
    const { a, b } = createSession('forward secrecy');
    const opened: { by: Side; bytes: Bytes }[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const [from, to] = turn % 2 === 0 ? [a, b] : [b, a];
      const [late, ...rest] = [from.send('late'), from.send('one'), from.send('two')];
      for (const bytes of rest) to.receive(bytes);
      to.receive(late);
      opened.push(...[late, ...rest].map((bytes) => ({ by: to, bytes })));
      for (const { by, bytes } of opened) by.refuse(bytes);
    }
    expect(opened).toHaveLength(18);
  });

  test('a stored state contains no secret that an earlier state had and this one has not', () => {
    const { a, b } = createSession('old secrets');
    const seen = new Set<string>();
    for (let turn = 0; turn < 8; turn++) {
      for (const secret of [...secretsIn(a), ...secretsIn(b)]) seen.add(secret);
      if (turn % 2 === 0) talk(a, b, 2);
      else talk(b, a, 2);
    }
    for (const side of [a, b]) {
      const stored = Buffer.from(encodePeerSessions(side.set));
      const found = [...seen].filter((secret) => stored.includes(Buffer.from(secret, 'hex')));
      expect(secretsIn(side)).toEqual(expect.arrayContaining(found));
    }
    expect(seen.size).toBeGreaterThan(20);
  });

  test('the secrets of a state are zeroed when its successor was stored, and the successor works', () => {
    const { a, b } = createSession('erasing');
    const before = b.set;
    const secrets = before.sessions.flatMap(({ ratchet }) => secretsOf(ratchet));
    const skipped = a.send('skipped');
    talk(a, b);
    eraseReplacedSecrets(before, b.set);
    const kept = new Set(b.set.sessions.flatMap(({ ratchet }) => secretsOf(ratchet)));
    const replaced = secrets.filter((secret) => !kept.has(secret));
    expect(replaced.length).toBeGreaterThan(0);
    for (const secret of replaced) expect(secret).toEqual(new Uint8Array(32));
    expect(b.receive(skipped)).toBe('skipped');
    talk(b, a);
    talk(a, b);
  });
});

describe('C4, recovery from compromise', () => {
  test.each(['a', 'b'] as const)('after one full turn, a leaked state of %s opens nothing new', (victim) => {
    const { a, b } = createSession(`recovery ${victim}`);
    const [leaking, other] = victim === 'a' ? [a, b] : [b, a];
    talk(leaking, other);
    const attacker = createPair('unused').a;
    attacker.set = copyOf(leaking.set);
    // The attacker reads until the victim has made a new ratchet key.
    const [answer] = talk(other, leaking);
    expect(attacker.receive(answer ?? new Uint8Array(0))).toBe('talk 0');
    talk(leaking, other);
    for (let turn = 0; turn < 3; turn++) {
      for (const bytes of talk(other, leaking, 3)) attacker.refuse(bytes);
      talk(leaking, other);
    }
  });

  test('a state that leaks between a received and the next sent message is useless from the next turn on', () => {
    const { a, b } = createSession('deferred');
    talk(b, a);
    const attacker = createPair('unused').a;
    attacker.set = copyOf(a.set);
    talk(a, b);
    for (const bytes of talk(b, a)) attacker.refuse(bytes);
  });
});

describe('skipped messages', () => {
  test('1,000 messages can be skipped at once and open later; 1,001 cannot', () => {
    const { a, b } = createSession('a thousand');
    const lost = Array.from({ length: 1_000 }, () => a.send('late'));
    const [next, tooFar] = [a.send('next'), a.send('too far')];
    b.refuse(tooFar);
    expect(b.receive(next)).toBe('next');
    expect(skippedOf(b)).toEqual([1_000]);
    for (const at of [999, 0, 500]) expect(b.receive(lost[at] ?? next)).toBe('late');
    expect(b.receive(tooFar)).toBe('too far');
    expect(skippedOf(b)).toEqual([997]);
  });

  test('the limit also holds for the messages before a turn', () => {
    for (const [count, isOpened] of [
      [1_000, true],
      [1_001, false],
    ] as const) {
      const { a, b } = createSession(`before a turn ${count}`);
      talk(a, b);
      for (let i = 0; i < count; i++) a.send('lost');
      talk(b, a);
      const turned = a.send('turned');
      if (isOpened) expect(b.receive(turned)).toBe('turned');
      else b.refuse(turned);
    }
  });

  test('of more than 2,000 skipped keys in all, and of more than 1,000 of a chain, the oldest are deleted', () => {
    const { a, b } = createSession('two thousand');
    const oldest = a.send('oldest');
    for (let chain = 0; chain < 2; chain++) {
      for (let i = chain; i < 900; i++) a.send('lost');
      talk(a, b);
      talk(b, a);
    }
    expect(skippedOf(b)).toEqual([899, 901]);
    // 600 and 600 in one chain.
    for (let i = 0; i < 600; i++) a.send('lost');
    talk(a, b);
    const [second, ...rest] = Array.from({ length: 600 }, () => a.send('late'));
    talk(a, b);
    expect(skippedOf(b)).toEqual([1_000, 899, 101]);
    b.refuse(oldest);
    for (const bytes of [second, rest.at(-1)]) expect(b.receive(bytes ?? oldest)).toBe('late');
  });

  test('skipped keys are kept for five chains', () => {
    const { a, b } = createSession('five chains');
    const late: Bytes[] = [];
    for (let chain = 0; chain < 6; chain++) {
      late.push(a.send(`late ${chain}`));
      talk(a, b);
      talk(b, a);
    }
    expect(skippedOf(b)).toEqual([1, 1, 1, 1, 1]);
    const [first, ...rest] = late;
    b.refuse(first ?? new Uint8Array(0));
    for (const [at, bytes] of rest.entries()) expect(b.receive(bytes)).toBe(`late ${at + 1}`);
    // Chains without skipped keys do not count.
    expect(b.set.sessions[0]?.ratchet.chains).toHaveLength(1);
  });

  test('a skipped key is deleted after 7 days', () => {
    for (const [age, isOpened] of [
      [7 * day - 1, true],
      [7 * day, false],
    ] as const) {
      const { a, b } = createSession(`seven days ${age}`);
      const late = a.send('late');
      talk(a, b);
      b.now += age;
      if (isOpened) expect(b.receive(late)).toBe('late');
      else b.refuse(late);
      talk(a, b);
      expect(skippedOf(b)).toEqual([0]);
    }
  });
});
