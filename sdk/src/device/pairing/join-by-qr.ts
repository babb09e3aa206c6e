/** Pairing by QR code at the new device: it displays the code, or scans that of an approving device. */
import { publicKeysOf } from '../../../../core/devices/device-keys.ts';
import {
  areKeysOfQr,
  encodePairingQr,
  parsePairingQr,
  qrKeysHash,
  qrMessageMac,
  qrTranscriptHash,
  verifyQrMessageMac,
} from '../../../../core/devices/pairing-qr.ts';
import type { MemberKeys } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { deviceError } from '../device-errors.ts';
import type { DisplayedQr } from '../device-types.ts';
import { newOpaqueId } from '../open-vault.ts';
import { awaitAdmission } from './await-admission.ts';
import { getPairing, pairingRefused } from './pairing-checks.ts';
import { encodeDisplayedKeys, encodeScannerRequest, parseQrApproval, type QrMode } from './pairing-messages.ts';
import type { CandidateDevice, NewDeviceRequests, PairingClock } from './pairing-ports.ts';
import { deadlineFrom, endOf, systemClock, waitUntil } from './wait-for-message.ts';

export interface JoinByQr {
  readonly device: CandidateDevice;
  readonly requests: NewDeviceRequests;
  readonly clock?: PairingClock | undefined;
}

/** Bytes of the secret that only the QR code carries. */
export const qrSecretLength = 32;

/**
 * Displays a QR code for an approving device to scan.
 * @param show called with the code when it can be scanned
 * @throws DeviceVaultError pairing_refused, pairing_unknown, pairing_expired, admission_refused
 */
export async function showJoinQr(
  { device, requests, clock = systemClock }: JoinByQr,
  show: (qr: DisplayedQr) => void,
  settings: CallSettings,
): Promise<void> {
  const newKeys = publicKeysOf(device.keys);
  const pairing = newOpaqueId();
  const secret = crypto.getRandomValues(new Uint8Array(qrSecretLength));
  const deadline = deadlineFrom(clock);
  try {
    const text = encodePairingQr({ displayer: 'new', pairing, secret, keysHash: await qrKeysHash(newKeys) });
    await requests.put(pairing, 1, encodeDisplayedKeys(newKeys), settings);
    show({ text, pairing, expiresAt: endOf(deadline) });
    await awaitApproval({ device, requests, clock }, { mode: 'qr-new', pairing, secret }, deadline, settings);
  } finally {
    secret.fill(0);
  }
}

/**
 * Joins with the scanned QR code of an approving device.
 * @param text the text of the QR code
 * @throws DeviceVaultError qr_refused, pairing_refused, pairing_unknown, pairing_expired, admission_refused
 */
export async function joinByQr(
  { device, requests, clock = systemClock }: JoinByQr,
  text: string,
  settings: CallSettings,
): Promise<void> {
  const qr = typeof text === 'string' ? parsePairingQr(text) : undefined;
  if (qr?.displayer !== 'approver')
    throw deviceError('qr_refused', { detail: 'it is not the code of an approving device' });
  const { pairing, secret } = qr;
  const newKeys = publicKeysOf(device.keys);
  const deadline = deadlineFrom(clock);
  try {
    const signed = { scope: device.scope, pairing, newKeys, approverKeysHash: qr.keysHash };
    const request = encodeScannerRequest({ keys: newKeys, mac: await qrMessageMac(secret, signed) });
    await requests.put(pairing, 1, request, settings);
    const isDisplayer = (keys: MemberKeys) => areKeysOfQr(qr, keys);
    const expected = { mode: 'qr-approver', pairing, secret, isApprover: isDisplayer } as const;
    await awaitApproval({ device, requests, clock }, expected, deadline, settings);
  } finally {
    secret.fill(0);
  }
}

/** The message that a new device waits for. */
interface ExpectedApproval {
  readonly mode: QrMode;
  readonly pairing: string;
  readonly secret: Bytes;
  /** Whether these keys are those of the device that displayed the code; absent if this device displayed it. */
  readonly isApprover?: ((keys: MemberKeys) => Promise<boolean>) | undefined;
}

/** Waits for the message of the approver, verifies it, and reads the log, which has this device by then. */
async function awaitApproval(
  { device, requests, clock }: JoinByQr & { readonly clock: PairingClock },
  { mode, pairing, secret, isApprover }: ExpectedApproval,
  deadline: number,
  settings: CallSettings,
): Promise<void> {
  const message = await waitUntil(clock, deadline, settings, async () => {
    return (await getPairing(requests, pairing, settings)).approver[0];
  });
  const approval = parseQrApproval(mode, message);
  if (approval === undefined) throw pairingRefused('the message of the approving device has another form');
  const { keys: approverKeys, head, mac } = approval;
  const isDisplayer = isApprover === undefined || (await isApprover(approverKeys));
  if (!isDisplayer) throw pairingRefused('the service has other keys than the displayed code');
  const signed = { scope: device.scope, pairing, newKeys: publicKeysOf(device.keys), approverKeys, head };
  const isAuthentic = await verifyQrMessageMac(secret, signed, mac);
  if (!isAuthentic) throw pairingRefused('the answer does not come from the device that shares the QR code');
  const admission = { pairing, transcript: await qrTranscriptHash(signed), approverKeys, head };
  await awaitAdmission({ device, requests, clock, deadline }, admission, settings);
}
