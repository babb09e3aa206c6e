/** The worked examples of docs/format-sessions.md, read from the page itself and recomputed. */
import { describe, expect, test } from 'vitest';
import { deviceIdOf } from '../../../core/directory/directory-ids.ts';
import { concatBytes, encodeFieldBytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { blake2b256 } from '../../../core/hazmat/blake2b.ts';
import { ed25519PublicKey } from '../../../core/hazmat/ed25519.ts';
import { decapsulate, encapsulate, kemPublicKey } from '../../../core/hazmat/ml-kem-768.ts';
import { x25519PublicKey, x25519SharedSecret } from '../../../core/hazmat/x25519.ts';
import { attachmentBlobLength, openAttachment, sealAttachment, sealFile } from '../../../core/sessions/attachment.ts';
import type { OwnKeys } from '../../../core/sessions/device-keys.ts';
import { encodeFileList, parseFileList } from '../../../core/sessions/file-list.ts';
import { acceptHandshake, initiateHandshake, readAssociatedData } from '../../../core/sessions/handshake.ts';
import { deriveAeadKey, deriveChainStep, deriveRootStep } from '../../../core/sessions/key-derivation.ts';
import {
  encodeContent,
  type MessageContent,
  parseContent,
  unpadContent,
} from '../../../core/sessions/message-content.ts';
import { openMessage } from '../../../core/sessions/open-message.ts';
import { beginSession, noSessions, type PeerSessions, sealMessage } from '../../../core/sessions/peer-sessions.ts';
import { decodePeerSessions, encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import { acceptResync, createResync } from '../../../core/sessions/resync.ts';
import { readExamplePage } from '../example-page.ts';

const { text, hex, unread } = readExamplePage('format-sessions.md');
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const time = (number: number): number => Number(text(`time ${number}`));

/** Returns these values, one in each call. */
const draws = (...names: string[]) => {
  const rest = names.map(hex);
  return (length: number): Uint8Array => {
    const next = rest.shift() ?? expect.fail('too many draws');
    expect(next).toHaveLength(length);
    return next;
  };
};

const org = text('org');
const device = (name: string): OwnKeys => ({
  org,
  device: { id: text(`${name} id`), ik: hex(`${name} ik`), dh: hex(`${name} dh`) },
  dhSecret: hex(`${name} dh secret`),
});
const [a, b] = [device('A'), device('B')];
const signed = {
  spk: { id: Number(text('spk id')), key: hex('spk') },
  kem: { id: Number(text('kem id')), key: hex('kem') },
};
const bundle = { ...signed, opk: { id: Number(text('opk id')), key: hex('opk') } };
const secrets = () => ({
  spk: { id: bundle.spk.id, secret: hex('spk secret') },
  kem: { id: bundle.kem.id, seed: hex('kem seed') },
  opk: { id: bundle.opk.id, secret: hex('opk secret') },
});

/** The plaintext of a message, with its padding. */
const contentOf = (name: string): MessageContent => {
  const padded = new Uint8Array(256);
  padded.set(hex(`plaintext ${name}`));
  return parseContent(padded);
};

/** The five messages, in the order of the page. */
function exchange() {
  let [setA, setB] = [noSessions(b), noSessions(a)];
  const messages = new Map<string, Uint8Array>();
  const seal = (set: PeerSessions, name: string, at: number, ...random: string[]): PeerSessions => {
    const sealed = sealMessage(set, contentOf(name), at, draws(...random, `nonce ${name}`));
    messages.set(name, sealed.bytes);
    return sealed.set;
  };
  const open = (set: PeerSessions, own: OwnKeys, name: string, at: number): PeerSessions => {
    const preKeys = name === 'A0' ? secrets() : undefined;
    const opened = openMessage(set, own, messages.get(name) ?? new Uint8Array(0), at, preKeys);
    expect(opened.content).toEqual(contentOf(name));
    expect(opened.sessionId).toBe(text('session id'));
    return opened.set;
  };
  setA = beginSession(setA, a, bundle, time(1), draws('EKa secret', 'KEM message'));
  setA = seal(setA, 'A0', time(1), 'A ratchet secret');
  setA = seal(setA, 'A1', time(2));
  setA = seal(setA, 'A2', time(3));
  setB = open(open(setB, b, 'A0', time(1)), b, 'A2', time(3));
  const stored = encodePeerSessions(setB);
  setB = seal(setB, 'B0', time(4), 'B ratchet secret');
  setA = seal(open(setA, a, 'B0', time(4)), 'A3', time(5), 'A ratchet secret 2');
  setB = open(open(setB, b, 'A3', time(5)), b, 'A1', time(5));
  return { messages, stored, setA, setB };
}

describe('docs/format-sessions.md', () => {
  test('section 1: keys and ids', () => {
    for (const name of ['A', 'B']) {
      expect(toHex(ed25519PublicKey(hex(`${name} ik seed`)))).toBe(text(`${name} ik`));
      expect(toHex(x25519PublicKey(hex(`${name} dh secret`)))).toBe(text(`${name} dh`));
      expect(deviceIdOf(org, { ik: hex(`${name} ik`), dh: hex(`${name} dh`) })).toBe(text(`${name} id`));
    }
    for (const name of ['spk', 'opk']) expect(toHex(x25519PublicKey(hex(`${name} secret`)))).toBe(text(name));
    expect(toHex(kemPublicKey(hex('kem seed')))).toBe(text('kem'));
  });

  test('section 2: the steps of the handshake', () => {
    expect(toHex(x25519PublicKey(hex('EKa secret')))).toBe(text('EKa'));
    const { ciphertext, secret } = encapsulate(hex('kem'), hex('KEM message'));
    expect([toHex(ciphertext), toHex(secret)]).toEqual([text('CT'), text('SS')]);
    expect(toHex(decapsulate(hex('kem seed'), ciphertext).secret)).toBe(text('SS'));
    expect(toHex(x25519SharedSecret(hex('A dh secret'), hex('spk')))).toBe(text('DH1'));
    expect(toHex(x25519SharedSecret(hex('EKa secret'), hex('B dh')))).toBe(text('DH2'));
    expect(toHex(x25519SharedSecret(hex('EKa secret'), hex('spk')))).toBe(text('DH3'));
    expect(toHex(x25519SharedSecret(hex('EKa secret'), hex('opk')))).toBe(text('DH4'));
  });

  test('section 2: both sides have SK, AD and the session id', () => {
    const begun = initiateHandshake(a, b, bundle, draws('EKa secret', 'KEM message'));
    const accepted = acceptHandshake(b, a, secrets(), readAssociatedData(begun.associatedData));
    for (const { sharedKey, associatedData } of [begun, accepted]) {
      expect(toHex(sharedKey)).toBe(text('SK'));
      expect(toHex(associatedData)).toBe(text('AD'));
      expect(toHex(blake2b256(associatedData).subarray(0, 16))).toBe(text('session id'));
    }
  });

  test('section 2: the same without one-time prekey', () => {
    const begun = initiateHandshake(a, b, signed, draws('EKa secret', 'KEM message'));
    expect(toHex(begun.sharedKey)).toBe(text('SK without opk'));
    expect(begun.associatedData).toHaveLength(Number(text('AD bytes without opk')));
    expect(toHex(blake2b256(begun.associatedData).subarray(0, 16))).toBe(text('session id without opk'));
  });

  test('sections 3 and 4: the keys of the chains', () => {
    const step = (rootKey: string, secret: string, key: Uint8Array) =>
      deriveRootStep(hex(rootKey), x25519SharedSecret(hex(secret), key));
    const first = step('SK', 'A ratchet secret', hex('spk'));
    const second = step('RK 1', 'B ratchet secret', x25519PublicKey(hex('A ratchet secret')));
    const third = step('RK 2', 'A ratchet secret 2', x25519PublicKey(hex('B ratchet secret')));
    expect([first, second, third].map(({ rootKey }) => toHex(rootKey))).toEqual(
      ['RK 1', 'RK 2', 'RK 3'].map((name) => text(name)),
    );
    const [a0, b0, a3] = [first, second, third].map(({ chainKey }) => toHex(chainKey));
    expect([a0, b0, a3]).toEqual([text('CK A0'), text('CK B0'), text('CK A3')]);
    for (const name of ['A0', 'A1', 'A2', 'B0', 'A3']) {
      expect(toHex(deriveChainStep(hex(`CK ${name}`)).messageKey)).toBe(text(`message key ${name}`));
    }
    for (const [name, next] of [
      ['A0', 'A1'],
      ['A1', 'A2'],
    ] as const)
      expect(toHex(deriveChainStep(hex(`CK ${name}`)).chainKey)).toBe(text(`CK ${next}`));
    for (const name of ['A0', 'B0']) {
      expect(toHex(deriveAeadKey(hex(`message key ${name}`)))).toBe(text(`AEAD key ${name}`));
    }
    expect(toHex(x25519PublicKey(hex('A ratchet secret')))).toBe(text('A ratchet key'));
    expect(toHex(x25519PublicKey(hex('B ratchet secret')))).toBe(text('B ratchet key'));
  });

  test('section 4: the messages, which the other side opens', () => {
    const { messages } = exchange();
    for (const name of ['A0', 'B0', 'A3']) {
      expect(toHex(messages.get(name) ?? hex('org'))).toBe(text(`message ${name}`));
    }
    expect(toHex(blake2b256(messages.get('A2') ?? hex('org')))).toBe(text('message A2 BLAKE2b-256'));
  });

  test('section 5: the plaintexts', () => {
    for (const name of ['A0', 'A1', 'A2', 'B0', 'A3']) {
      const encoded = encodeContent(contentOf(name));
      const fields = unpadContent(encoded) ?? expect.fail('not padded');
      expect(toHex(concatBytes(encoded.subarray(0, 5), fields))).toBe(text(`plaintext ${name}`));
      expect(encoded).toHaveLength(256);
    }
  });

  test('section 6: the file', () => {
    const id = hex('file message id');
    const { bytes, reference } = sealFile(org, id, utf8Bytes('hello'), draws('file key', 'file nonce'));
    expect(toHex(bytes)).toBe(text('file blob'));
    const file = { name: 'hello.txt', type: 'text/plain', ...reference, blob: 'blob-2' };
    const list = { text: 'see below', files: [file] };
    expect(toHex(encodeFileList(list))).toBe(text('file list'));
    expect(parseFileList(hex('file list'))).toEqual(list);
    expect(openAttachment(org, id, file, bytes)).toEqual(utf8Bytes('hello'));
  });

  test('section 6: the attachment', () => {
    const body = utf8Bytes('a'.repeat(5_000));
    const id = hex('attachment message id');
    const { bytes, reference } = sealAttachment(org, id, body, draws('attachment key', 'attachment nonce'));
    expect(bytes).toHaveLength(Number(text('blob bytes')));
    expect(attachmentBlobLength(body.length)).toBe(bytes.length);
    expect(toHex(bytes.subarray(0, 64))).toBe(text('blob start'));
    expect([toHex(reference.ciphertextHash), toHex(reference.bodyHash)]).toEqual([
      text('blob hash'),
      text('body hash'),
    ]);
    const named = { ...reference, blob: text('blob name') };
    const content = { ...contentOf('A0'), id, body: named };
    const encoded = unpadContent(encodeContent(content)) ?? expect.fail('not padded');
    expect(toHex(encoded).endsWith(text('reference'))).toBe(true);
    expect(parseContent(encodeContent(content))).toEqual(content);
    expect(openAttachment(org, id, named, bytes)).toEqual(body);
  });

  test('section 7: the set as bytes', () => {
    const { stored, setB } = exchange();
    expect(toHex(stored)).toBe(text('set of B'));
    expect(encodePeerSessions(decodePeerSessions(hex('set of B')))).toEqual(stored);
    expect(encodePeerSessions(decodePeerSessions(encodePeerSessions(setB)))).toEqual(encodePeerSessions(setB));
  });

  test('section 8: the resync', () => {
    const { setA, setB } = exchange();
    const sent = createResync(setB, b, hex('B ik seed'), Number(text('resync time')), draws('resync nonce'));
    expect(toHex(sent.bytes)).toBe(text('resync'));
    expect(text('resync')).toContain(text('statement'));
    const obeyed = acceptResync(setA, a, sent.bytes, Number(text('resync time')));
    expect(toHex(obeyed?.nonce ?? hex('org'))).toBe(text('resync nonce'));
    expect(text('statement').endsWith(toHex(encodeFieldBytes(hex('resync nonce'))) + statedTime())).toBe(true);
  });

  test('every example was read', () => {
    expect(unread(() => true)).toEqual([]);
  });
});

const statedTime = (): string => `00000008${Number(text('resync time')).toString(16).padStart(16, '0')}`;
