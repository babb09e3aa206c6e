/** Bytes that the peer did not send to this device (docs/format-sessions.md, sections 2 to 4). */
import { describe, expect, test } from 'vitest';
import { type Bytes, concatBytes } from '../../../core/encoding/bytes.ts';
import type { PreKeyBundle } from '../../../core/sessions/device-keys.ts';
import { noSessions } from '../../../core/sessions/peer-sessions.ts';
import { encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import {
  createDevice,
  createPair,
  createSession,
  flip,
  PreKeys,
  peerKeysOf,
  Side,
  seededRandom,
} from './session-devices.ts';

/** Where the parts of the messages begin: kind 3, and kind 2. */
const places = { dh: 3, pn: 35, n: 39, nonce: 43, ciphertext: 67 };
const first = { ephemeral: 3, device: 35, spk: 51, kem: 55, opk: 59, kemCiphertext: 63, dh: 1_151, end: 1_487 };

/** Encodings of points of low order (RFC 7748 section 6.1), some of them not canonical. */
const lowOrderKeys = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
].map((text) => new Uint8Array(Buffer.from(text, 'hex')));

const replace = (bytes: Uint8Array, at: number, part: Uint8Array): Bytes => {
  const changed = new Uint8Array(bytes);
  changed.set(part, at);
  return changed;
};

describe('C1, the tag is checked before the state changes', () => {
  test('10,000 forged frames leave the state byte-identical, and the real ones open afterwards', () => {
    const { a, b } = createSession('ten thousand');
    const late = a.send('late');
    expect(b.receive(a.send('known'))).toBe('known');
    const [real, random] = [a.send('real'), seededRandom('forgeries')];
    const before = encodePeerSessions(b.set);
    const oldSet = b.set;
    for (let i = 0; i < 10_000; i++) {
      // Most name a chain and a number that exist, because those come closest. The others cost more time.
      const at = i % 40 === 0 ? places.dh : i % 40 === 1 ? places.n + 2 : places.nonce;
      const source = i % 3 === 0 ? late : real;
      const forged = replace(source, at, random(16 + (i % 60)));
      expect(() => b.receive(forged)).toThrow('could not be decrypted');
      expect(b.set).toBe(oldSet);
    }
    expect(Buffer.compare(before, encodePeerSessions(b.set))).toBe(0);
    expect([b.receive(real), b.receive(late)]).toEqual(['real', 'late']);
  });

  test('no message opens with any byte changed', () => {
    const { a, b } = createSession('every byte');
    const real = a.send('real');
    for (let at = 0; at < real.length; at++) for (const bit of [1, 0x80]) b.refuse(flip(real, at, bit));
    expect(b.receive(real)).toBe('real');
  });

  test('no first message opens with any byte changed, before and after its session exists', () => {
    const { a, b } = createPair('every byte of the first');
    a.begin(b.preKeys.bundle(true));
    const [real, second] = [a.send('real'), a.send('second')];
    expect(real).toHaveLength(first.end);
    // Each of these costs a whole handshake, so the ciphertexts are sampled.
    for (let at = 0; at < real.length; at++) {
      const isSampled = (at < first.kemCiphertext || at >= first.dh) && at % 2 === 0;
      if (isSampled || at % 32 === 0) b.refuse(flip(real, at));
    }
    expect(b.receive(real)).toBe('real');
    for (let at = 0; at < second.length; at++) b.refuse(flip(second, at));
    expect(b.receive(second)).toBe('second');
  });

  test('truncated and extended messages do not open', () => {
    const { a, b } = createSession('lengths');
    const real = a.send('real');
    for (let length = 0; length < real.length; length++) b.refuse(real.subarray(0, length));
    for (const extra of [1, 16, 100_000]) b.refuse(concatBytes(real, new Uint8Array(extra)));
    expect(b.receive(real)).toBe('real');
    const { a: c, b: d } = createPair('lengths of the first');
    c.begin(d.preKeys.bundle(false));
    const opening = c.send('opening');
    for (let length = 0; length < opening.length; length += 13) d.refuse(opening.subarray(0, length));
    d.refuse(concatBytes(opening, Uint8Array.of(0)));
    expect(d.receive(opening)).toBe('opening');
  });

  test('fields of the header cannot be moved, and the kind cannot be changed', () => {
    const { a, b } = createSession('moved');
    const [one, two] = [a.send('one'), a.send('two')];
    const part = (bytes: Uint8Array, from: number, to: number) => bytes.slice(from, to);
    b.refuse(concatBytes(part(one, 0, 35), part(one, 39, 43), part(one, 35, 39), part(one, 43, one.length)));
    b.refuse(concatBytes(part(one, 0, places.nonce), part(two, places.nonce, two.length)));
    b.refuse(concatBytes(part(two, 0, places.nonce), part(one, places.nonce, one.length)));
    for (const kind of [0, 1, 2, 4, 5, 255]) b.refuse(replace(one, 2, Uint8Array.of(kind)));
    for (const at of [0, 1]) b.refuse(replace(one, at, Uint8Array.of(2)));
    expect([b.receive(two), b.receive(one)]).toEqual(['two', 'one']);

    const { a: c, b: d } = createPair('moved handshake');
    c.begin(d.preKeys.bundle(true));
    const opening = c.send('opening');
    expect(d.receive(opening)).toBe('opening');
    const [next, prefix] = [c.send('next'), Uint8Array.of(1, 1, 3)];
    d.refuse(concatBytes(prefix, next.slice(first.dh)));
    // Without its one-time prekey.
    const handshake = concatBytes(next.slice(3, first.opk), next.slice(first.kemCiphertext));
    d.refuse(concatBytes(Uint8Array.of(1, 1, 1), handshake));
    const swapped = concatBytes(next.slice(first.kem, first.opk), next.slice(first.spk, first.kem));
    d.refuse(replace(replace(next, first.spk, swapped), first.opk, Uint8Array.of(0, 0, 0, 9)));
    expect(d.receive(next)).toBe('next');
  });
});

