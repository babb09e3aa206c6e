/** HPKE against the published vectors of RFC 9180, by a reference that the vectors check. */
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { concatBytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { hmacSha256 } from '../../../core/hazmat/hkdf-sha256.ts';
import { openHpke, sealHpke } from '../../../core/hazmat/hpke.ts';
import { hpkeOverhead } from '../../../core/hazmat/hpke-overhead.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';

/**
 * Vector of mode 0, kem 0x0020, kdf 0x0001, aead 0x0002 in test-vectors.json of cfrg/draft-irtf-cfrg-hpke (RFC 9180), the
 * first encryption.
 */
const vector = {
  info: '4f6465206f6e2061204772656369616e2055726e',
  skRm: '497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d',
  pkRm: '430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c',
  enc: '6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256',
  aad: '436f756e742d30',
  ct: 'e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a',
  pt: '4265617574792069732074727574682c20747275746820626561757479',
} as const;
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

/** RFC 9180 sections 4 and 5.1 of this suite, with node:crypto alone. */
const kemSuite = concatBytes(utf8Bytes('KEM'), hex('0020'));
const suite = concatBytes(utf8Bytes('HPKE'), hex('002000010002'));
const u16 = (value: number) => Uint8Array.of(value >> 8, value & 0xff);
const extract = (suiteId: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array) =>
  hmacSha256(
    salt.length === 0 ? new Uint8Array(32) : salt,
    concatBytes(utf8Bytes('HPKE-v1'), suiteId, utf8Bytes(label), ikm),
  );
/** HKDF-Expand of the pseudorandom key, one block at most. */
const expand = (suiteId: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, length: number) =>
  hmacSha256(
    prk,
    concatBytes(u16(length), utf8Bytes('HPKE-v1'), suiteId, utf8Bytes(label), info, Uint8Array.of(1)),
  ).subarray(0, length);
const privateKey = (secret: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]),
    format: 'der',
    type: 'pkcs8',
  });
const publicKey = (key: Uint8Array) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), key]),
    format: 'der',
    type: 'spki',
  });

function keySchedule(secret: Uint8Array, enc: Uint8Array, info: Uint8Array) {
  const recipient = x25519PublicKey(secret);
  const dh = new Uint8Array(diffieHellman({ privateKey: privateKey(secret), publicKey: publicKey(enc) }));
  const none = new Uint8Array(0);
  const eae = extract(kemSuite, none, 'eae_prk', dh);
  const shared = expand(kemSuite, eae, 'shared_secret', concatBytes(enc, recipient), 32);
  const context = concatBytes(
    Uint8Array.of(0),
    extract(suite, none, 'psk_id_hash', none),
    extract(suite, none, 'info_hash', info),
  );
  const prk = extract(suite, shared, 'secret', none);
  return { key: expand(suite, prk, 'key', context, 32), nonce: expand(suite, prk, 'base_nonce', context, 12) };
}

function referenceOpen(secret: Uint8Array, info: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array {
  const { key, nonce } = keySchedule(secret, sealed.subarray(0, 32), info);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(32, -16)), decipher.final()]));
}

function referenceSeal(secret: Uint8Array, ephemeral: Uint8Array, info: Uint8Array, text: Uint8Array): Uint8Array {
  const enc = x25519PublicKey(ephemeral);
  const { key, nonce } = keySchedule(secret, enc, info);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return concatBytes(enc, cipher.update(text), cipher.final(), cipher.getAuthTag());
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('the reference opens the published vector', () => {
  const sealed = concatBytes(hex(vector.enc), hex(vector.ct));
  const text = referenceOpen(hex(vector.skRm), hex(vector.info), sealed, hex(vector.aad));
  expect(Buffer.from(text).toString('hex')).toBe(vector.pt);
  expect(Buffer.from(x25519PublicKey(hex(vector.skRm))).toString('hex')).toBe(vector.pkRm);
});

test('what one seals, the other opens', async () => {
  await fc.assert(
    fc.asyncProperty(bytes(32), bytes(32), fc.uint8Array(), fc.uint8Array(), async (secret, ephemeral, info, text) => {
      const sealed = await sealHpke(x25519PublicKey(secret), info, text);
      expect(sealed).toHaveLength(text.length + hpkeOverhead);
      expect(referenceOpen(secret, info, sealed, new Uint8Array(0))).toEqual(text);
      expect(await openHpke(secret, info, referenceSeal(secret, ephemeral, info, text))).toEqual(text);
    }),
    { numRuns: 25 },
  );
});

test('another key, other info, changed bytes and too few of them are one error', async () => {
  const [secret, info] = [new Uint8Array(32).fill(1), utf8Bytes('info')];
  const sealed = await sealHpke(x25519PublicKey(secret), info, utf8Bytes('text'));
  const changed = (at: number) => sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
  for (const [key, about, what] of [
    [new Uint8Array(32).fill(2), info, sealed],
    [secret, utf8Bytes('other'), sealed],
    [secret, info, changed(0)],
    [secret, info, changed(32)],
    [secret, info, changed(sealed.length - 1)],
    [secret, info, sealed.subarray(0, 47)],
    [secret, info, concatBytes(new Uint8Array(32), sealed.subarray(32))],
  ] as const)
    await expect(openHpke(key, about, what)).rejects.toEqual(new DecryptionError());
});
