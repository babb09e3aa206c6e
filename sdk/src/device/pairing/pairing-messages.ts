/** The messages of a pairing (docs/device-service.md, section 3). A parser accepts exactly one form. */
import { hashLength } from '../../../../core/devices/chain-entry.ts';
import { pairingNonceLength } from '../../../../core/devices/pairing.ts';
import { joinKeys, type MemberKeys, splitKeys } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, encodeFieldBytes } from '../../../../core/encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, fieldOfLength } from '../../../../core/encoding/field-reader.ts';

/** How the two devices authenticate each other. The first field of every message. */
type PairingMode = 'code' | 'qr-new' | 'qr-approver';

const keysLength = 130;
const macLength = 32;

/** The fields after the mode; undefined for another mode, or another number or length of fields. */
function fieldsOf(message: Uint8Array, mode: PairingMode, lengths: readonly number[]): readonly Bytes[] | undefined {
  const [name, ...rest] = decodeFieldBytes(message) ?? [];
  if (decodeTextField(name) !== mode || rest.length !== lengths.length) return undefined;
  const fields = lengths.map((length, at) => fieldOfLength(rest[at], length));
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

/** By code, the new device: its commitment, then its keys and nonce. */
export const encodeCommit = (commit: Bytes): Bytes => encodeFieldBytes('code', commit);

export const parseCommit = (message: Uint8Array): Bytes | undefined => fieldsOf(message, 'code', [hashLength])?.[0];

export interface CodeReveal {
  readonly keys: MemberKeys;
  readonly nonce: Bytes;
}

export const encodeReveal = ({ keys, nonce }: CodeReveal): Bytes => encodeFieldBytes('code', joinKeys(keys), nonce);

export function parseReveal(message: Uint8Array): CodeReveal | undefined {
  const [joined, nonce] = fieldsOf(message, 'code', [keysLength, pairingNonceLength]) ?? [];
  const keys = splitKeys(joined);
  return keys && nonce && { keys, nonce };
}

/** By code, the approver. */
export interface CodeOffer extends CodeReveal {
  /** Hash of its head. */
  readonly head: Bytes;
}

export const encodeOffer = ({ keys, nonce, head }: CodeOffer): Bytes =>
  encodeFieldBytes('code', joinKeys(keys), nonce, head);

export function parseOffer(message: Uint8Array): CodeOffer | undefined {
  const [joined, nonce, head] = fieldsOf(message, 'code', [keysLength, pairingNonceLength, hashLength]) ?? [];
  const keys = splitKeys(joined);
  return keys && nonce && head && { keys, nonce, head };
}

/** By QR code of the new device: its keys. */
export const encodeDisplayedKeys = (keys: MemberKeys): Bytes => encodeFieldBytes('qr-new', joinKeys(keys));

export const parseDisplayedKeys = (message: Uint8Array): MemberKeys | undefined =>
  splitKeys(fieldsOf(message, 'qr-new', [keysLength])?.[0]);

/** By QR code of the approver: the keys of the new device, which scanned it. */
export interface ScannerRequest {
  readonly keys: MemberKeys;
  readonly mac: Bytes;
}

export const encodeScannerRequest = ({ keys, mac }: ScannerRequest): Bytes =>
  encodeFieldBytes('qr-approver', joinKeys(keys), mac);

export function parseScannerRequest(message: Uint8Array): ScannerRequest | undefined {
  const [joined, mac] = fieldsOf(message, 'qr-approver', [keysLength, macLength]) ?? [];
  const keys = splitKeys(joined);
  return keys && mac && { keys, mac };
}

export type QrMode = Exclude<PairingMode, 'code'>;

/** By QR code, the one message of the approver. */
export interface QrApproval {
  readonly keys: MemberKeys;
  /** Hash of the entry before `add`. */
  readonly head: Bytes;
  readonly mac: Bytes;
}

export const encodeQrApproval = (mode: QrMode, { keys, head, mac }: QrApproval): Bytes =>
  encodeFieldBytes(mode, joinKeys(keys), head, mac);

export function parseQrApproval(mode: QrMode, message: Uint8Array): QrApproval | undefined {
  const [joined, head, mac] = fieldsOf(message, mode, [keysLength, hashLength, macLength]) ?? [];
  const keys = splitKeys(joined);
  return keys && head && mac && { keys, head, mac };
}
