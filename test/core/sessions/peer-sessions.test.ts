/** Several sessions with one peer, replays, backups and age (docs/format-sessions.md, section 7). */
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { frameKind, parseFrame } from '../../../core/sessions/message-frame.ts';
import { openMessage, preKeysNeeded } from '../../../core/sessions/open-message.ts';
import {
  beginSession,
  expireSessions,
  isHandshakeDue,
  type PeerSessions,
  requireHandshake,
  sealMessage,
} from '../../../core/sessions/peer-sessions.ts';
import { decodePeerSessions, encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import { sessionIdOf } from '../../../core/sessions/session.ts';
import { createPair, createSession, day, flip, type Side, textOf } from './session-devices.ts';

const idsOf = ({ sessions }: PeerSessions): string[] => sessions.map(sessionIdOf);
const isFirst = (bytes: Uint8Array): boolean => parseFrame(bytes)?.handshake !== undefined;
const backUp = ({ set }: Side): Bytes => encodePeerSessions(set);
const restore = (side: Side, bytes: Bytes): void => {
  side.set = decodePeerSessions(bytes);
};

describe('the session that a device sends on', () => {
  test('every message carries the handshake until the first answer, and each of them can be the first to arrive', () => {
    const { a, b } = createPair('until the answer');
    a.begin(b.preKeys.bundle(true));
    const sent = [a.send('one'), a.send('two'), a.send('three')];
    expect(sent.map(isFirst)).toEqual([true, true, true]);
    expect([2, 0, 1].map((at) => b.receive(sent[at] ?? new Uint8Array(0)))).toEqual(['three', 'one', 'two']);
    expect(b.set.sessions).toHaveLength(1);
    expect(a.receive(b.send('answer'))).toBe('answer');
    const next = a.send('four');
    expect([isFirst(next), frameKind(next), b.receive(next)]).toEqual([false, 3, 'four']);
  });

  test('a handshake is due without a session, after 7 days, and after 10,000 messages', () => {
    const { a, b } = createPair('due');
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
    expect(() => a.send()).toThrow(RangeError);
    a.begin(b.preKeys.bundle(true));
    expect(isHandshakeDue(a.set, a.now)).toBe(false);
    expect(isHandshakeDue(a.set, a.now + 7 * day - 1)).toBe(false);
    expect(isHandshakeDue(a.set, a.now + 7 * day)).toBe(true);
    const withCount = (count: number) => ({ ...a.set, sessions: a.set.sessions.map((one) => ({ ...one, count })) });
    a.set = withCount(9_999);
    expect(isHandshakeDue(a.set, a.now)).toBe(false);
    b.receive(a.send('the last one'));
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
  });

  test('a handshake that fails does not prevent sending', () => {
    const { a, b } = createSession('failed handshake');
    for (const side of [a, b]) side.now += 8 * day;
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
    const bundle = b.preKeys.bundle(true);
    const before = a.set;
    expect(() => a.begin({ ...bundle, spk: { ...bundle.spk, key: new Uint8Array(32) } })).toThrow(RangeError);
    expect(a.set).toBe(before);
    expect(b.receive(a.send('still here'))).toBe('still here');
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
  });

  test('a new session replaces the old one on both sides, and late messages of the old one do not bring it back', () => {
    const { a, b } = createSession('replaced');
    const late = b.send('late');
    for (const side of [a, b]) side.now += 8 * day;
    a.begin(b.preKeys.bundle(true));
    const [newId, oldId] = idsOf(a.set);
    expect(b.receive(a.send('new'))).toBe('new');
    expect(a.receive(late)).toBe('late');
    // It received last, but is due to be replaced.
    expect(idsOf(a.set)).toEqual([oldId, newId]);
    expect(isHandshakeDue(a.set, a.now)).toBe(false);
    expect(sealMessage(a.set, a.content('x'), a.now).sessionId).toBe(newId);
    expect(sealMessage(b.set, b.content('x'), b.now).sessionId).toBe(newId);
  });

  test('after simultaneous handshakes both sessions work, and the two devices agree on one', () => {
    const { a, b } = createPair('simultaneous');
    a.begin(b.preKeys.bundle(true));
    b.begin(a.preKeys.bundle(false));
    const [fromA, fromB] = [a.send('from a'), b.send('from b')];
    expect([a.receive(fromB), b.receive(fromA)]).toEqual(['from b', 'from a']);
    for (let turn = 0; turn < 3; turn++) {
      expect(b.receive(a.send(`a ${turn}`))).toBe(`a ${turn}`);
      expect(a.receive(b.send(`b ${turn}`))).toBe(`b ${turn}`);
    }
    const used = [a, b].map((side) => sealMessage(side.set, side.content('x'), side.now).sessionId);
    expect(used[0]).toBe(used[1]);
    expect([a.set.sessions.length, b.set.sessions.length]).toEqual([2, 2]);
  });
});

describe('replays', () => {
  test.each([true, false])('integrity: a first message does not open twice (one-time prekey %s)', (withOneTimeKey) => {
    const { a, b } = createPair(`replay ${withOneTimeKey}`);
    a.begin(b.preKeys.bundle(withOneTimeKey));
    const opening = a.send('opening');
    expect(b.receive(opening)).toBe('opening');
    b.refuse(opening);
    // The session is gone, but the signed prekey is not.
    b.now += 40 * day;
    b.set = expireSessions(b.set, new Set([1]), b.now);
    expect(b.set.sessions).toEqual([]);
    b.refuse(opening);
    expect(preKeysNeeded(b.set, opening)).toBeUndefined();
    expect(() => openMessage(b.set, b.own, opening, b.now, b.preKeys.load({ spk: 1, kem: 1, opk: undefined }))).toThrow(
      DecryptionError,
    );
    // Without the memory, it would open again: the memory ends with the signed prekey.
    b.set = expireSessions(b.set, new Set([2]), b.now);
    expect(b.set.handshakes).toEqual([]);
    if (withOneTimeKey) b.refuse(opening);
    else expect(b.receive(opening)).toBe('opening');
  });

  test('integrity: no message opens twice, whatever arrived in between', () => {
    const { a, b } = createSession('twice');
    const sent: Bytes[] = [];
    for (let i = 0; i < 12; i++) {
      const bytes = a.send(`${i}`);
      sent.push(bytes);
      if (i % 4 === 3) expect(a.receive(b.send('turn'))).toBe('turn');
      expect(b.receive(bytes)).toBe(`${i}`);
      for (const old of sent) b.refuse(old);
    }
  });

  test('at most 1,000 handshakes of a peer are remembered; further ones are refused until entries are forgotten', () => {
    const { a, b } = createPair('many handshakes');
    const filler = { ephemeral: new Uint8Array(32), spk: 0 };
    b.set = { ...b.set, handshakes: Array.from({ length: 1_000 }, () => filler) };
    a.begin(b.preKeys.bundle(true));
    const opening = a.send('opening');
    b.refuse(opening);
    b.set = expireSessions(b.set, new Set([1]), b.now);
    expect(b.receive(opening)).toBe('opening');
  });
});

describe('a device that was restored from a backup', () => {
  test('uses no key with the same nonce twice, and its messages open once or are refused', () => {
    const { a, b } = createSession('restored sender');
    b.receive(a.send('before the backup'));
    const backup = backUp(a);
    const before = [a.send('one'), a.send('two'), a.send('three')];
    b.receive(before[0] ?? backup);
    restore(a, backup);
    const after = [a.send('ONE'), a.send('TWO'), a.send('THREE')];
    const frames = [...before, ...after].map((bytes) => parseFrame(bytes) ?? expect.fail());
    const nameOf = (index: number) => `${frames[index]?.n} ${Buffer.from(frames[index]?.dh ?? []).toString('hex')}`;
    expect([0, 1, 2].map(nameOf)).toEqual([3, 4, 5].map(nameOf));
    expect(new Set(frames.map(({ nonce }) => Buffer.from(nonce).toString('hex'))).size).toBe(6);
    // The first one was delivered before. Of the second one, the copy that comes first opens.
    b.refuse(after[0] ?? backup);
    expect(b.receive(after[1] ?? backup)).toBe('TWO');
    b.refuse(before[1] ?? backup);
    expect(b.receive(before[2] ?? backup)).toBe('three');
    b.refuse(after[2] ?? backup);
  });

  test('that began a chain after the backup cannot continue in another one', () => {
    const { a, b } = createSession('restored before a chain');
    const backup = backUp(a);
    const before = a.send('one');
    restore(a, backup);
    const after = a.send('ONE');
    expect(parseFrame(after)?.dh).not.toEqual(parseFrame(before)?.dh);
    expect(b.receive(before)).toBe('one');
    b.refuse(after);
  });

  test('begins a new session, after which everything opens', () => {
    const { a, b } = createSession('restored and renewed');
    const backup = backUp(a);
    for (let turn = 0; turn < 3; turn++) {
      b.receive(a.send('x'));
      a.receive(b.send('y'));
    }
    restore(a, backup);
    a.refuse(b.send('of a chain that the backup does not know'));
    b.refuse(a.send('of an old chain'));
    a.set = requireHandshake(a.set);
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
    a.begin(b.preKeys.bundle(true));
    expect(b.receive(a.send('again'))).toBe('again');
    expect(a.receive(b.send('and back'))).toBe('and back');
  });

  test('opens again what it had opened after the backup, which the page states', () => {
    const { a, b } = createSession('restored receiver');
    const backup = backUp(b);
    const bytes = a.send('once more');
    expect(b.receive(bytes)).toBe('once more');
    restore(b, backup);
    expect(b.receive(bytes)).toBe('once more');
    b.refuse(bytes);
  });
});

describe('age', () => {
  test('a session is deleted 40 days after its last message, and never because a message does not open', () => {
    const { a, b } = createSession('forty days');
    const real = a.send('real');
    for (let i = 0; i < 200; i++) b.refuse(flip(real, 43 + (i % 100)));
    b.now += 40 * day - 1;
    b.set = expireSessions(b.set, new Set([1]), b.now);
    expect(b.receive(real)).toBe('real');
    b.now += 40 * day - 1;
    b.set = expireSessions(b.set, new Set([1]), b.now);
    expect(b.set.sessions).toHaveLength(1);
    b.set = expireSessions(b.set, new Set([1]), b.now + 1);
    expect(b.set.sessions).toEqual([]);
  });

  test('skipped keys are deleted without a message too', () => {
    const { a, b } = createSession('idle');
    a.send('lost');
    b.receive(a.send('next'));
    const skipped = (set: PeerSessions) => set.sessions[0]?.ratchet.chains[0]?.skipped.length;
    expect(skipped(expireSessions(b.set, new Set([1]), b.now + 7 * day - 1))).toBe(1);
    expect(skipped(expireSessions(b.set, new Set([1]), b.now + 7 * day))).toBe(0);
  });

  test('of more than 16 sessions, the one that received least recently is deleted', () => {
    const { a, b } = createSession('sixteen');
    const [first] = idsOf(b.set);
    const begin = () => {
      a.begin(b.preKeys.bundle(false));
      expect(b.receive(a.send('new'))).toBe('new');
      return idsOf(b.set)[0];
    };
    const second = begin();
    const late = b.set;
    for (let i = 2; i < 16; i++) begin();
    expect(b.set.sessions).toHaveLength(16);
    expect(idsOf(b.set).at(-1)).toBe(first);
    expect(idsOf(late)).toEqual([second, first]);
    begin();
    expect(b.set.sessions).toHaveLength(16);
    expect(idsOf(b.set)).not.toContain(first);
    expect(idsOf(b.set).at(-1)).toBe(second);
  });
});

describe('pure functions', () => {
  test('no function changes the set that it is given', () => {
    const { a, b } = createSession('pure');
    const late = a.send('late');
    const next = a.send('next');
    const [setA, setB] = [a.set, b.set];
    const before = [setA, setB].map((set) => Buffer.from(encodePeerSessions(set)).toString('hex'));
    sealMessage(setA, a.content('x'), a.now);
    beginSession(setA, a.own, b.preKeys.bundle(true), a.now);
    requireHandshake(setA);
    expireSessions(setB, new Set(), b.now + 100 * day);
    const opened = openMessage(setB, b.own, next, b.now);
    const again = openMessage(setB, b.own, next, b.now);
    expect([opened, again].map(({ content }) => textOf(content))).toEqual(['next', 'next']);
    expect(textOf(openMessage(opened.set, b.own, late, b.now).content)).toBe('late');
    expect([setA, setB].map((set) => Buffer.from(encodePeerSessions(set)).toString('hex'))).toEqual(before);
  });

  test('a set as bytes is the same set, and every other form is refused', () => {
    const { a, b } = createSession('codec');
    a.send('lost');
    b.receive(a.send('next'));
    a.begin(b.preKeys.bundle(false));
    for (const { set } of [a, b]) {
      const bytes = encodePeerSessions(set);
      expect(encodePeerSessions(decodePeerSessions(bytes))).toEqual(bytes);
      for (let length = 0; length < bytes.length; length += 7) {
        expect(() => decodePeerSessions(bytes.subarray(0, length))).toThrow(DecryptionError);
      }
      expect(() => decodePeerSessions(Buffer.concat([bytes, Buffer.alloc(4)]))).toThrow(DecryptionError);
      // A changed length, count or flag is found. A changed key is not: the caller authenticates the bytes.
      const text = Buffer.from(bytes);
      for (let at = 0; at < 26; at++) expect(() => decodePeerSessions(flip(text, at))).toThrow(DecryptionError);
    }
  });
});
