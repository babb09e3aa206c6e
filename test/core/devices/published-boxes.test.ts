/** The boxes of the published system, against an independent implementation with node:crypto alone. */
import { argon2Sync, createCipheriv, createDecipheriv, createECDH, createHmac, hkdfSync } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import {
  activationProof,
  activationProofKey,
  decodePublished,
  importUmk,
  openRecord,
  sealRecord,
  unwrapUmkAtDevice,
  wrapUmkForDevice,
} from '../../../core/devices/published-boxes.ts';
import {
  maxPublishedJsonBytes,
  readPublishedPlaintext,
  writePublishedPlaintext,
} from '../../../core/devices/published-plaintext.ts';
import {
  findNativeArgon2id,
  recoveryArgon2id,
  unwrapUmkFromRecovery,
  wrapUmkForRecovery,
} from '../../../core/devices/published-recovery-wrap.ts';
import { toBase64 } from '../../../core/encoding/bytes.ts';
import { importKeyPair } from '../../../core/hazmat/p256.ts';

/** Independent of core: the constructions as the published page states them. */
const published = {
  seal(key: Uint8Array, aad: string, plaintext: Uint8Array, nonce: Uint8Array): string {
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64');
  },
  open(key: Uint8Array, aad: string, box: string): Buffer {
    const bytes = Buffer.from(box, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(aad));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  },
  kek(privateScalar: Uint8Array, publicPoint: Uint8Array, salt: Uint8Array, device: string): Buffer {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(privateScalar);
    const info = `pia-umk-wrap-v1:${device}`;
    return Buffer.from(hkdfSync('sha256', ecdh.computeSecret(publicPoint), salt, info, 32));
  },
};

