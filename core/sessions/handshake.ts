/** The handshake of Suite 1: X3DH with ML-KEM-768 (docs/format-sessions.md, section 2). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field } from '../encoding/field-reader.ts';
import { decapsulate, encapsulate, kemSecretLength } from '../hazmat/ml-kem-768.ts';
import { type RandomSource, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import { x25519KeyLength, x25519PublicKey, x25519SharedSecret } from '../hazmat/x25519.ts';
import { deviceIdOf, type OwnKeys, type PeerKeys, type PreKeyBundle, type PreKeySecrets } from './device-keys.ts';
import { deriveSharedKey } from './key-derivation.ts';
import type { HandshakeHeader } from './message-frame.ts';

/** The result of a handshake. */
export interface Handshake {
  /** SK of X3DH: 32 bytes, which become the first root key. */
  readonly sharedKey: Bytes;
  /** Public values that both sides authenticate with each message. */
  readonly associatedData: Bytes;
}

const label = 'anima:dr:v1';

interface Transcript {
  readonly initiator: PeerKeys;
  readonly responder: PeerKeys;
  readonly bundle: PreKeyBundle;
  readonly ephemeral: Bytes;
  readonly ciphertext: Bytes;
}

/** AD (X3DH section 3.3): the initiator first, and everything that was agreed on (PQXDH section 4.10). */
const encodeAssociatedData = ({ initiator, responder, bundle, ephemeral, ciphertext }: Transcript): Bytes =>
  encodeFieldBytes(
    label,
    initiator.org,
    initiator.device.ik,
    initiator.device.dh,
    responder.device.ik,
    responder.device.dh,
    u32Bytes(bundle.spk.id),
    bundle.spk.key,
    u32Bytes(bundle.kem.id),
    bundle.kem.key,
    bundle.opk === undefined ? '' : u32Bytes(bundle.opk.id),
    bundle.opk?.key ?? '',
    ephemeral,
    ciphertext,
  );

/** Fields of the associated data, by their place. */
const places = { org: 1, ik: 2, dh: 3, spk: 6, spkKey: 7, kem: 8, opk: 10, ephemeral: 12, ciphertext: 13, count: 14 };

/** What the associated data of a session says about its handshake. @throws DecryptionError for other bytes */
export function readAssociatedData(bytes: Uint8Array): HandshakeHeader & { readonly spkKey: Bytes } {
  const fields = decodeFieldBytes(bytes) ?? [];
  const at = (place: number): Bytes => fields[place] ?? new Uint8Array(0);
  const [spk, kem, org] = [
    decodeU32Field(at(places.spk)),
    decodeU32Field(at(places.kem)),
    decodeTextField(at(places.org)),
  ];
  if (fields.length !== places.count || decodeTextField(at(0)) !== label) throw new DecryptionError();
  if (spk === undefined || kem === undefined || org === undefined) throw new DecryptionError();
  return {
    device: deviceIdOf(org, { ik: at(places.ik), dh: at(places.dh) }),
    spk,
    spkKey: at(places.spkKey),
    kem,
    opk: decodeU32Field(at(places.opk)),
    ephemeral: at(places.ephemeral),
    ciphertext: at(places.ciphertext),
  };
}

/**
 * Begins a session (X3DH section 3.3).
 * @throws RangeError if the organizations differ, or a key of the peer is not usable
 */
export function initiateHandshake(
  own: OwnKeys,
  peer: PeerKeys,
  bundle: PreKeyBundle,
  random: RandomSource = randomBytes,
): Handshake {
  if (own.org !== peer.org || own.device.id === peer.device.id) throw new RangeError('not a peer');
  const ephemeralSecret = random(x25519KeyLength);
  const message = random(kemSecretLength);
  const { ciphertext, secret } = encapsulate(bundle.kem.key, message);
  const secrets = [
    x25519SharedSecret(own.dhSecret, bundle.spk.key),
    x25519SharedSecret(ephemeralSecret, peer.device.dh),
    x25519SharedSecret(ephemeralSecret, bundle.spk.key),
    ...(bundle.opk === undefined ? [] : [x25519SharedSecret(ephemeralSecret, bundle.opk.key)]),
    secret,
  ];
  const ephemeral = x25519PublicKey(ephemeralSecret);
  for (const used of [ephemeralSecret, message]) used.fill(0);
  return {
    sharedKey: deriveAndErase(secrets),
    associatedData: encodeAssociatedData({ initiator: own, responder: peer, bundle, ephemeral, ciphertext }),
  };
}

function deriveAndErase(secrets: readonly Uint8Array[]): Bytes {
  const key = deriveSharedKey(secrets);
  for (const secret of secrets) secret.fill(0);
  return key;
}

/**
 * The other side (X3DH section 3.4). The result proves nothing until a message opens with it.
 * @throws DecryptionError if the prekeys are not those that the header names, or a key of the peer is not usable
 */
export function acceptHandshake(
  own: OwnKeys,
  peer: PeerKeys,
  preKeys: PreKeySecrets,
  header: HandshakeHeader,
): Handshake {
  const { spk, kem, opk } = preKeys;
  const areNamed = spk.id === header.spk && kem.id === header.kem && opk?.id === header.opk;
  if (!areNamed || own.org !== peer.org || header.device !== peer.device.id) throw new DecryptionError();
  try {
    const { key, secret } = decapsulate(kem.seed, header.ciphertext);
    const secrets = [
      x25519SharedSecret(spk.secret, peer.device.dh),
      x25519SharedSecret(own.dhSecret, header.ephemeral),
      x25519SharedSecret(spk.secret, header.ephemeral),
      ...(opk === undefined ? [] : [x25519SharedSecret(opk.secret, header.ephemeral)]),
      secret,
    ];
    const bundle = {
      spk: { id: spk.id, key: x25519PublicKey(spk.secret) },
      kem: { id: kem.id, key },
      ...(opk === undefined ? {} : { opk: { id: opk.id, key: x25519PublicKey(opk.secret) } }),
    };
    const { ephemeral, ciphertext } = header;
    return {
      sharedKey: deriveAndErase(secrets),
      associatedData: encodeAssociatedData({ initiator: peer, responder: own, bundle, ephemeral, ciphertext }),
    };
  } catch {
    throw new DecryptionError();
  }
}