describe('keys of low order', () => {
  test('a ratchet key or ephemeral key that gives zero is refused', () => {
    const { a, b } = createSession('zero');
    const real = a.send('real');
    for (const key of lowOrderKeys) b.refuse(replace(real, places.dh, key));
    expect(b.receive(real)).toBe('real');
    const { a: c, b: d } = createPair('zero ephemeral');
    c.begin(d.preKeys.bundle(false));
    const opening = c.send('opening');
    for (const key of lowOrderKeys) d.refuse(replace(opening, first.ephemeral, key));
    expect(d.receive(opening)).toBe('opening');
  });

  test('a bundle or an identity with such a key begins no session', () => {
    const { a, b } = createPair('zero bundle');
    const bundle = b.preKeys.bundle(true);
    const opk = bundle.opk ?? expect.fail('no one-time prekey');
    for (const key of lowOrderKeys) {
      const bad: PreKeyBundle[] = [
        { ...bundle, spk: { ...bundle.spk, key } },
        { ...bundle, opk: { ...opk, key } },
      ];
      for (const one of bad) expect(() => a.begin(one)).toThrow(RangeError);
      const withZero = new Side(a.own, { ...b.own, device: { ...b.own.device, dh: key } }, a.random);
      expect(() => withZero.begin(bundle)).toThrow(RangeError);
    }
    expect(() => a.begin({ ...bundle, kem: { ...bundle.kem, key: new Uint8Array(1_184).fill(255) } })).toThrow(
      RangeError,
    );
    expect(a.set.sessions).toEqual([]);
  });
});

describe('I3: messages of others', () => {
  test('a message of another device, for another device, or of another org does not open', () => {
    const random = seededRandom('strangers');
    const { a, b } = createPair('others');
    a.begin(b.preKeys.bundle(false));
    const opening = a.send('opening');
    const stranger = createDevice(random);
    // B believes that the stranger sent it; another device with the prekeys of B; the peer in another org.
    const fromStranger = new Side(b.own, stranger, random);
    const forStranger = new Side(stranger, a.own, random);
    const otherOrg = new Side({ ...b.own, org: 'fedcba9876543210' }, { ...a.own, org: 'fedcba9876543210' }, random);
    const otherPeerOrg = new Side(b.own, { ...a.own, org: 'fedcba9876543210' }, random);
    for (const side of [fromStranger, forStranger, otherOrg, otherPeerOrg]) {
      Object.assign(side, { preKeys: b.preKeys });
      side.refuse(opening);
    }
    const otherIk = { ...a.own.device, ik: createDevice(random).device.ik };
    const wrongIk = new Side(b.own, { ...a.own, device: otherIk }, random);
    Object.assign(wrongIk, { preKeys: b.preKeys });
    wrongIk.refuse(opening);
    expect(b.receive(opening)).toBe('opening');
  });

  test('an own message that comes back does not open', () => {
    const { a, b } = createPair('reflection');
    a.begin(b.preKeys.bundle(false));
    const opening = a.send('opening');
    a.refuse(opening);
    b.receive(opening);
    const answer = b.send('answer');
    b.refuse(answer);
    a.receive(answer);
    const later = a.send('later');
    a.refuse(later);
    expect(b.receive(later)).toBe('later');
  });

  test('a session with itself or with another org cannot be begun', () => {
    const { a, b } = createPair('itself');
    const bundle = b.preKeys.bundle(false);
    expect(() => new Side(a.own, a.own, a.random).begin(bundle)).toThrow(RangeError);
    expect(() => new Side(a.own, { ...b.own, org: 'fedcba9876543210' }, a.random).begin(bundle)).toThrow(RangeError);
  });

  test('prekeys other than the named ones, and a one-time prekey that is gone, open nothing', () => {
    const { a, b } = createPair('other prekeys');
    a.begin(b.preKeys.bundle(true));
    const opening = a.send('opening');
    const other = new Side(b.own, a.own, seededRandom('other'));
    other.refuse(opening);
    Object.assign(other, { preKeys: new PreKeys(seededRandom('same id')) });
    other.refuse(opening);
    expect(b.receive(opening)).toBe('opening');
    const again = noSessions(peerKeysOf(a.own));
    b.set = again;
    b.refuse(opening);
  });
});
