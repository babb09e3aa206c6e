/** Pairing by code at the approving device (docs/format-devices.md, section 10). */
import {
  isCommittedReveal,
  pairingCode,
  pairingNonceLength,
  pairingTranscriptHash,
} from '../../../../core/devices/pairing.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { ApproveByCodeOptions } from '../device-types.ts';
import type { AppendedEntry } from '../vault-engine-types.ts';
import { type Approver, admit, findPairing, requireNewKeys, runApproval, waitForReveal } from './approver.ts';
import { checkConfirmation, pairingRefused, requireConfirmation } from './pairing-checks.ts';
import { type CodeReveal, encodeOffer, parseCommit, parseReveal } from './pairing-messages.ts';
import { deadlineFrom, systemClock } from './wait-for-message.ts';

/**
 * Approves a pending device after a person compared the codes.
 * @throws DeviceVaultError pairing_refused, pairing_unknown, pairing_expired, pairing_busy, not_confirmed, not_an_admin,
 *   device_known, members_full
 */
export async function approveByCode(
  approver: Approver,
  pairing: string,
  options: ApproveByCodeOptions,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const { engine, requests, clock = systemClock } = approver;
  checkConfirmation(options.confirm);
  const time = { clock, deadline: deadlineFrom(clock) };
  return await runApproval(approver, options, settings, async (grant, ownKeys) => {
    const place = await findPairing(approver, pairing, settings);
    // A reveal that is there already was made for the offer of somebody else.
    const commit = place.new.length === 1 && place.new[0] ? parseCommit(place.new[0]) : undefined;
    if (commit === undefined) throw pairingRefused('the message of the new device is not a commitment');
    const { hash: head } = engine.view.state.head;
    const nonce = crypto.getRandomValues(new Uint8Array(pairingNonceLength));
    await requests.put(pairing, encodeOffer({ keys: ownKeys, nonce, head }), settings);
    try {
      const message = await waitForReveal(approver, time, pairing, settings);
      const reveal = await openReveal(commit, message);
      await requireNewKeys(approver, reveal.keys);
      const transcript = await pairingTranscriptHash({
        scope: engine.scope,
        pairing,
        newKeys: reveal.keys,
        newNonce: reveal.nonce,
        approverKeys: ownKeys,
        approverNonce: nonce,
        head,
      });
      await requireConfirmation(options.confirm, { code: pairingCode(transcript) }, time, settings);
      const agree = async () => ({ transcript });
      return await admit(approver, grant, { keys: reveal.keys, pairing, agree }, settings);
    } finally {
      // Frees the place: the pairing is over, however it ended. The new device has read all of its messages.
      await requests.delete(pairing, settings).catch(() => undefined);
    }
  });
}

/** Compares with the commitment that was seen first, not with what the service says now. */
async function openReveal(commit: Bytes, message: Bytes): Promise<CodeReveal> {
  const reveal = parseReveal(message);
  const isCommitted = reveal !== undefined && (await isCommittedReveal(commit, reveal.nonce, reveal.keys));
  if (!isCommitted) throw pairingRefused('the new device revealed other keys than it had committed to');
  return reveal;
}
