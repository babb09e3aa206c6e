/** The routes of pairings and of the recovery box, for the fake service. */
import { deviceLimits } from '../../../contract/devices/limits.ts';
import { fromBase64, toBase64 } from '../../../core/encoding/bytes.ts';
import { json, problem } from '../fake-fetch.ts';
import type { FakeDeviceService, ServedRequest } from './fake-device-service.ts';

interface Place {
  readonly pairing: string;
  readonly expiresAt: string;
  readonly new: string[];
  readonly approver: string[];
}

/** Adds the routes to a service. @returns the pairings of each vault */
export function withPairings(service: FakeDeviceService): Map<string, Map<string, Place>> {
  const vaults = new Map<string, Map<string, Place>>();
  service.more = async (request) => {
    const [, , , vault = '', part, pairing, side, step] = request.path.split('/');
    const served = service.vaults.get(vault);
    if (served === undefined) return problem('device_vault_not_found');
    if (part === 'recovery' && request.device === undefined) {
      const box = served.log.findLast(({ recoveryBox }) => recoveryBox !== undefined)?.recoveryBox;
      return box === undefined ? problem('recovery_not_found') : json({ box: toBase64(box) });
    }
    if (part !== 'pairings') return undefined;
    const places = vaults.get(vault) ?? new Map<string, Place>();
    vaults.set(vault, places);
    return answerPairing(request, places, { pairing, side, step: Number(step) });
  };
  service.pairings = {
    refusal: (vault, { pairing, message }) => {
      const place = vaults.get(vault)?.get(pairing);
      if (place === undefined) return 'pairing_not_found';
      return (place.approver[0] ?? message) === message ? undefined : 'pairing_conflict';
    },
    add: (vault, { pairing, message }) => {
      const place = vaults.get(vault)?.get(pairing);
      if (place !== undefined) place.approver[0] ??= message;
    },
  };
  return vaults;
}

function answerPairing(
  { method, device, body }: ServedRequest,
  places: Map<string, Place>,
  { pairing, side, step }: { pairing: string | undefined; side: string | undefined; step: number },
): Response {
  const isDevice = device !== undefined;
  if (pairing === undefined) return isDevice ? json({ pairings: [...places.values()] }) : problem('device_refused');
  if (method === 'DELETE') return isDevice ? json({ deleted: places.delete(pairing) }) : problem('device_refused');
  if (method === 'PUT') {
    const refused = (side === 'approver') === isDevice ? putMessage(places, pairing, side, step, body.message) : 'user';
    if (refused !== undefined) return problem(refused === 'user' ? 'device_refused' : refused);
  }
  const place = places.get(pairing);
  return place === undefined ? problem('pairing_not_found') : json(place);
}

/** Stores a message once. @returns the code of a refusal */
function putMessage(places: Map<string, Place>, pairing: string, side: unknown, step: number, body: unknown) {
  const message = String(body);
  if ((fromBase64(message)?.length ?? Infinity) > deviceLimits.pairingMessageBytes) return 'invalid_request';
  const isNew = step === 1 && !places.has(pairing);
  if (isNew && places.size >= deviceLimits.pairings) return 'too_many_pairings';
  if (isNew) places.set(pairing, { pairing, expiresAt: '2026-11-29T00:10:00.000Z', new: [], approver: [] });
  const messages = side === 'approver' ? places.get(pairing)?.approver : places.get(pairing)?.new;
  if (messages === undefined) return 'pairing_not_found';
  const before = messages[step - 1];
  if (before === undefined ? messages.length !== step - 1 : before !== message) return 'pairing_conflict';
  messages[step - 1] = message;
  return undefined;
}
