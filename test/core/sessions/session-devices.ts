/** Devices, prekeys and messages for the tests of sessions. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { generateEd25519KeyPair } from '../../../core/hazmat/ed25519.ts';
import { kemPublicKey } from '../../../core/hazmat/ml-kem-768.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';
import {
  deviceIdOf,
  type OwnKeys,
  type PeerKeys,
  type PreKeyBundle,
  type PreKeySecrets,
} from '../../../core/sessions/device-keys.ts';
import type { MessageContent } from '../../../core/sessions/message-content.ts';
import { openMessage, preKeysNeeded } from '../../../core/sessions/open-message.ts';
import { beginSession, noSessions, type PeerSessions, sealMessage } from '../../../core/sessions/peer-sessions.ts';
import { encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';

export const org = '0123456789abcdef';
export const day = 86_400_000;
export const start = Date.parse('2026-11-29T12:00:00.000Z');

/** The same values in each run. */
export function seededRandom(seed: string): (length: number) => Bytes {
  let count = 0;
  return (length) => {
    const hash = createHash('shake256', { outputLength: length }).update(`${seed} ${count++}`);
    return new Uint8Array(hash.digest());
  };
}

export interface TestDevice extends OwnKeys {
  readonly ikSecret: Bytes;
}

export function createDevice(random: (length: number) => Bytes, inOrg = org): TestDevice {
  const { publicKey: ik, seed: ikSecret } = generateEd25519KeyPair(random);
  const dhSecret = random(32);
  const keys = { ik, dh: x25519PublicKey(dhSecret) };
  return { org: inOrg, device: { id: deviceIdOf(inOrg, keys), ...keys }, dhSecret, ikSecret };
}

export const peerKeysOf = ({ org: inOrg, device }: PeerKeys): PeerKeys => ({ org: inOrg, device });

/** The prekeys of a device. */
export class PreKeys {
  readonly #oneTimeKeys = new Map<number, Bytes>();
  readonly #signed: { id: number; secret: Bytes; seed: Bytes };
  readonly #random: (length: number) => Bytes;
  #nextId = 1;

  constructor(random: (length: number) => Bytes, id = 1) {
    this.#random = random;
    this.#signed = { id, secret: random(32), seed: random(64) };
  }

  bundle(withOneTimeKey: boolean): PreKeyBundle {
    const { id, secret, seed } = this.#signed;
    const signed = { spk: { id, key: x25519PublicKey(secret) }, kem: { id, key: kemPublicKey(seed) } };
    if (!withOneTimeKey) return signed;
    const opk = { id: this.#nextId++, secret: this.#random(32) };
    this.#oneTimeKeys.set(opk.id, opk.secret);
    return { ...signed, opk: { id: opk.id, key: x25519PublicKey(opk.secret) } };
  }

  /** Copies, as if they were loaded from storage; undefined if a key does not exist. */
  load(needed: { spk: number; kem: number; opk: number | undefined } | undefined): PreKeySecrets | undefined {
    const { id, secret, seed } = this.#signed;
    if (needed === undefined || needed.spk !== id || needed.kem !== id) return undefined;
    const signed = { spk: { id, secret: secret.slice() }, kem: { id, seed: seed.slice() } };
    if (needed.opk === undefined) return signed;
    const opk = this.#oneTimeKeys.get(needed.opk);
    return opk === undefined ? undefined : { ...signed, opk: { id: needed.opk, secret: opk.slice() } };
  }

  delete(oneTimeKey: number | undefined): void {
    if (oneTimeKey !== undefined) this.#oneTimeKeys.delete(oneTimeKey);
  }
}

/** One side of two, with everything that it stores. */
export class Side {
  readonly own: TestDevice;
  readonly preKeys: PreKeys;
  set: PeerSessions;
  now = start;
  readonly random: (length: number) => Bytes;
  #counter = 0;

  constructor(own: TestDevice, peer: PeerKeys, random: (length: number) => Bytes) {
    this.own = own;
    this.random = random;
    this.preKeys = new PreKeys(random);
    this.set = noSessions(peerKeysOf(peer));
  }

  begin(bundle: PreKeyBundle): void {
    this.set = beginSession(this.set, this.own, bundle, this.now, this.random);
  }

  content(text: string): MessageContent {
    const head = { seq: 1, hash: new Uint8Array(32) };
    const [id, conversation, counter] = [this.random(16), 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf', ++this.#counter];
    return { id, conversation, counter, time: this.now, head, type: 'text/plain', body: utf8Bytes(text) };
  }

  send(text = 'hello'): Bytes {
    const { set, bytes } = sealMessage(this.set, this.content(text), this.now, this.random);
    this.set = set;
    return bytes;
  }

  /** Opens a message, and returns its text. */
  receive(bytes: Uint8Array): string {
    const preKeys = this.preKeys.load(preKeysNeeded(this.set, bytes));
    const opened = openMessage(this.set, this.own, bytes, this.now, preKeys);
    this.set = opened.set;
    this.preKeys.delete(opened.usedOneTimeKey);
    return textOf(opened.content);
  }

  /** Expects that the bytes do not open, and that the state stays as it is. */
  refuse(bytes: Uint8Array): void {
    const before = encodePeerSessions(this.set);
    const oldSet = this.set;
    expect(() => this.receive(bytes)).toThrow(DecryptionError);
    expect(this.set).toBe(oldSet);
    expect(Buffer.compare(before, encodePeerSessions(this.set))).toBe(0);
  }
}

export const textOf = ({ body }: MessageContent): string =>
  body instanceof Uint8Array ? Buffer.from(body).toString() : expect.fail('an attachment');

export function createPair(seed: string): { a: Side; b: Side } {
  const random = seededRandom(seed);
  const [alice, bob] = [createDevice(random), createDevice(random)];
  return { a: new Side(alice, bob, random), b: new Side(bob, alice, random) };
}

/** Two sides that have exchanged a message in each direction. */
export function createSession(seed: string, withOneTimeKey = true): { a: Side; b: Side } {
  const { a, b } = createPair(seed);
  a.begin(b.preKeys.bundle(withOneTimeKey));
  expect(b.receive(a.send('first'))).toBe('first');
  expect(a.receive(b.send('answer'))).toBe('answer');
  return { a, b };
}

/** The bytes with one bit changed. */
export const flip = (bytes: Uint8Array, at: number, bit = 1): Bytes => {
  const changed = new Uint8Array(bytes);
  changed[at] = (changed[at] ?? 0) ^ bit;
  return changed;
};
