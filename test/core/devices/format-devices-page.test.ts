/** The worked examples of docs/format-devices.md, read from the page itself and recomputed. */
import { createECDH } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type DeviceKeys, publicKeysOf } from '../../../core/devices/device-keys.ts';
import { openEarlierUmk, openLabel, sealEarlierUmk, sealLabel } from '../../../core/devices/epoch-keys.ts';
import {
  createKeyWraps,
  encodeKeyWraps,
  keyWrapsHash,
  openKeyWraps,
  readKeyWraps,
} from '../../../core/devices/key-wraps.ts';
import { pairingCode, pairingCommitment, pairingTranscriptHash } from '../../../core/devices/pairing.ts';
import {
  areKeysOfQr,
  encodePairingQr,
  parsePairingQr,
  qrKeysHash,
  qrMessageMac,
  qrTranscriptHash,
} from '../../../core/devices/pairing-qr.ts';
import {
  activationProof,
  activationProofKey,
  importUmk,
  sealRecord,
  wrapUmkForDevice,
} from '../../../core/devices/published-boxes.ts';
import { readPublishedPlaintext } from '../../../core/devices/published-plaintext.ts';
import {
  findNativeArgon2id,
  recoveryArgon2id,
  wrapUmkForRecovery,
} from '../../../core/devices/published-recovery-wrap.ts';
import { changeHash, openChange, parseChanges, sealChange } from '../../../core/devices/record-changes.ts';
import { encodeRecordPlaintext, parseRecordPlaintext } from '../../../core/devices/record-plaintext.ts';
import { openRecoveryBox, recoveryBoxHash } from '../../../core/devices/recovery-code.ts';
import { formatRecoveryCode, parseRecoveryCode } from '../../../core/devices/recovery-code-text.ts';
import { parseRosterBody } from '../../../core/devices/roster-body.ts';
import { encodeFieldBytes, toBase64, u32Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { deriveSharedSecret, importKeyPair } from '../../../core/hazmat/p256.ts';
import { importBoxKey } from '../../../core/hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256 } from '../../../core/hazmat/portable-hash.ts';
import {
  deviceNames,
  entryAt,
  epochKey,
  hex,
  loadDevices,
  scope,
  text,
  toHex,
  unreadExamples,
} from './page-examples.ts';

/** Returns these values, one in each call. */
const draws = (...values: Uint8Array[]) => {
  const rest = [...values];
  return (length: number): Uint8Array => {
    const next = rest.shift();
    expect(next?.length).toBe(length);
    return new Uint8Array(next ?? []);
  };
};

const scopeValues = [scope.org, scope.user, scope.vault] as const;
const noSalt = new Uint8Array(0);
let devices: ReadonlyMap<string, DeviceKeys>;
const device = (name: string): DeviceKeys => devices.get(name) ?? expect.fail(name);
beforeAll(async () => {
  devices = await loadDevices();
});

describe('docs/format-devices.md', () => {
  test('section 1: ids of devices', () => {
    for (const name of deviceNames) expect(device(name).id).toBe(text(`${name} id`));
  });

  test('section 2: the activation proof', async () => {
    expect(toBase64(await activationProofKey(hex('published UMK')))).toBe(text('proof key'));
    expect(toBase64(await activationProof(hex('published UMK'), text('session')))).toBe(text('proof'));
  });

  test('section 2: record and DEK boxes', async () => {
    const [, user = '', type = '', id = ''] = text('record AAD').split(':');
    expect(text('DEK AAD')).toBe(`pia-dek-wrap-v1:${type}:${id}`);
    const random = draws(hex('record DEK'), hex('DEK nonce'), hex('record nonce'));
    const umk = await importUmk(hex('published UMK'));
    const { box, dek } = await sealRecord(umk, { user, type, id }, hex('record plaintext'), random);
    expect(toBase64(box)).toBe(text('record box'));
    expect(toBase64(dek)).toBe(text('DEK box'));
  });

  test('section 2: the device wrap', async () => {
    const { privateKey } = device('A').ecdh;
    const target = { id: 'device-1', ecdh: device('B').ecdh.publicKey };
    const secret = await deriveSharedSecret(privateKey, target.ecdh);
    expect(toHex(secret)).toBe(text('ECDH secret'));
    const kek = await portableHkdfSha256(secret, hex('wrap salt'), utf8Bytes(text('wrap AAD')), 32);
    expect(toHex(kek)).toBe(text('wrap KEK'));
    const random = draws(hex('wrap salt'), hex('wrap nonce'));
    const { box } = await wrapUmkForDevice(hex('published UMK'), target, privateKey, random);
    expect(toBase64(box)).toBe(text('wrap box'));
  });

  test('section 2: the recovery wrap', async () => {
    const argon2id = findNativeArgon2id() ?? expect.fail('this Node has no Argon2id');
    const code = text('published code');
    const kek = await argon2id(utf8Bytes(code), hex('recovery salt'), recoveryArgon2id);
    expect(toHex(kek)).toBe(text('recovery KEK'));
    const random = draws(hex('recovery salt'), hex('recovery nonce'));
    const { box } = await wrapUmkForRecovery(argon2id, code, hex('published UMK'), random);
    expect(toBase64(box)).toBe(text('recovery box'));
  });

  test('section 2: the published plaintext', async () => {
    const compressed = hex('compressed JSON');
    expect(inflateSync(compressed.subarray(1)).toString()).toBe(text('published JSON'));
    expect(await readPublishedPlaintext(compressed)).toEqual(JSON.parse(text('published JSON')));
  });

  test('section 3: keys, history and label of an epoch', async () => {
    const [first, second] = [await epochKey(1), await epochKey(2)];
    const info = encodeFieldBytes('anima:umk:v1', ...scopeValues, u32Bytes(1));
    const labelInfo = encodeFieldBytes('anima:umk-label:v1', ...scopeValues, u32Bytes(1));
    expect([toHex(info), toHex(labelInfo)]).toEqual([text('epoch info'), text('label info')]);
    const keys = toHex(await portableHkdfSha256(hex('UMK 1'), noSalt, info, 64));
    expect(keys).toBe(text('history key') + text('commitment'));
    expect(toHex(first.commitment)).toBe(text('commitment'));
    expect(toHex(await portableHkdfSha256(hex('UMK 1'), noSalt, labelInfo, 32))).toBe(text('label key'));
    const secondInfo = encodeFieldBytes('anima:umk:v1', ...scopeValues, u32Bytes(2));
    const secondKeys = toHex(await portableHkdfSha256(hex('UMK 2'), noSalt, secondInfo, 64));
    expect(secondKeys).toBe(text('history key 2') + text('commitment 2'));
    expect(toHex(await sealEarlierUmk(second, first, draws(hex('history nonce'))))).toBe(text('history box'));
    expect(toHex((await openEarlierUmk(second, 1, hex('history box'), first.commitment)).umk)).toBe(text('UMK 1'));
    const label = await sealLabel(first, device('A').id, utf8Bytes(text('label')), draws(hex('label nonce')));
    expect(toHex(label)).toBe(text('label box'));
    expect(Buffer.from(await openLabel(first, device('A').id, label)).toString()).toBe(text('label'));
  });

  test('section 3: the AADs are those that open the boxes', async () => {
    const history = await importBoxKey(hex('history key 2'));
    expect(toHex(await history.open(hex('history AAD'), hex('history box')))).toBe(text('UMK 1'));
    const label = await importBoxKey(hex('label key'));
    expect(Buffer.from(await label.open(hex('label AAD'), hex('label box'))).toString()).toBe(text('label'));
  });

  test('section 4: the plaintext of a record', () => {
    const padded = new Uint8Array(Number(text('padded length')));
    padded.set(hex('record 0x02'));
    const record = parseRecordPlaintext(padded);
    expect(record).toMatchObject({ version: 1, lamport: 3, live: true, mediaType: 'text/plain' });
    expect(record.device).toBe(text('plaintext device'));
    expect(Buffer.from(record.body).toString()).toBe('hello');
  });

  test.each([
    [
      13,
      2,
      'change hash',
      { lamport: 4, live: true, mediaType: 'text/plain', body: utf8Bytes('hello again '.repeat(25)) },
    ],
    [14, 3, 'change hash 2', { lamport: 5, live: false, mediaType: '', body: utf8Bytes('') }],
  ])('sections 4 and 8: the record in entry %i has version %i', async (seq, version, parent, content) => {
    const entry = entryAt(seq);
    const change = parseChanges(entry.body)?.[0] ?? expect.fail();
    const expected = { version, parent: hex(parent), device: device('S').id, ...content };
    expect(await openChange(await epochKey(5), change, entry)).toEqual(expected);
    const padded = new Uint8Array(Number(text(`record version ${version} padded length`)));
    padded.set(hex(`record version ${version}`));
    expect(parseRecordPlaintext(padded)).toEqual(expected);
    expect(encodeRecordPlaintext(expected)).toEqual(padded);
    expect(toHex(await changeHash(scope, 5, change))).toBe(text(`change hash ${version}`));
  });

  test('section 8: the second change of entry 14 has void content, for its Lamport time only', async () => {
    const entry = entryAt(14);
    const change = parseChanges(entry.body)?.[1] ?? expect.fail();
    expect(toHex(await changeHash(scope, 5, change))).toBe(text('change hash void'));
    const key = await epochKey(5);
    await expect(openChange(key, change, entry)).rejects.toBeInstanceOf(DecryptionError);
    expect((await openChange(key, change, { ...entry, seq: 15 })).lamport).toBe(1401);
  });

  test('section 5: the wraps of entry 1', async () => {
    const encoded = hex('wraps');
    expect(toHex(await keyWrapsHash(encoded))).toBe(text('wraps hash'));
    const parsed = await readKeyWraps(scope, encoded, hex('wraps hash'));
    expect(encodeKeyWraps(parsed)).toEqual(encoded);
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(hex('sender scalar'));
    expect(toHex(parsed.sender)).toBe(ecdh.getPublicKey('hex'));
    const expected = { epoch: 1, commitment: hex('commitment'), hash: hex('wraps hash') };
    expect(toHex((await openKeyWraps(scope, device('A'), encoded, expected)).key.umk)).toBe(text('UMK 1'));
    const body = await parseRosterBody('genesis', entryAt(1).body);
    expect(body).toMatchObject({ wraps: hex('wraps hash'), commitment: hex('commitment') });
  });

  test('section 5: the wraps of entry 9 for two devices, with a history box', async () => {
    const encoded = hex('wraps 9');
    const [first, second] = [await epochKey(1), await epochKey(2)];
    const hash = await keyWrapsHash(encoded);
    const { sender, wraps } = await readKeyWraps(scope, encoded, hash);
    const expected = { epoch: 2, commitment: second.commitment, hash };
    for (const name of ['A', 'B']) {
      const { key, history } = await openKeyWraps(scope, device(name), encoded, expected);
      expect(toHex(key.umk)).toBe(text('UMK 2'));
      expect([history?.epoch, toHex(history?.box ?? noSalt)]).toEqual([1, text('history box')]);
    }
    const pair = await importKeyPair('ECDH', sender, hex('sender scalar 9'));
    const random = draws(...wraps.flatMap(({ salt, box }) => [salt, box.subarray(0, 12)]), hex('history nonce'));
    const members = ['B', 'A'].map((name) => ({ id: device(name).id, ecdh: device(name).ecdh.publicKey }));
    expect(await createKeyWraps(second, members, first, random, pair)).toEqual(encoded);
    expect(await parseRosterBody('rotate', entryAt(9).body)).toMatchObject({ wraps: hash });
  });

  test('section 8: the change of entry 3', async () => {
    const entry = entryAt(3);
    const [change] = parseChanges(entry.body) ?? [];
    if (change === undefined) expect.fail();
    expect(toHex(await changeHash(scope, 1, change))).toBe(text('change hash'));
    const plaintext = await openChange(await epochKey(1), change, entry);
    const random = draws(hex('change DEK'), hex('change DEK nonce'), hex('change box nonce'));
    expect(await sealChange(await epochKey(1), { type: 'memory', id: 'note-1' }, plaintext, random)).toEqual(change);
  });

  test('section 10: pairing by code and by QR code', async () => {
    const keys = { newKeys: publicKeysOf(device('B')), approverKeys: publicKeysOf(device('A')) };
    const pairing = text('pairing id');
    const head = hex('pairing head');
    expect(text('pairing head')).toBe(text('hash 1'));
    expect(toHex(await pairingCommitment(hex('nonce N'), keys.newKeys))).toBe(text('commit N'));
    const nonces = { newNonce: hex('nonce N'), approverNonce: hex('nonce A') };
    const hash = await pairingTranscriptHash({ scope, pairing, ...keys, ...nonces, head });
    expect(toHex(hash)).toBe(text('transcript hash'));
    expect(pairingCode(hash)).toBe(text('pairing code'));
    expect(await parseRosterBody('add', entryAt(2).body)).toMatchObject({ pairing, transcript: hash });
    const content = { displayer: 'new', pairing, secret: hex('QR secret'), keysHash: hex('QR keys hash') } as const;
    expect(encodePairingQr(content)).toBe(text('QR text'));
    expect(parsePairingQr(text('QR text'))).toEqual(content);
    expect(toHex(await qrKeysHash(keys.newKeys))).toBe(text('QR keys hash'));
    expect(await areKeysOfQr(content, keys.newKeys)).toBe(true);
    expect(toHex(await qrKeysHash(keys.approverKeys))).toBe(text('QR keys hash of A'));
    const approverKeysHash = hex('QR keys hash of A');
    const fromNew = { scope, pairing, newKeys: keys.newKeys, approverKeysHash };
    expect(toHex(await qrMessageMac(content.secret, fromNew))).toBe(text('QR MAC new'));
    const fromApprover = { scope, pairing, ...keys, head };
    expect(toHex(await qrMessageMac(content.secret, fromApprover))).toBe(text('QR MAC approver'));
    expect(toHex(await qrTranscriptHash(fromApprover))).toBe(text('QR transcript hash'));
  });

  test('section 10: the recovery code and its box', async () => {
    const secret = hex('recovery secret');
    expect(await formatRecoveryCode(secret)).toBe(text('recovery code'));
    expect(await parseRecoveryCode(text('recovery code'))).toEqual(secret);
    const kek = await portableHkdfSha256(secret, noSalt, encodeFieldBytes('anima:recovery:v1', ...scopeValues), 32);
    expect(toHex(kek)).toBe(text('code KEK'));
    const box = hex('sealed recovery box');
    expect(toHex(box.subarray(0, 12))).toBe(text('box nonce'));
    expect(toHex(await recoveryBoxHash(box))).toBe(text('recovery box hash'));
    await (await importBoxKey(kek)).open(hex('box AAD'), box);
    const { keys, genesis, head, epoch, umk } = await openRecoveryBox(secret, scope, box);
    expect(keys.id).toBe(device('R').id);
    expect([toHex(genesis), toHex(head.hash), head.seq, epoch]).toEqual([text('hash 1'), text('hash 9'), 9, 3]);
    expect(toHex(umk)).toBe(text('UMK 3'));
    expect(await parseRosterBody('recovery', entryAt(10).body)).toMatchObject({ box: hex('recovery box hash') });
  });

  test('every example of these sections is read by a test', () => {
    expect(unreadExamples((section) => section !== 9 && section < 13)).toEqual([]);
  });
});
