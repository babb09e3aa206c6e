import { createHash, createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { deriveXaesSubkey, prepareXaesKey, xaesOpen, xaesSeal } from '../../core/hazmat/xaes-256-gcm.ts';

const key = (byte: number) => prepareXaesKey(createSecretKey(Buffer.alloc(32, byte)));
const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX');

/** SHAKE-128 as a stream of `total` bytes, read piece by piece. */
function stream(total: number) {
  const bytes = createHash('shake128', { outputLength: total }).digest();
  let at = 0;
  return (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
}

describe('XAES-256-GCM (c2sp.org/XAES-256-GCM)', () => {
  test('gives the first published vector, whose CMAC subkey has no carry', () => {
    expect(deriveXaesSubkey(key(1), nonce.subarray(0, 12)).export().toString('hex')).toBe(
      'c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b',
    );
    const sealed = xaesSeal(key(1), nonce, Buffer.alloc(0), Buffer.from('XAES-256-GCM'));
    expect(sealed.toString('hex')).toBe('ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271');
  });

  test('gives the second published vector, whose CMAC subkey has a carry', () => {
    const aad = Buffer.from('c2sp.org/XAES-256-GCM');
    expect(deriveXaesSubkey(key(3), nonce.subarray(0, 12)).export().toString('hex')).toBe(
      'e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8',
    );
    const sealed = xaesSeal(key(3), nonce, aad, Buffer.from('XAES-256-GCM'));
    expect(sealed.toString('hex')).toBe('986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d');
    expect(xaesOpen(key(3), nonce, aad, sealed).toString()).toBe('XAES-256-GCM');
  });

  // The published accumulated test over 10 000 random keys, nonces, plaintexts and AADs.
  test('gives the accumulated hash of 10 000 rounds', () => {
    // Upper bound of the bytes that the rounds read: 32 + 24 + 2 × (1 + 255) per round.
    const read = stream(10_000 * 568);
    expect(createHash('shake128', { outputLength: 16 }).digest('hex')).toBe('7f9c2ba4e88f827d616045507605853e');
    const sealed = createHash('shake128', { outputLength: 32 });
    for (let round = 0; round < 10_000; round++) {
      const main = prepareXaesKey(createSecretKey(read(32)));
      const roundNonce = read(24);
      const plaintext = read(read(1).readUInt8());
      const aad = read(read(1).readUInt8());
      const out = xaesSeal(main, roundNonce, aad, plaintext);
      if (round % 100 === 0) expect(xaesOpen(main, roundNonce, aad, out).equals(plaintext)).toBe(true);
      sealed.update(out);
    }
    expect(sealed.digest('hex')).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939');
  });
});
