/** Devices and their keys, as sessions use them (docs/format-sessions.md, section 1). Nothing here is verified. */
import { type Bytes, encodeFieldBytes, toHex } from '../encoding/bytes.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';

/** The public keys of a device. The caller has verified them in the directory. */
export interface DeviceIdentity {
  /** 32 characters of lower-case hex. */
  readonly id: string;
  /** Ed25519: 32 bytes. */
  readonly ik: Bytes;
  /** X25519: 32 bytes. */
  readonly dh: Bytes;
}

/** A device of an organization. */
export interface PeerKeys {
  readonly org: string;
  readonly device: DeviceIdentity;
}

/** This device. */
export interface OwnKeys extends PeerKeys {
  /** Secret key of `dh`. */
  readonly dhSecret: Bytes;
}

/** Prekeys of a peer. The caller has verified their signatures and claimed the one-time prekey. */
export interface PreKeyBundle {
  /** Signed prekey: X25519. */
  readonly spk: { readonly id: number; readonly key: Bytes };
  /** ML-KEM-768 encapsulation key: 1,184 bytes. */
  readonly kem: { readonly id: number; readonly key: Bytes };
  /** One-time prekey: X25519. */
  readonly opk?: { readonly id: number; readonly key: Bytes };
}

/** Secrets of the prekeys that the first message of a peer names. */
export interface PreKeySecrets {
  readonly spk: { readonly id: number; readonly secret: Bytes };
  /** The seed d ‖ z of the decapsulation key: 64 bytes. */
  readonly kem: { readonly id: number; readonly seed: Bytes };
  readonly opk?: { readonly id: number; readonly secret: Bytes };
}

export const deviceIdBytes = 16;

/** The id of a device: 32 characters of lower-case hex. */
export const deviceIdOf = (org: string, { ik, dh }: Pick<DeviceIdentity, 'ik' | 'dh'>): string =>
  toHex(blake2b256(encodeFieldBytes('anima:device:v1', org, ik, dh)).subarray(0, deviceIdBytes));
