/** A signed entry that was stored before it was sent. Only the log tells whether it became part of the chain. */
import { type Bytes, encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField } from '../../../core/encoding/field-reader.ts';
import { stored } from './vault-store.ts';

/** The message of a pairing for the device that an entry adds. */
export interface ApprovalMessage {
  readonly pairing: string;
  readonly message: Bytes;
}

export interface PendingEntry {
  readonly signed: Bytes;
  readonly wraps: Bytes | undefined;
  readonly recoveryBox: Bytes | undefined;
  readonly approval: ApprovalMessage | undefined;
}

export const encodePending = ({ signed, wraps, recoveryBox, approval }: PendingEntry): Bytes =>
  encodeFieldBytes(signed, wraps ?? '', recoveryBox ?? '', approval?.pairing ?? '', approval?.message ?? '');

const orAbsent = (bytes: Bytes | undefined): Bytes | undefined =>
  bytes === undefined || bytes.length === 0 ? undefined : new Uint8Array(bytes);

export function decodePending(bytes: Bytes): PendingEntry {
  const [signed, wraps, recoveryBox, pairingField, messageField] = decodeFieldBytes(bytes) ?? [];
  const [pairing, message] = [decodeTextField(pairingField), orAbsent(messageField)];
  return {
    signed: new Uint8Array(stored(signed)),
    wraps: orAbsent(wraps),
    recoveryBox: orAbsent(recoveryBox),
    approval: pairing !== undefined && message !== undefined ? { pairing, message } : undefined,
  };
}
