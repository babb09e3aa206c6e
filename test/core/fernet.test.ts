import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { fernetKey, fernetKeyOf, fernetPrefix, openFernet, sealFernet } from '../../core/fernet.ts';

interface Vector {
  readonly desc?: string;
  readonly token: string;
  readonly now: string;
  readonly ttl_sec: number;
  readonly secret: string;
  readonly src: string;
  readonly iv: readonly number[];
}

const folder = new URL('../../../shared/vectors/fernet/', import.meta.url);
const present = existsSync(folder);
const vectors = (name: string): readonly Vector[] =>
  present ? JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) : [];
const keyOf = ({ secret }: Vector) => fernetKey(Buffer.from(secret, 'base64url'));
const seconds = ({ now }: Vector) => Math.floor(Date.parse(now) / 1000);
const lifetime = (vector: Vector) => ({ now: seconds(vector), ttl: vector.ttl_sec });
const key = () => fernetKeyOf('anm_key', 'user-1');

describe('the vectors of the Fernet specification', () => {
  // The one of Spec.md itself, so that something is tested without the folder.
  const published: Vector = {
    token: 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
    now: '1985-10-26T01:20:00-07:00',
    ttl_sec: 60,
    src: 'hello',
    iv: Array.from({ length: 16 }, (_, i) => i),
    secret: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
  };

  test('generate: the very tokens come out', () => {
    for (const vector of [published, ...vectors('generate')]) {
      const token = sealFernet(keyOf(vector), Buffer.from(vector.src), seconds(vector), () => Buffer.from(vector.iv));
      expect(token).toBe(vector.token);
    }
  });

  test('verify: they open', () => {
    for (const vector of [published, ...vectors('verify')]) {
      const { plaintext } = openFernet(keyOf(vector), vector.token, lifetime(vector));
      expect(plaintext.toString()).toBe(vector.src);
    }
  });

  test.skipIf(!present)('invalid: none opens', () => {
    const all = vectors('invalid');
    expect(all.length).toBeGreaterThan(6);
    for (const vector of all) {
      expect(() => openFernet(keyOf(vector), vector.token, lifetime(vector)), vector.desc).toThrow(DecryptionError);
    }
  });
});

describe('Fernet tokens', () => {
  test('every record comes back with its time, and begins as tokens do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(4_000_000_000), (plaintext, time) => {
        const token = sealFernet(key(), plaintext, time);
        expect(token.startsWith(fernetPrefix)).toBe(true);
        expect(openFernet(key(), token)).toEqual({ plaintext: Buffer.from(plaintext), time });
      }),
    );
  });

  test("another user's key, any changed character, a cut or a longer token: refused, always alike", () => {
    const token = sealFernet(key(), Buffer.from('a record'), 1_700_000_000);
    const refused = (text: string, under = key()) => expect(() => openFernet(under, text)).toThrow(DecryptionError);
    refused(token, fernetKeyOf('anm_key', 'user-2'));
    refused(token, fernetKeyOf('anm_kez', 'user-1'));
    for (let at = 0; at < token.length; at++) {
      refused(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1));
      refused(token.slice(0, at));
    }
    for (const text of [`${token}=`, ` ${token}`, `${token}\n`, token.replace(/=+$/, ''), '', 'gAAAAA']) refused(text);
  });

  test('age counts only where a lifetime is asked for', () => {
    const token = sealFernet(key(), Buffer.from('x'), 1000);
    expect(openFernet(key(), token).time).toBe(1000);
    for (const now of [940, 1000, 1060]) expect(openFernet(key(), token, { now, ttl: 60 }).time).toBe(1000);
    for (const now of [939, 1061]) expect(() => openFernet(key(), token, { now, ttl: 60 })).toThrow(DecryptionError);
  });

  test('a key of another length than 32 bytes is refused', () => {
    for (const length of [0, 16, 31, 33]) expect(() => fernetKey(Buffer.alloc(length))).toThrow(RangeError);
  });
});
