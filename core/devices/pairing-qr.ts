/** Pairing by QR code (docs/format-devices.md, section 10). */

import { type Bytes, concatBytes, encodeFieldBytes, equalBytes, utf8Bytes } from '../encoding/bytes.ts';
import { fromBase32, toBase32 } from '../encoding/crockford-base32.ts';
import { decodeTextField } from '../encoding/field-reader.ts';
import { portableHmacSha256, portableSha256, verifyPortableHmacSha256 } from '../hazmat/portable-hash.ts';
import { hashLength } from './chain-entry.ts';
import { isOpaqueIdText, joinKeys, type MemberKeys, scopeFields, type VaultScope } from './vault-scope.ts';

/** Which device displays the code. */
export type QrDisplayer = 'new' | 'approver';

export interface PairingQr {
  readonly displayer: QrDisplayer;
  readonly pairing: string;
  /** 32 random bytes that only the two devices know. */
  readonly secret: Bytes;
  /** Hash of the keys of the displayer. */
  readonly keysHash: Bytes;
}

/** Upper case, digits and a hyphen only, so that QR codes use the compact alphanumeric mode. */
const prefixes: Record<QrDisplayer, string> = { new: 'ANIMA-N1-', approver: 'ANIMA-A1-' };
const pairingLength = 16;
const secretLength = 32;
const contentLength = pairingLength + secretLength + hashLength;

export const qrKeysHash = (keys: MemberKeys): Promise<Bytes> => portableSha256(joinKeys(keys));

/** Whether the keys are those of the displayer. */
export const areKeysOfQr = async ({ keysHash }: PairingQr, keys: MemberKeys): Promise<boolean> =>
  equalBytes(keysHash, await qrKeysHash(keys));

/** The text of the QR code. */
export function encodePairingQr({ displayer, pairing, secret, keysHash }: PairingQr): string {
  const content = concatBytes(utf8Bytes(pairing), secret, keysHash);
  if (content.length !== contentLength || !isOpaqueIdText(pairing)) throw new RangeError('not a pairing');
  return prefixes[displayer] + toBase32(content).toUpperCase();
}

/** Parses the text of a QR code; undefined for any other text. */
export function parsePairingQr(text: string): PairingQr | undefined {
  const displayer = text.startsWith(prefixes.new) ? 'new' : 'approver';
  const body = text.slice(prefixes[displayer].length);
  const content = fromBase32(body.toLowerCase());
  if (!text.startsWith(prefixes[displayer]) || content?.length !== contentLength) return undefined;
  const pairing = decodeTextField(content.subarray(0, pairingLength)) ?? '';
  if (!isOpaqueIdText(pairing) || !/^[0-9A-Z]*$/.test(body)) return undefined;
  return {
    displayer,
    pairing,
    secret: content.slice(pairingLength, pairingLength + secretLength),
    keysHash: content.slice(pairingLength + secretLength),
  };
}

interface QrMessageParts {
  readonly scope: VaultScope;
  readonly pairing: string;
  readonly newKeys: MemberKeys;
}

/** The message of a new device that scanned the code. It knows the hash of the other keys only. */
export interface NewDeviceQrMessage extends QrMessageParts {
  readonly approverKeysHash: Uint8Array;
}

/** The message of the approver, whichever device displays the code. */
export interface ApproverQrMessage extends QrMessageParts {
  readonly approverKeys: MemberKeys;
  /** Hash of the head of the chain before the entry `add`. */
  readonly head: Uint8Array;
}

/** The content of a message that is authenticated by the secret of the QR code. */
export type QrMessage = NewDeviceQrMessage | ApproverQrMessage;

function encodeMessage(message: QrMessage): Bytes {
  const { scope, pairing, newKeys } = message;
  const [sender, approver, head] =
    'head' in message
      ? (['approver', joinKeys(message.approverKeys), message.head] as const)
      : (['new', message.approverKeysHash, ''] as const);
  return encodeFieldBytes(
    'anima:pairing-qr:v1',
    sender,
    ...scopeFields(scope),
    pairing,
    joinKeys(newKeys),
    approver,
    head,
  );
}

export const qrMessageMac = (secret: Uint8Array, message: QrMessage): Promise<Bytes> =>
  portableHmacSha256(secret, encodeMessage(message));

export const verifyQrMessageMac = (secret: Uint8Array, message: QrMessage, mac: Uint8Array): Promise<boolean> =>
  verifyPortableHmacSha256(secret, encodeMessage(message), mac);

/** The hash that the entry `add` contains after a pairing by QR code. */
export const qrTranscriptHash = (message: ApproverQrMessage): Promise<Bytes> => portableSha256(encodeMessage(message));
