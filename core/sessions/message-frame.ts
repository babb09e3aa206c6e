/** Messages as the relay carries them (docs/format-sessions.md, section 4). Nothing here is secret or verified. */
import { type Bytes, concatBytes, fromHex, toHex, toNonSharedBytes, u32Bytes } from '../encoding/bytes.ts';
import { decodeU32Field } from '../encoding/field-reader.ts';
import { kemCiphertextLength } from '../hazmat/ml-kem-768.ts';
import { x25519KeyLength } from '../hazmat/x25519.ts';
import { xchachaNonceLength, xchachaTagLength } from '../hazmat/xchacha20-poly1305.ts';
import { deviceIdBytes } from './device-keys.ts';
import { maxMessageBytes } from './limits.ts';

export const frameVersion = 1;
/** The Double Ratchet of this page. All other values are reserved. */
export const ratchetEngine = 1;

export const frameKinds = { first: 1, firstWithOneTimeKey: 2, message: 3, resync: 4 } as const;

/** What the first messages of a session name (X3DH section 3.3). */
export interface HandshakeHeader {
  readonly ephemeral: Bytes;
  /** Id of the device that began the session. */
  readonly device: string;
  readonly spk: number;
  readonly kem: number;
  readonly opk: number | undefined;
  readonly ciphertext: Bytes;
}

/** The header of the Double Ratchet (section 3.5). */
export interface RatchetHeader {
  /** Ratchet key of the sender. */
  readonly dh: Bytes;
  /** Number of messages in the previous sending chain. */
  readonly pn: number;
  /** Number of the message in its chain. */
  readonly n: number;
}

export interface Frame extends RatchetHeader {
  readonly handshake: HandshakeHeader | undefined;
  /** All bytes before the nonce. They are authenticated. */
  readonly header: Bytes;
  readonly nonce: Bytes;
  readonly ciphertext: Bytes;
}

const prefixOf = (kind: number): Bytes => Uint8Array.of(frameVersion, ratchetEngine, kind);

const bytesOfDeviceId = (id: string): Bytes => {
  const bytes = fromHex(id);
  if (bytes?.length !== deviceIdBytes) throw new RangeError('not the id of a device');
  return bytes;
};

/** The bytes before the header of the ratchet. */
export const encodeFramePrefix = (handshake: HandshakeHeader | undefined): Bytes =>
  handshake === undefined
    ? prefixOf(frameKinds.message)
    : concatBytes(
        prefixOf(handshake.opk === undefined ? frameKinds.first : frameKinds.firstWithOneTimeKey),
        handshake.ephemeral,
        bytesOfDeviceId(handshake.device),
        u32Bytes(handshake.spk),
        u32Bytes(handshake.kem),
        handshake.opk === undefined ? new Uint8Array(0) : u32Bytes(handshake.opk),
        handshake.ciphertext,
      );

export const encodeRatchetHeader = ({ dh, pn, n }: RatchetHeader): Bytes => concatBytes(dh, u32Bytes(pn), u32Bytes(n));

/** The third byte of a message of this version; undefined for all other bytes. */
export const frameKind = (bytes: Uint8Array): number | undefined =>
  bytes[0] === frameVersion && bytes[1] === ratchetEngine ? bytes[2] : undefined;

/** Reads a message of the ratchet; undefined for every other form. */
export function parseFrame(message: Uint8Array): Frame | undefined {
  const bytes = toNonSharedBytes(message);
  const kind = frameKind(bytes);
  const isFirst = kind === frameKinds.first || kind === frameKinds.firstWithOneTimeKey;
  if (!isFirst && kind !== frameKinds.message) return undefined;
  let at = 3;
  const take = (length: number): Bytes => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const takeU32 = (): number => decodeU32Field(take(4)) ?? 0;
  const ratchetLength = x25519KeyLength + 8 + xchachaNonceLength + xchachaTagLength;
  const opkLength = kind === frameKinds.firstWithOneTimeKey ? 4 : 0;
  const handshakeLength = isFirst ? x25519KeyLength + deviceIdBytes + 8 + opkLength + kemCiphertextLength : 0;
  if (bytes.length < at + handshakeLength + ratchetLength || bytes.length > maxMessageBytes) return undefined;
  const handshake = isFirst
    ? {
        ephemeral: take(x25519KeyLength),
        device: toHex(take(deviceIdBytes)),
        spk: takeU32(),
        kem: takeU32(),
        opk: opkLength === 0 ? undefined : takeU32(),
        ciphertext: take(kemCiphertextLength),
      }
    : undefined;
  const ratchet = { dh: take(x25519KeyLength), pn: takeU32(), n: takeU32() };
  const header = bytes.subarray(0, at);
  return { handshake, ...ratchet, header, nonce: take(xchachaNonceLength), ciphertext: bytes.subarray(at) };
}
