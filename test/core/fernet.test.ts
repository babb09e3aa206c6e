import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { deriveFernetKey, fernetPrefix, importFernetKey, openFernet, sealFernet } from '../../core/memory/fernet.ts';

interface Vector {
  readonly desc?: string;
  readonly token: string;
  readonly now: string;
  readonly ttl_sec: number;
  readonly secret: string;
  readonly src: string;
  readonly iv: readonly number[];
}

const folder = new URL('../vectors/fernet/', import.meta.url);
const vectors = (name: string): readonly Vector[] => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
const keyOf = ({ secret }: Vector) => importFernetKey(Buffer.from(secret, 'base64url'));
const seconds = ({ now }: Vector) => Math.floor(Date.parse(now) / 1000);
const lifetime = (vector: Vector) => ({ now: seconds(vector), ttl: vector.ttl_sec });
const key = () => deriveFernetKey('anm_key', 'user-1');

describe('the vectors of the Fernet specification', () => {
  // The example in Spec.md.
  const published: Vector = {
    token: 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
    now: '1985-10-26T01:20:00-07:00',
    ttl_sec: 60,
    src: 'hello',
    iv: Array.from({ length: 16 }, (_, i) => i),
    secret: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
  };

  test('generate: the very tokens come out', async () => {
    for (const vector of [published, ...vectors('generate')]) {
      const iv = () => Uint8Array.from(vector.iv);
      const token = await sealFernet(await keyOf(vector), Buffer.from(vector.src), seconds(vector), iv);
      expect(token).toBe(vector.token);
    }
  });

  test('verify: they open', async () => {
    for (const vector of [published, ...vectors('verify')]) {
      const { plaintext } = await openFernet(await keyOf(vector), vector.token, lifetime(vector));
      expect(Buffer.from(plaintext).toString()).toBe(vector.src);
    }
  });

  test('invalid: none opens', async () => {
    const all = vectors('invalid');
    expect(all.length).toBeGreaterThan(6);
    for (const vector of all) {
      const opened = openFernet(await keyOf(vector), vector.token, lifetime(vector));
      await expect(opened, vector.desc).rejects.toThrow(DecryptionError);
    }
  });
});

describe('Fernet tokens', () => {
  test('every record comes back with its time, and begins as tokens do', async () => {
    const own = await key();
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(4_000_000_000),
      async (plaintext, time) => {
        const token = await sealFernet(own, plaintext, time);
        expect(token.startsWith(fernetPrefix)).toBe(true);
        expect(await openFernet(own, token)).toEqual({ plaintext, time });
      },
    );
    await fc.assert(property);
  });

  test("another user's key, any changed character, a cut or a longer token: refused, always alike", async () => {
    const own = await key();
    const token = await sealFernet(own, Buffer.from('a record'), 1_700_000_000);
    const refused = (text: string, under = own) => expect(openFernet(under, text)).rejects.toThrow(DecryptionError);
    await refused(token, await deriveFernetKey('anm_key', 'user-2'));
    await refused(token, await deriveFernetKey('anm_kez', 'user-1'));
    for (let at = 0; at < token.length; at++) {
      await refused(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1));
      await refused(token.slice(0, at));
    }
    const others = [
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      token.replace(/=+$/, ''),
      '',
      '=',
      '==',
      'gAAAAA',
      'gAAAAé',
    ];
    for (const text of others) await refused(text);
  });

  test('a token that is signed but not padded as it must be: refused like one that is not signed', async () => {
    const own = await key();
    const token = await sealFernet(own, Buffer.from('a record'), 1_700_000_000);
    const bytes = Buffer.from(token, 'base64url');
    // A changed IV changes the last byte of a single block and so invalidates the padding. The token is signed again.
    bytes[24] = (bytes[24] ?? 0) ^ 0xff;
    const signed = new Uint8Array(bytes.subarray(0, -32));
    const mac = Buffer.from(await crypto.subtle.sign('HMAC', own.signing, signed));
    const forged = Buffer.concat([signed, mac]).toString('base64url');
    const text = forged + '='.repeat((4 - (forged.length % 4)) % 4);
    await expect(openFernet(own, text)).rejects.toThrow(DecryptionError);
  });

  test('age counts only where a lifetime is asked for', async () => {
    const own = await key();
    const token = await sealFernet(own, Buffer.from('x'), 1000);
    expect((await openFernet(own, token)).time).toBe(1000);
    for (const now of [940, 1000, 1060]) expect((await openFernet(own, token, { now, ttl: 60 })).time).toBe(1000);
    for (const now of [939, 1061]) {
      await expect(openFernet(own, token, { now, ttl: 60 })).rejects.toThrow(DecryptionError);
    }
  });

  test('a key of another length than 32 bytes is refused, and one that is taken is zeroed', async () => {
    for (const length of [0, 16, 31, 33])
      await expect(importFernetKey(Buffer.alloc(length))).rejects.toThrow(RangeError);
    const secret = Buffer.alloc(32, 7);
    await importFernetKey(secret);
    expect(secret.every((byte) => byte === 0)).toBe(true);
  });
});
