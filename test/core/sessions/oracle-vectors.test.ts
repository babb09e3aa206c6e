/** The protocol against foreign implementations (test/vectors/sessions, test/sessions/python-oracle). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeFieldBytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { hkdfSha256 } from '../../../core/hazmat/hkdf-sha256.ts';
import { decapsulate, kemPublicKey } from '../../../core/hazmat/ml-kem-768.ts';
import { x25519PublicKey, x25519SharedSecret } from '../../../core/hazmat/x25519.ts';
import { deviceIdOf, type OwnKeys } from '../../../core/sessions/device-keys.ts';
import { acceptHandshake, readAssociatedData } from '../../../core/sessions/handshake.ts';
import { deriveSharedKey } from '../../../core/sessions/key-derivation.ts';
import { encodeFramePrefix, parseFrame } from '../../../core/sessions/message-frame.ts';
import { decryptMessage, encryptMessage } from '../../../core/sessions/ratchet.ts';
import { initiatorState, type RatchetState, responderState } from '../../../core/sessions/ratchet-state.ts';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../vectors/sessions/${name}.json`, import.meta.url), 'utf8'));
const hex = (text = ''): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Send {
  readonly send: number;
  readonly by: 'A' | 'B';
  readonly plaintext: string;
  readonly nonce: string;
  readonly frame: string;
}
interface Deliver {
  readonly deliver: number;
  readonly by: 'A' | 'B';
}
interface Vectors {
  readonly org: string;
  readonly ids: { readonly spk: number; readonly kem: number; readonly opk: number };
  readonly secrets: Readonly<Record<'dhA' | 'dhB' | 'spk' | 'opk' | 'ephemeral', string>>;
  readonly iks: Readonly<Record<'A' | 'B', string>>;
  readonly kem: Readonly<Record<'seed' | 'key' | 'ciphertext' | 'secret', string>>;
  readonly deviceIdOfA: string;
  readonly handshakes: readonly {
    readonly hasOneTimeKey: boolean;
    readonly sharedKey: string;
    readonly sharedKeyWithoutKem: string;
    readonly associatedData: string;
  }[];
  readonly transcript: {
    readonly ratchetSecrets: Readonly<Record<'A' | 'B', readonly string[]>>;
    readonly events: readonly (Send | Deliver)[];
  };
}
const vectors: Vectors = read('x3dh-double-ratchet');
const { secrets, ids, kem, transcript } = vectors;

const ownKeys = (dhSecret: string, ik: string): OwnKeys => {
  const keys = { ik: hex(ik), dh: x25519PublicKey(hex(dhSecret)) };
  const device = { id: deviceIdOf(vectors.org, keys), ...keys };
  return { org: vectors.org, device, dhSecret: hex(dhSecret) };
};
const [a, b] = [ownKeys(secrets.dhA, vectors.iks.A), ownKeys(secrets.dhB, vectors.iks.B)];

/** The Diffie-Hellman results of the initiator. */
const secretsOfA = (hasOneTimeKey: boolean) => {
  const [dh, ephemeral] = [hex(secrets.dhA), hex(secrets.ephemeral)];
  const [spk, opk] = [x25519PublicKey(hex(secrets.spk)), x25519PublicKey(hex(secrets.opk))];
  const three = [x25519SharedSecret(dh, spk), x25519SharedSecret(ephemeral, b.device.dh)];
  const last = hasOneTimeKey ? [x25519SharedSecret(ephemeral, opk)] : [];
  return [...three, x25519SharedSecret(ephemeral, spk), ...last];
};

describe('X3DH of PyPI, with ML-KEM-768 of cryptography', () => {
  test.each(vectors.handshakes)('C1: one-time prekey $hasOneTimeKey: both sides have the same key', (vector) => {
    const secretsOfDh = secretsOfA(vector.hasOneTimeKey);
    expect(toHex(deriveSharedKey(secretsOfDh))).toBe(vector.sharedKeyWithoutKem);
    expect(toHex(deriveSharedKey([...secretsOfDh, hex(kem.secret)]))).toBe(vector.sharedKey);
    const preKeys = {
      spk: { id: ids.spk, secret: hex(secrets.spk) },
      kem: { id: ids.kem, seed: hex(kem.seed) },
      ...(vector.hasOneTimeKey ? { opk: { id: ids.opk, secret: hex(secrets.opk) } } : {}),
    };
    const header = readAssociatedData(hex(vector.associatedData));
    expect(header.device).toBe(vectors.deviceIdOfA);
    const accepted = acceptHandshake(b, a, preKeys, header);
    expect(toHex(accepted.sharedKey)).toBe(vector.sharedKey);
    expect(toHex(accepted.associatedData)).toBe(vector.associatedData);
  });

  test('the KEM has the same key and secret', () => {
    expect(toHex(kemPublicKey(hex(kem.seed)))).toBe(kem.key);
    expect(toHex(decapsulate(hex(kem.seed), hex(kem.ciphertext)).secret)).toBe(kem.secret);
  });
});

