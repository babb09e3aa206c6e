/** The messages of a pairing over the requests of a device vault. */
import type { PairingInfo } from '../../../../contract/devices/wire.ts';
import { type Bytes, fromBase64, toBase64 } from '../../../../core/encoding/bytes.ts';
import type { DeviceRequests, UserDeviceRequests } from '../device-requests.ts';
import { pairingRefused } from './pairing-checks.ts';
import type { ApproverRequests, NewDeviceRequests, PairingPlace } from './pairing-ports.ts';

/** @throws DeviceVaultError pairing_refused for messages that are not base64 */
function decodePlace({ pairing, expiresAt, new: ofNew, approver }: PairingInfo): PairingPlace {
  return { pairing, expiresAt, new: ofNew.map(decodeMessage), approver: approver.map(decodeMessage) };
}

function decodeMessage(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw pairingRefused('a message is not base64');
  return bytes;
}

export const newDeviceRequests = (user: UserDeviceRequests, vault: string): NewDeviceRequests => ({
  put: async (pairing, step, message, settings) =>
    decodePlace(await user.putNewMessage(vault, pairing, step, toBase64(message), settings)),
  get: async (pairing, settings) => decodePlace(await user.pairing(vault, pairing, settings)),
});

export const approverRequests = (device: DeviceRequests): ApproverRequests => ({
  list: async (settings) => (await device.pairings(settings)).map(decodePlace),
  put: async (pairing, message, settings) =>
    decodePlace(await device.putApproverMessage(pairing, toBase64(message), settings)),
  delete: async (pairing, settings) => {
    await device.deletePairing(pairing, settings);
  },
});
