/** What follows when messages do not open (docs/format-sessions.md, section 8). */
import { describe, expect, test } from 'vitest';
import { type Bytes, concatBytes, encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { isEd25519PublicKey, signEd25519 } from '../../../core/hazmat/ed25519.ts';
import { openMessage, preKeysNeeded } from '../../../core/sessions/open-message.ts';
import { isHandshakeDue, sealMessage } from '../../../core/sessions/peer-sessions.ts';
import { encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import {
  acceptResync,
  createResync,
  isResync,
  isResyncDue,
  recordFailure,
  resyncAnswerType,
} from '../../../core/sessions/resync.ts';
import { createSession, day, flip, type Side } from './session-devices.ts';

const hour = 3_600_000;

const sendResync = (side: Side): Bytes => {
  const { set, bytes } = createResync(side.set, side.own, side.own.ikSecret, side.now, side.random);
  side.set = set;
  return bytes;
};
const obey = (side: Side, bytes: Uint8Array): boolean => {
  const accepted = acceptResync(side.set, side.own, bytes, side.now);
  if (accepted !== undefined) side.set = accepted.set;
  return accepted !== undefined;
};

/** A statement with some fields replaced, signed anew. */
function resigned(bytes: Uint8Array, secret: Uint8Array, changes: Readonly<Record<number, Uint8Array>>): Bytes {
  const statement = decodeFieldBytes((decodeFieldBytes(bytes.subarray(3)) ?? [])[0] ?? bytes) ?? [];
  const changed = encodeFieldBytes(...statement.map((field, at) => changes[at] ?? field));
  return concatBytes(bytes.subarray(0, 3), encodeFieldBytes(changed, signEd25519(secret, changed)));
}

describe('a resync', () => {
  test('is signed by a key that the directory accepts', () => {
    expect(isEd25519PublicKey(createSession('signer').a.own.device.ik)).toBe(true);
  });

  test('is due after three different messages did not open, and at most once an hour', () => {
    const { a, b } = createSession('three failures');
    const real = a.send('real');
    const fail = (...places: number[]) => {
      for (const at of places) {
        b.refuse(flip(real, at));
        b.set = recordFailure(b.set, flip(real, at));
      }
    };
    fail(50, 50, 50, 51);
    expect(isResyncDue(b.set, b.now)).toBe(false);
    fail(52);
    expect(isResyncDue(b.set, b.now)).toBe(true);
    sendResync(b);
    fail(53, 54, 55, 56, 57);
    expect(b.set.failures).toHaveLength(3);
    expect(isResyncDue(b.set, b.now + hour - 1)).toBe(false);
    expect(isResyncDue(b.set, b.now + hour)).toBe(true);
    // The session is as it was.
    expect(b.receive(real)).toBe('real');
  });

  test('leads to a new session, in which messages open again', () => {
    const { a, b } = createSession('new session');
    // B lost its newest state, so it cannot open what A sends.
    const old = b.set;
    b.receive(a.send('x'));
    a.receive(b.send('y'));
    b.set = old;
    for (const text of ['1', '2', '3']) {
      const bytes = a.send(text);
      b.refuse(bytes);
      b.set = recordFailure(b.set, bytes);
    }
    const { set, bytes, nonce } = createResync(b.set, b.own, b.own.ikSecret, b.now, b.random);
    b.set = set;
    expect(isResync(bytes)).toBe(true);
    expect(obey(a, bytes)).toBe(true);
    expect(isHandshakeDue(a.set, a.now)).toBe(true);
    b.set = recordFailure(b.set, bytes);
    a.begin(b.preKeys.bundle(true));
    const answer = { ...a.content(''), type: resyncAnswerType, conversation: '0'.repeat(32), body: nonce };
    const first = sealMessage(a.set, answer, a.now, a.random);
    a.set = first.set;
    const opened = openMessage(b.set, b.own, first.bytes, b.now, b.preKeys.load(preKeysNeeded(b.set, first.bytes)));
    expect(opened.content).toMatchObject({ type: 'anima/resync', body: nonce });
    b.set = opened.set;
    expect(b.receive(a.send('again'))).toBe('again');
    expect(b.set.failures).toEqual([]);
    expect(a.receive(b.send('heard'))).toBe('heard');
    expect(isHandshakeDue(a.set, a.now)).toBe(false);
  });

  test('integrity: is ignored unless the peer signed it for this device', () => {
    const { a, b } = createSession('forged resync');
    const { a: other } = createSession('other device');
    const bytes = sendResync(b);
    const before = encodePeerSessions(a.set);
    for (let at = 0; at < bytes.length; at++) expect(obey(a, flip(bytes, at))).toBe(false);
    for (let length = 0; length < bytes.length; length++) expect(obey(a, bytes.subarray(0, length))).toBe(false);
    expect(obey(a, concatBytes(bytes, Uint8Array.of(0)))).toBe(false);
    // Signed by another device, for another device, for another org, or by this device.
    expect(obey(a, resigned(bytes, other.own.ikSecret, {}))).toBe(false);
    const id = Buffer.from(other.own.device.id);
    const [forOther, fromOther] = [{ 3: id }, { 2: id }];
    for (const changes of [forOther, fromOther, { 1: Buffer.from('fedcba9876543210') }, { 0: Buffer.from('x') }]) {
      expect(obey(a, resigned(bytes, b.own.ikSecret, changes))).toBe(false);
    }
    for (const changes of [{ 4: new Uint8Array(15) }, { 5: new Uint8Array(17) }, { 6: new Uint8Array(7) }]) {
      expect(obey(a, resigned(bytes, b.own.ikSecret, changes))).toBe(false);
    }
    expect(obey(a, sendResync(a))).toBe(false);
    expect(obey(other, bytes)).toBe(false);
    const inOtherOrg = { ...a.own, org: 'fedcba9876543210' };
    expect(acceptResync(a.set, inOtherOrg, bytes, a.now)).toBeUndefined();
    expect(isHandshakeDue(a.set, a.now)).toBe(false);
    expect(a.set.resync.obeyed).toBe(0);
    expect(before.length).toBe(encodePeerSessions(a.set).length);
    expect(obey(a, resigned(bytes, b.own.ikSecret, { 4: new Uint8Array(0) }))).toBe(true);
  });

  test('is ignored if it is repeated, too old, from the future, or too soon', () => {
    const { a, b } = createSession('repeated resync');
    const first = sendResync(b);
    expect(obey(a, first)).toBe(true);
    b.now += 1;
    const second = sendResync(b);
    expect(obey(a, second)).toBe(false);
    a.now += hour - 1;
    expect(obey(a, second)).toBe(false);
    a.now += 1;
    expect(obey(a, first)).toBe(false);
    expect(obey(a, second)).toBe(true);
    a.now += hour;
    expect(obey(a, second)).toBe(false);
    b.now = a.now + day + 1;
    const future = sendResync(b);
    expect(obey(a, future)).toBe(false);
    b.now = a.now;
    const old = sendResync(b);
    a.now += 40 * day + 1;
    expect(obey(a, old)).toBe(false);
    a.now -= 1;
    expect(obey(a, old)).toBe(true);
  });
});