/** Deterministic bytes, which differ for each vector. */
const bytes = (seed: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', seed, 'vectors', 'device boxes', Math.max(length, 1))).subarray(0, length);

const types = ['memory', 'session', 'provider', 'todo', 'template', 'settings'];
const vectors = types.flatMap((type, at) =>
  [0, 1, 2].map((round) => ({
    user: `user-${round}`,
    type,
    id: `record-${at}${round}`,
    umk: bytes(`umk ${type} ${round}`, 32),
    plaintext: bytes(`plaintext ${type}`, [0, 1, 1024][round] ?? 16),
  })),
);

const point = (scalar: Uint8Array): Buffer => {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  return ecdh.getPublicKey();
};
const failure = (promise: Promise<unknown>) => expect(promise).rejects.toThrow(DecryptionError);

describe('the published check values', () => {
  const umk = Uint8Array.from({ length: 32 }, (_, at) => at);

  test('the key of the activation proof', async () => {
    expect(toBase64(await activationProofKey(umk))).toBe('phOEJR9lkjOF4YJxhf4nT9XmassAoNeahsxCoJFIiyc=');
  });

  test('the activation proof of a session', async () => {
    const session = 'c2Vzc2lvbi1pZC1mb3ItdGVzdA==';
    const key = Buffer.from('phOEJR9lkjOF4YJxhf4nT9XmassAoNeahsxCoJFIiyc=', 'base64');
    expect(toBase64(await activationProof(umk, session))).toBe('y+52MODeXs+WHJ+ElRnSblizJFBBznh7MVOnhS0eB1M=');
    expect(createHmac('sha256', key).update(session).digest('base64')).toBe(
      'y+52MODeXs+WHJ+ElRnSblizJFBBznh7MVOnhS0eB1M=',
    );
  });
});

describe('record payload and wrap of its key', () => {
  test.each(vectors)('$type $id: opens what the independent implementation sealed', async (vector) => {
    const { user, type, id, umk, plaintext } = vector;
    const dek = bytes(`dek ${id}`, 32);
    const box = published.seal(dek, `pia-e2ee-v1:${user}:${type}:${id}`, plaintext, bytes(`nonce 1 ${id}`, 12));
    const wrapped = published.seal(umk, `pia-dek-wrap-v1:${type}:${id}`, dek, bytes(`nonce 2 ${id}`, 12));
    const sealed = { box: decodePublished(box), dek: decodePublished(wrapped) };
    expect(Buffer.from(await openRecord(await importUmk(umk), vector, sealed))).toEqual(plaintext);
  });

  test.each(vectors)('$type $id: the independent implementation opens what was sealed', async (vector) => {
    const { user, type, id, umk, plaintext } = vector;
    const sealed = await sealRecord(await importUmk(umk), vector, plaintext);
    const dek = published.open(umk, `pia-dek-wrap-v1:${type}:${id}`, toBase64(sealed.dek));
    expect(published.open(dek, `pia-e2ee-v1:${user}:${type}:${id}`, toBase64(sealed.box))).toEqual(plaintext);
  });

  test('a box that was moved to another user, type or record does not open', async () => {
    const umk = await importUmk(bytes('umk', 32));
    const ref = { user: 'u', type: 'memory', id: 'r' };
    const sealed = await sealRecord(umk, ref, Buffer.from('x'));
    for (const other of [{ user: 'v' }, { type: 'todo' }, { id: 's' }]) {
      await failure(openRecord(umk, { ...ref, ...other }, sealed));
    }
    await failure(openRecord(await importUmk(bytes('other', 32)), ref, sealed));
  });

  test('parts that contain a colon, or are empty, are refused, because two lists would have the same AAD', async () => {
    const umk = await importUmk(bytes('umk', 32));
    for (const ref of [
      { user: 'u:memory', type: 'a', id: 'b' },
      { user: 'u', type: 'memory:a', id: 'b' },
      { user: 'u', type: 'memory', id: '' },
    ]) {
      await failure(sealRecord(umk, ref, Buffer.from('x')));
    }
  });

  test('no changed byte, and no shorter or longer box, opens', async () => {
    const umk = await importUmk(bytes('umk', 32));
    const ref = { user: 'u', type: 'memory', id: 'r' };
    const sealed = await sealRecord(umk, ref, Buffer.from('a text'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('box', 'dek'),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (part, n, mask) => {
          const changed = sealed[part === 'box' ? 'box' : 'dek'].slice();
          changed[n % changed.length] = (changed[n % changed.length] ?? 0) ^ mask;
          await failure(openRecord(umk, ref, { ...sealed, [part]: changed }));
          await failure(openRecord(umk, ref, { ...sealed, [part]: changed.subarray(0, n % changed.length) }));
          await failure(openRecord(umk, ref, { ...sealed, [part]: Uint8Array.of(...changed, 0) }));
        },
      ),
    );
  });

  test('the data-encryption key is zero afterwards', async () => {
    const drawn: Uint8Array[] = [];
    const random = (length: number) => {
      const value = new Uint8Array(length).fill(7);
      drawn.push(value);
      return value;
    };
    const ref = { user: 'u', type: 'memory', id: 'r' };
    const umk = await importUmk(bytes('umk', 32));
    await openRecord(umk, ref, await sealRecord(umk, ref, Buffer.from('a text'), random));
    expect(drawn[0]).toEqual(new Uint8Array(32));
  });

  test('only canonical base64 is read', () => {
    expect(() => decodePublished('AA=')).toThrow(DecryptionError);
    expect(() => decodePublished('AB==')).toThrow(DecryptionError);
    expect(() => decodePublished('-_==')).toThrow(DecryptionError);
    expect(() => decodePublished('AA==\n')).toThrow(DecryptionError);
    expect(decodePublished('+/8=')).toEqual(Uint8Array.of(0xfb, 0xff));
  });
});

describe('the wrap of a UMK for a device', () => {
  const devices = Array.from({ length: 12 }, (_, at) => ({
    id: `device-${at}`,
    receiver: bytes(`receiver ${at}`, 32),
    sender: bytes(`sender ${at}`, 32),
    salt: bytes(`salt ${at}`, 32),
    umk: bytes(`wrapped umk ${at}`, 32),
  }));

  test.each(devices)('$id: opens what the independent implementation wrapped', async (vector) => {
    const { id, receiver, sender, salt, umk } = vector;
    const kek = published.kek(sender, point(receiver), salt, id);
    const box = published.seal(kek, `pia-umk-wrap-v1:${id}`, umk, bytes(`nonce ${id}`, 12));
    const { privateKey } = await importKeyPair('ECDH', point(receiver), receiver);
    const wrap = { salt: new Uint8Array(salt), box: decodePublished(box) };
    expect(Buffer.from(await unwrapUmkAtDevice({ id, privateKey }, point(sender), wrap))).toEqual(umk);
    await failure(unwrapUmkAtDevice({ id: 'another', privateKey }, point(sender), wrap));
    await failure(unwrapUmkAtDevice({ id, privateKey }, point(receiver), wrap));
    await failure(unwrapUmkAtDevice({ id, privateKey }, new Uint8Array(65).fill(4), wrap));
    await failure(unwrapUmkAtDevice({ id, privateKey }, point(sender), { ...wrap, salt: wrap.salt.subarray(1) }));
  });

  test('a salt of another length is refused, even where the wrap would open', async () => {
    const [sender, receiver, salt] = [bytes('s', 32), bytes('r', 32), bytes('short', 16)];
    const kek = published.kek(sender, point(receiver), salt, 'device');
    const box = decodePublished(published.seal(kek, 'pia-umk-wrap-v1:device', bytes('umk', 32), bytes('n', 12)));
    const { privateKey } = await importKeyPair('ECDH', point(receiver), receiver);
    const wrap = { salt: new Uint8Array(salt), box };
    await failure(unwrapUmkAtDevice({ id: 'device', privateKey }, point(sender), wrap));
  });

  test.each(devices)('$id: the independent implementation opens what was wrapped', async (vector) => {
    const { id, receiver, sender, umk } = vector;
    const { privateKey } = await importKeyPair('ECDH', point(sender), sender);
    const { salt, box } = await wrapUmkForDevice(umk, { id, ecdh: point(receiver) }, privateKey);
    const kek = published.kek(receiver, point(sender), salt, id);
    expect(published.open(kek, `pia-umk-wrap-v1:${id}`, toBase64(box))).toEqual(umk);
  });
});

describe('the recovery wrap', () => {
  const argon2id = findNativeArgon2id() ?? expect.fail('this Node has no Argon2id');
  const code = 'ABCD-EFGH-JKMN';
  const umk = bytes('recovered umk', 32);
  const kekOf = (salt: Uint8Array) =>
    argon2Sync('argon2id', { message: code, nonce: salt, memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 });

  test('both ways against the independent implementation', async () => {
    const salt = bytes('recovery salt', 32);
    const box = published.seal(kekOf(salt), 'pia-recovery-wrap-v1', umk, bytes('recovery nonce', 12));
    const opened = await unwrapUmkFromRecovery(argon2id, code, {
      salt: new Uint8Array(salt),
      box: decodePublished(box),
    });
    expect(Buffer.from(opened)).toEqual(umk);
    const wrap = await wrapUmkForRecovery(argon2id, code, umk);
    expect(published.open(kekOf(wrap.salt), 'pia-recovery-wrap-v1', toBase64(wrap.box))).toEqual(umk);
    await failure(unwrapUmkFromRecovery(argon2id, `${code}x`, wrap));
    await failure(unwrapUmkFromRecovery(argon2id, code, { ...wrap, salt: wrap.salt.subarray(1) }));
  });

  test('the parameters are constants that no data can change', () => {
    expect(recoveryArgon2id).toEqual({ memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 });
  });
});

describe('the published plaintext', () => {
  test('bare JSON and compressed JSON are read, and written compressed', async () => {
    const value = { text: 'ä'.repeat(500), list: [1, null] };
    const json = Buffer.from(JSON.stringify(value));
    expect(await readPublishedPlaintext(json)).toEqual(value);
    expect(await readPublishedPlaintext(Buffer.concat([Buffer.of(1), deflateSync(json)]))).toEqual(value);
    const written = await writePublishedPlaintext(value);
    expect(written[0]).toBe(1);
    expect(await readPublishedPlaintext(written)).toEqual(value);
  });

  test('inflation ends at 1 MiB', async () => {
    const bomb = (length: number) =>
      Buffer.concat([Buffer.of(1), deflateSync(Buffer.from(JSON.stringify('a'.repeat(length))))]);
    expect(await readPublishedPlaintext(bomb(maxPublishedJsonBytes - 2))).toHaveLength(maxPublishedJsonBytes - 2);
    await failure(readPublishedPlaintext(bomb(maxPublishedJsonBytes - 1)));
    await failure(readPublishedPlaintext(bomb(100_000_000)));
    await failure(readPublishedPlaintext(Buffer.from(JSON.stringify('a'.repeat(maxPublishedJsonBytes)))));
    await failure(writePublishedPlaintext('a'.repeat(maxPublishedJsonBytes)));
  });

  test('a record of the vault, damaged zlib, and text that is not JSON or not UTF-8 are refused', async () => {
    const damaged = Buffer.concat([Buffer.of(1), deflateSync('{}').subarray(0, -1)]);
    for (const bytes of [
      Buffer.of(2, 0, 0, 0, 0),
      damaged,
      Buffer.from('{'),
      Buffer.from([0x22, 0xff, 0x22]),
      Buffer.of(),
    ]) {
      await failure(readPublishedPlaintext(bytes));
    }
  });
});
