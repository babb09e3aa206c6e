/** Pairing by QR code at the approving device: it scans that of a new device, or displays one. */
import {
  areKeysOfQr,
  encodePairingQr,
  type PairingQr,
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
import type { ApproveOptions, DisplayedQr } from '../device-types.ts';
import { newOpaqueId } from '../open-vault.ts';
import type { AppendedEntry } from '../vault-engine-types.ts';
import {
  type Approver,
  admit,
  findPairing,
  type Grant,
  requireNewKeys,
  runApproval,
  waitForScanner,
} from './approver.ts';
import { qrSecretLength } from './join-by-qr.ts';
import { knownPairing, pairingRefused } from './pairing-checks.ts';
import { encodeQrApproval, parseDisplayedKeys, parseScannerRequest, type QrMode } from './pairing-messages.ts';
import { deadlineFrom, endOf, systemClock } from './wait-for-message.ts';

/**
 * Approves the device whose QR code was scanned.
 * @param text the text of the QR code
 * @throws DeviceVaultError qr_refused, pairing_refused, pairing_unknown, pairing_busy, not_an_admin, device_known,
 *   members_full
 */
export async function approveByQr(
  approver: Approver,
  text: string,
  options: ApproveOptions,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const qr = typeof text === 'string' ? parsePairingQr(text) : undefined;
  if (qr?.displayer !== 'new') throw deviceError('qr_refused', { detail: 'it is not the code of a new device' });
  const { pairing, secret } = qr;
  try {
    return await runApproval(approver, options, settings, async (grant, approverKeys) => {
      const [displayed] = (await findPairing(approver, pairing, settings)).new;
      const newKeys = displayed && parseDisplayedKeys(displayed);
      const isDisplayer = newKeys !== undefined && (await areKeysOfQr(qr, newKeys));
      if (!isDisplayer) throw pairingRefused('the service has other keys than the displayed code');
      return await admitByQr(approver, grant, qr, { mode: 'qr-new', newKeys, approverKeys }, settings);
    });
  } finally {
    secret.fill(0);
  }
}

/**
 * Displays a QR code for the new device to scan. The first device that scans it becomes a member, so only the new device may see
 * it.
 * @param show called with the code when it can be scanned
 * @throws DeviceVaultError pairing_refused, pairing_unknown, pairing_expired, pairing_busy, not_an_admin, device_known,
 *   members_full
 */
export async function showApproveQr(
  approver: Approver,
  show: (qr: DisplayedQr) => void,
  options: ApproveOptions,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const { engine, clock = systemClock } = approver;
  const time = { clock, deadline: deadlineFrom(clock) };
  const pairing = newOpaqueId();
  const secret = crypto.getRandomValues(new Uint8Array(qrSecretLength));
  try {
    return await runApproval(approver, options, settings, async (grant, approverKeys) => {
      const keysHash = await qrKeysHash(approverKeys);
      const text = encodePairingQr({ displayer: 'approver', pairing, secret, keysHash });
      show({ text, pairing, expiresAt: endOf(time.deadline) });
      const request = parseScannerRequest(await waitForScanner(approver, time, pairing, settings));
      if (request === undefined) throw pairingRefused('the message of the new device has another form');
      const newKeys = request.keys;
      const signed = { scope: engine.scope, pairing, newKeys, approverKeysHash: keysHash };
      const isScanner = await verifyQrMessageMac(secret, signed, request.mac);
      if (!isScanner) throw pairingRefused('the request does not come from the device that scanned the code');
      const sides = { mode: 'qr-approver', newKeys, approverKeys } as const;
      return await admitByQr(approver, grant, { pairing, secret }, sides, settings);
    });
  } finally {
    secret.fill(0);
  }
}

interface QrSides {
  readonly mode: QrMode;
  readonly newKeys: MemberKeys;
  readonly approverKeys: MemberKeys;
}

/**
 * Adds the new device, and sends it the message that authenticates this device and the chain. An entry that lost its place
 * is drafted again with another head, so its message is made again too.
 */
async function admitByQr(
  approver: Approver,
  grant: Grant,
  { pairing, secret }: Pick<PairingQr, 'pairing' | 'secret'>,
  { mode, newKeys, approverKeys }: QrSides,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const { scope } = approver.engine;
  const agree = async (head: Bytes) => {
    const signed = { scope, pairing, newKeys, approverKeys, head };
    const mac = await qrMessageMac(secret, signed);
    return {
      transcript: await qrTranscriptHash(signed),
      message: encodeQrApproval(mode, { keys: approverKeys, head, mac }),
    };
  };
  await requireNewKeys(approver, newKeys);
  return await knownPairing(admit(approver, grant, { keys: newKeys, pairing, agree }, settings));
}
