/** Pairing by code at the new device (docs/format-devices.md, section 10). */
import { publicKeysOf } from '../../../../core/devices/device-keys.ts';
import {
  pairingCode,
  pairingCommitment,
  pairingNonceLength,
  pairingTranscriptHash,
} from '../../../../core/devices/pairing.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { ConfirmCode, PendingPairing } from '../device-types.ts';
import { newOpaqueId } from '../open-vault.ts';
import { awaitAdmission } from './await-admission.ts';
import { checkConfirmation, getPairing, knownPairing, pairingRefused, requireConfirmation } from './pairing-checks.ts';
import { encodeCommit, encodeReveal, parseOffer } from './pairing-messages.ts';
import type { CandidateDevice, NewDeviceRequests, PairingClock } from './pairing-ports.ts';
import { deadlineFrom, endOf, systemClock, waitUntil } from './wait-for-message.ts';

export interface JoinByCode {
  readonly device: CandidateDevice;
  readonly requests: NewDeviceRequests;
  readonly confirm: ConfirmCode;
  readonly onWaiting?: ((pairing: PendingPairing) => void) | undefined;
  readonly clock?: PairingClock | undefined;
}

/**
 * Makes this device a member. Each call uses a new nonce; the caller makes new keys for each.
 * @throws DeviceVaultError pairing_refused, pairing_unknown, pairing_expired, not_confirmed, admission_refused
 */
export async function joinByCode(join: JoinByCode, settings: CallSettings): Promise<void> {
  const { device, requests, clock = systemClock } = join;
  checkConfirmation(join.confirm);
  const keys = publicKeysOf(device.keys);
  const nonce = crypto.getRandomValues(new Uint8Array(pairingNonceLength));
  const pairing = newOpaqueId();
  const deadline = deadlineFrom(clock);
  const commit = encodeCommit(await pairingCommitment(nonce, keys));
  await requests.put(pairing, 1, commit, settings);
  join.onWaiting?.({ pairing, expiresAt: endOf(deadline) });
  const message = await waitUntil(clock, deadline, settings, async () => {
    return (await getPairing(requests, pairing, settings)).approver[0];
  });
  const offer = parseOffer(message);
  if (offer === undefined) throw pairingRefused('the message of the approving device has another form');
  // Revealed once, for this offer only: a second offer would give its sender another guess of the code.
  await knownPairing(requests.put(pairing, 2, encodeReveal({ keys, nonce }), settings));
  const transcript = await pairingTranscriptHash({
    scope: device.scope,
    pairing,
    newKeys: keys,
    newNonce: nonce,
    approverKeys: offer.keys,
    approverNonce: offer.nonce,
    head: offer.head,
  });
  await requireConfirmation(join.confirm, { code: pairingCode(transcript) }, { clock, deadline }, settings);
  const admission = { pairing, transcript, approverKeys: offer.keys, head: offer.head };
  await awaitAdmission({ device, requests, clock, deadline }, admission, settings);
}
