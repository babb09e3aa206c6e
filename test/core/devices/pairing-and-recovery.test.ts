/** Pairing by code and by QR code, and the recovery code. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type DeviceKeys, generateDeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import {
  isCommittedReveal,
  pairingCode,
  pairingCommitment,
  pairingTranscriptHash,
} from '../../../core/devices/pairing.ts';
import {
  areKeysOfQr,
  encodePairingQr,
  parsePairingQr,
  qrKeysHash,
  qrMessageMac,
  qrTranscriptHash,
  verifyQrMessageMac,
} from '../../../core/devices/pairing-qr.ts';
import { openRecoveryBox, sealRecoveryBox } from '../../../core/devices/recovery-code.ts';
import { formatRecoveryCode, parseRecoveryCode } from '../../../core/devices/recovery-code-text.ts';
import { fromBase32, toBase32 } from '../../../core/encoding/crockford-base32.ts';
import { signMessage } from '../../../core/hazmat/p256.ts';
import { otherScope, scope } from './vault-simulator.ts';

const bytes = (fill: number, length = 32) => new Uint8Array(length).fill(fill);
let [one, two]: DeviceKeys[] = [];
beforeAll(async () => {
  one = await generateDeviceKeys(true);
  two = await generateDeviceKeys(true);
});
const keysOf = (keys: DeviceKeys | undefined) => publicKeysOf(keys ?? expect.fail());

describe('base32', () => {
  test('every byte string comes back, and other characters and lengths are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (part) => {
        const whole = Uint8Array.from([...part, ...part, ...part, ...part, ...part]);
        expect(fromBase32(toBase32(whole))).toEqual(whole);
      }),
    );
    expect(toBase32(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff))).toBe('zzzzzzzz');
    expect(['zzzzzzz', 'ZZZZZZZZ', 'iiiiiiii', 'zzzzzzz '].map(fromBase32)).toEqual(Array(4).fill(undefined));
    expect(() => toBase32(new Uint8Array(4))).toThrow(RangeError);
  });
});

describe('pairing by code', () => {
  const transcript = () => ({
    scope,
    pairing: 'pa01pa01pa01pa01',
    newKeys: keysOf(one),
    newNonce: bytes(1),
    approverKeys: keysOf(two),
    approverNonce: bytes(2),
    head: bytes(3),
  });

  test('the code covers every part of the transcript: a server that replaces one shows two codes', async () => {
    const code = pairingCode(await pairingTranscriptHash(transcript()));
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    const other = keysOf(await generateDeviceKeys(false));
    const changes = [
      { scope: otherScope },
      { scope: { ...scope, user: '0'.repeat(16) } },
      { scope: { ...scope, org: '0'.repeat(16) } },
      { pairing: 'pa02pa02pa02pa02' },
      { newKeys: other },
      { newKeys: { ...keysOf(one), ecdsa: other.ecdsa } },
      { newNonce: bytes(9) },
      { approverKeys: other },
      { approverKeys: { ...keysOf(two), ecdh: other.ecdh } },
      { approverNonce: bytes(9) },
      { head: bytes(9) },
      { newKeys: keysOf(two), approverKeys: keysOf(one) },
    ];
    const codes = await Promise.all(
      changes.map(async (change) => pairingCode(await pairingTranscriptHash({ ...transcript(), ...change }))),
    );
    expect(new Set([code, ...codes]).size).toBe(changes.length + 1);
    for (const bad of [
      { pairing: 'x' },
      { head: bytes(1, 31) },
      { newNonce: bytes(1, 33) },
      { approverNonce: bytes(1, 0) },
    ]) {
      await expect(pairingTranscriptHash({ ...transcript(), ...bad })).rejects.toThrow(RangeError);
    }
  });

  test('a reveal with other keys or another nonce than committed is refused', async () => {
    const commitment = await pairingCommitment(bytes(1), keysOf(one));
    expect(await isCommittedReveal(commitment, bytes(1), keysOf(one))).toBe(true);
    expect(await isCommittedReveal(commitment, bytes(2), keysOf(one))).toBe(false);
    expect(await isCommittedReveal(commitment, bytes(1), keysOf(two))).toBe(false);
    expect(await isCommittedReveal(commitment, bytes(1, 31), keysOf(one))).toBe(false);
    const bad = { ecdh: bytes(4, 65), ecdsa: bytes(4, 65) };
    expect(await isCommittedReveal(await pairingCommitment(bytes(1), bad), bytes(1), bad)).toBe(false);
  });
});

describe('pairing by QR code', () => {
  const qr = async () => ({
    displayer: 'new' as const,
    pairing: 'pa01pa01pa01pa01',
    secret: bytes(5),
    keysHash: await qrKeysHash(keysOf(one)),
  });

  test('the content comes back, and any other text is refused', async () => {
    for (const displayer of ['new', 'approver'] as const) {
      const content = { ...(await qr()), displayer };
      const text = encodePairingQr(content);
      expect(text).toMatch(/^ANIMA-[NA]1-[0-9A-Z]{128}$/);
      expect(parsePairingQr(text)).toEqual(content);
      const bad = [
        text.toLowerCase(),
        text.slice(1),
        `${text}0`,
        text.replace('1-', '2-'),
        `${text.slice(0, -1)}U`,
        '',
      ];
      const lowerCase = text.slice(0, 9) + text.slice(9).toLowerCase();
      for (const other of [...bad, lowerCase]) expect(parsePairingQr(other)).toBeUndefined();
    }
    expect(await areKeysOfQr(await qr(), keysOf(one))).toBe(true);
    expect(await areKeysOfQr(await qr(), keysOf(two))).toBe(false);
    expect(() => encodePairingQr({ displayer: 'new', pairing: 'x', secret: bytes(1), keysHash: bytes(1) })).toThrow(
      RangeError,
    );
  });

  test('a message verifies under the secret only, for its direction, keys, pairing, vault and head', async () => {
    const parts = { scope, pairing: 'pa01pa01pa01pa01', newKeys: keysOf(one) };
    const fromNew = { ...parts, approverKeysHash: await qrKeysHash(keysOf(two)) };
    const withHead = { ...parts, approverKeys: keysOf(two), head: bytes(3) };
    for (const [right, others] of [
      [
        fromNew,
        [
          withHead,
          { ...fromNew, scope: otherScope },
          { ...fromNew, pairing: 'pa02pa02pa02pa02' },
          { ...fromNew, newKeys: keysOf(two) },
          { ...fromNew, approverKeysHash: await qrKeysHash(keysOf(one)) },
        ],
      ],
      [
        withHead,
        [
          fromNew,
          { ...withHead, head: bytes(4) },
          { ...withHead, scope: otherScope },
          { ...withHead, pairing: 'pa02pa02pa02pa02' },
          { ...withHead, newKeys: keysOf(two) },
          { ...withHead, approverKeys: keysOf(one) },
        ],
      ],
    ] as const) {
      const mac = await qrMessageMac(bytes(5), right);
      expect(await verifyQrMessageMac(bytes(5), right, mac)).toBe(true);
      expect(await verifyQrMessageMac(bytes(6), right, mac)).toBe(false);
      expect(await verifyQrMessageMac(bytes(5), right, mac.subarray(1))).toBe(false);
      for (const other of others) expect(await verifyQrMessageMac(bytes(5), other, mac)).toBe(false);
    }
    expect(await qrTranscriptHash(withHead)).not.toEqual(await qrTranscriptHash({ ...withHead, head: bytes(4) }));
  });
});

describe('the recovery code', () => {
  test('every code is read as people write it, and a mistyped character is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(31), async (secret, at) => {
        const code = await formatRecoveryCode(secret);
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
        const typed = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'l')}\n`;
        expect(await parseRecoveryCode(typed)).toEqual(Uint8Array.from(secret));
        const plain = code.replaceAll('-', '');
        const wrong = plain.slice(0, at) + (plain[at] === 'Z' ? 'Y' : 'Z') + plain.slice(at + 1);
        expect(await parseRecoveryCode(wrong)).toBeUndefined();
      }),
    );
    for (const text of ['', 'ABCD', 'U'.repeat(32), 'A'.repeat(40)])
      expect(await parseRecoveryCode(text)).toBeUndefined();
    await expect(formatRecoveryCode(bytes(1, 15))).rejects.toThrow(RangeError);
  });

  test('opens keys, chain and UMK, for this vault only', async () => {
    const keys = one ?? expect.fail();
    const content = { keys, genesis: bytes(1), head: { seq: 7, hash: bytes(2) }, epoch: 3, umk: bytes(3) };
    const secret = bytes(8, 16);
    const box = await sealRecoveryBox(secret, scope, content);
    const opened = await openRecoveryBox(secret, scope, box);
    expect({ ...opened, keys: opened.keys.id }).toEqual({ ...content, keys: keys.id });
    expect(opened.keys.ecdsa.privateKey.extractable).toBe(false);
    expect(await signMessage(opened.keys.ecdsa.privateKey, bytes(1))).toHaveLength(64);
    const failure = (promise: Promise<unknown>) => expect(promise).rejects.toThrow(DecryptionError);
    await failure(openRecoveryBox(bytes(9, 16), scope, box));
    await failure(openRecoveryBox(secret, otherScope, box));
    await failure(openRecoveryBox(secret, { ...scope, user: '0'.repeat(16) }, box));
    for (const at of [0, 12, 100, box.length - 1]) {
      const changed = box.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      await failure(openRecoveryBox(secret, scope, changed));
    }
  });

  test('a box whose keys do not belong together is refused', async () => {
    const [a, b] = [one ?? expect.fail(), two ?? expect.fail()];
    const mixed = { ...a, ecdh: { publicKey: a.ecdh.publicKey, privateKey: b.ecdh.privateKey } };
    const content = { keys: mixed, genesis: bytes(1), head: { seq: 7, hash: bytes(2) }, epoch: 3, umk: bytes(3) };
    const box = await sealRecoveryBox(bytes(8, 16), scope, content);
    await expect(openRecoveryBox(bytes(8, 16), scope, box)).rejects.toThrow(DecryptionError);
  });
});