describe('the KDF of X3DH', () => {
  const vector: Readonly<Record<'inputKeyMaterial' | 'info' | 'key' | 'keyWithPrefixAsSalt', string>> =
    read('x3dh-kdf');

  test('gives the known answer of the agent governance toolkit', () => {
    expect(toHex(deriveSharedKey([hex(vector.inputKeyMaterial)], utf8Bytes(vector.info)))).toBe(vector.key);
  });

  test('a KDF with salt and prefix swapped gives another key, which both vectors would show', () => {
    const swapped = (input: Uint8Array, info: string) =>
      toHex(hkdfSha256(input, new Uint8Array(32).fill(0xff), utf8Bytes(info), 32));
    expect(swapped(hex(vector.inputKeyMaterial), vector.info)).toBe(vector.keyWithPrefixAsSalt);
    const [first] = vectors.handshakes;
    expect(swapped(Buffer.concat(secretsOfA(true)), 'anima:x3dh:v1')).not.toBe(first?.sharedKeyWithoutKem);
  });
});

describe('DoubleRatchet of PyPI, with XChaCha20-Poly1305 of libsodium', () => {
  const [first] = vectors.handshakes;
  const associatedData = hex(first?.associatedData);
  const prefixes = {
    first: encodeFramePrefix(readAssociatedData(associatedData)),
    later: encodeFramePrefix(undefined),
  };

  test('C1: 40 messages in both directions have the same bytes, and open late, out of order or never', () => {
    const states: Record<'A' | 'B', RatchetState> = {
      A: initiatorState(hex(first?.sharedKey), x25519PublicKey(hex(secrets.spk))),
      B: responderState(hex(first?.sharedKey), hex(secrets.spk)),
    };
    const ratchetSecrets = { A: [...transcript.ratchetSecrets.A], B: [...transcript.ratchetSecrets.B] };
    const prefixOf = { A: prefixes.first, B: prefixes.later };
    const sent: Send[] = [];
    const counts = { chains: 0, late: 0, opened: 0 };
    let last = -1;
    for (const event of transcript.events) {
      if ('send' in event) {
        const { by, nonce, plaintext, frame } = event;
        const hadChain = states[by].sending !== undefined;
        const random = (length: number) => (length === 24 ? hex(nonce) : hex(ratchetSecrets[by].shift()));
        const sealed = encryptMessage(states[by], associatedData, prefixOf[by], hex(plaintext), random);
        expect(toHex(sealed.bytes), `message ${event.send}`).toBe(frame);
        states[by] = sealed.state;
        if (!hadChain) counts.chains++;
        sent.push(event);
        continue;
      }
      const message = sent[event.deliver] ?? expect.fail('not sent');
      const frame = parseFrame(hex(message.frame)) ?? expect.fail('no frame');
      const opened = decryptMessage(states[event.by], associatedData, frame, 0);
      expect(toHex(opened.plaintext), `message ${event.deliver}`).toBe(message.plaintext);
      states[event.by] = opened.state;
      prefixOf[event.by] = prefixes.later;
      counts.opened++;
      if (event.deliver < last) counts.late++;
      last = Math.max(last, event.deliver);
    }
    expect(sent).toHaveLength(40);
    expect(counts).toEqual({ chains: expect.any(Number), late: expect.any(Number), opened: 35 });
    // The transcript covers what it must: turns, and messages that arrive after later ones.
    expect(Math.min(counts.chains, counts.late)).toBeGreaterThanOrEqual(5);
  });

  test('a frame of the oracle with one field of the associated data moved does not open', () => {
    const message = transcript.events[0] as Send;
    const frame = parseFrame(hex(message.frame)) ?? expect.fail('no frame');
    const state = () => responderState(hex(first?.sharedKey), hex(secrets.spk));
    expect(toHex(decryptMessage(state(), associatedData, frame, 0).plaintext)).toBe(message.plaintext);
    const moved = encodeFieldBytes(associatedData);
    expect(() => decryptMessage(state(), moved, frame, 0)).toThrow('could not be decrypted');
  });
});
