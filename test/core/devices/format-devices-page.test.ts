/** The worked examples of docs/format-devices.md, read from the page itself and recomputed. */
import { createECDH } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCheckpoint } from '../../../core/devices/apply-content.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { encodeEntry, parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import { type DeviceKeys, publicKeysOf, toDeviceKeys } from '../../../core/devices/device-keys.ts';
import {
  deriveEpochKey,
  openEarlierUmk,
  openLabel,
  sealEarlierUmk,
  sealLabel,
} from '../../../core/devices/epoch-keys.ts';
import { encodeKeyWraps, keyWrapsHash, openKeyWraps, readKeyWraps } from '../../../core/devices/key-wraps.ts';
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
import { parseRecordPlaintext } from '../../../core/devices/record-plaintext.ts';
import {
  formatRecoveryCode,
  openRecoveryBox,
  parseRecoveryCode,
  recoveryBoxHash,
} from '../../../core/devices/recovery-code.ts';
import { encodeRosterBody, parseRosterBody } from '../../../core/devices/roster-body.ts';
import { encodeFieldBytes, toBase64, u32Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { deriveSharedSecret, importKeyPair } from '../../../core/hazmat/p256.ts';
import { importBoxKey } from '../../../core/hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256 } from '../../../core/hazmat/portable-hash.ts';

const page = readFileSync(new URL('../../../docs/format-devices.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/```example\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
    block
      .trimEnd()
      .split('\n')
      .map((line): [string, string] => [
        line.slice(0, line.indexOf(' = ')).trim(),
        line.slice(line.indexOf(' = ') + 3),
      ]),
  ),
);
/** Keys that a test has read. An example that no test reads proves nothing. */
const used = new Set<string>();
const text = (key: string): string => {
  used.add(key);
  return rows.get(key) ?? expect.fail(`no example has ${key}`);
};
const hex = (key: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text(key), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Returns these values, one in each call. */
const draws = (...values: Uint8Array[]) => {
  const rest = [...values];
  return (length: number): Uint8Array => {
    const next = rest.shift();
    expect(next?.length).toBe(length);
    return new Uint8Array(next ?? []);
  };
};

const scope = { org: text('org'), user: text('user'), vault: text('vault') };
const scopeValues = [scope.org, scope.user, scope.vault] as const;
const noSalt = new Uint8Array(0);
const names = ['A', 'B', 'C', 'R', 'S', 'T'];
const devices = new Map<string, DeviceKeys>();
const device = (name: string): DeviceKeys => devices.get(name) ?? expect.fail(name);
beforeAll(async () => {
  for (const name of names) {
    const ecdh = await importKeyPair('ECDH', hex(`${name} ECDH key`), hex(`${name} ECDH scalar`));
    const ecdsa = await importKeyPair('ECDSA', hex(`${name} ECDSA key`), hex(`${name} ECDSA scalar`));
    devices.set(name, await toDeviceKeys(ecdh, ecdsa));
  }
});
const epochKey = (epoch: number) => deriveEpochKey(scope, epoch, hex(`UMK ${epoch}`));
const entryAt = (seq: number) => {
  const signed = encodeFieldBytes(hex(`entry ${seq}`), hex(`signature ${seq}`));
  const entry = parseSignedEntry(signed);
  return typeof entry === 'string' ? expect.fail(entry) : { ...entry, signed };
};

describe('docs/format-devices.md', () => {
  test('section 1: ids of devices', () => {
    for (const name of names) expect(device(name).id).toBe(text(`${name} id`));
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
    const message = { scope, pairing, ...keys };
    expect(toHex(await qrMessageMac(content.secret, message))).toBe(text('QR MAC new'));
    expect(toHex(await qrMessageMac(content.secret, { ...message, head }))).toBe(text('QR MAC approver'));
    expect(toHex(await qrTranscriptHash({ ...message, head }))).toBe(text('QR transcript hash'));
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

  test('section 13: the chain is accepted, with the hashes, commitments, members and roots of the page', async () => {
    let state: ChainState = initialState(scope);
    const states = [state];
    for (let seq = 1; seq <= 13; seq++) {
      const { signed, unsigned, ...entry } = entryAt(seq);
      expect(encodeEntry(entry)).toEqual(unsigned);
      const outcome = await applyEntry(state, signed);
      if (outcome.result !== 'accept') expect.fail(`${seq}: ${outcome.reason}`);
      state = outcome.state;
      states.push(state);
      expect(toHex(state.head.hash)).toBe(text(`hash ${seq}`));
    }
    const checkpoint = await createCheckpoint(states[4] ?? expect.fail());
    expect(toHex(checkpoint.roster)).toBe(text('checkpoint roster'));
    expect(toHex(checkpoint.entries)).toBe(text('checkpoint entries'));
    expect(toHex(checkpoint.records)).toBe(text('checkpoint records'));
    expect(states[6]?.acknowledged?.seq).toBe(5);
    const commitments = await Promise.all([1, 2, 3, 4, 5].map(async (epoch) => (await epochKey(epoch)).commitment));
    expect(state.epochs.map(({ commitment }) => commitment)).toEqual(commitments);
    const idsOf = (seq: number) => [...(states[seq]?.members.keys() ?? [])];
    const ids = (...some: string[]) => some.map((name) => text(`${name} id`));
    expect([idsOf(1), idsOf(2), idsOf(7), idsOf(8)]).toEqual([
      ids('A'),
      ids('A', 'B'),
      ids('A', 'B', 'C'),
      ids('A', 'B'),
    ]);
    expect([idsOf(10), idsOf(11), idsOf(12)]).toEqual([ids('A', 'B', 'R'), ids('A', 'R'), ids('S', 'T')]);
    expect([states[8]?.rotationDue, states[9]?.rotationDue, state.closed]).toEqual([true, false, true]);
  });

  test('every body of a roster entry is encoded as on the page', async () => {
    for (const seq of [1, 2, 7, 8, 9, 10, 11, 12, 13]) {
      const { kind, body } = entryAt(seq);
      if (kind === 'records' || kind === 'heartbeat' || kind === 'checkpoint' || kind === 'acknowledge') expect.fail();
      expect(encodeRosterBody((await parseRosterBody(kind, body)) ?? expect.fail())).toEqual(body);
    }
  });

  test('every example of the page is read by a test', () => {
    expect([...rows.keys()].filter((key) => !used.has(key))).toEqual([]);
  });
});
