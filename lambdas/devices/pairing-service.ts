/** Pairings: a place for the messages of two devices (docs/device-service.md, section 3). They are not read here. */
import { deviceLimits } from '../../contract/devices/limits.ts';
import type { DeletePairingResponse, ListPairingsResponse, PairingInfo } from '../../contract/devices/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueIdText, type VaultScope } from '../../core/devices/vault-scope.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { Clock } from '../shared/ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { PairingPlace, PairingStore, StoredPairing } from './device-ports.ts';

/** A message that the approving device sends together with the entry `add`. */
export interface Approval {
  readonly pairing: string;
  readonly message: Uint8Array;
}

const approvalRefused = 'Neither the entry nor the message was stored. Begin another pairing.';

export class PairingService {
  readonly #store: PairingStore;
  readonly #clock: Clock;

  constructor(store: PairingStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Stores a message. The first message of either side makes the pairing. The same message again gets the same answer.
   * @throws VaultError `pairing_not_found`, `pairing_conflict`, `too_many_pairings`, `invalid_request`, `unavailable`
   */
  async put(scope: VaultScope, pairing: string, place: PairingPlace, message: Uint8Array): Promise<PairingInfo> {
    const existing = await this.#find(scope, pairing);
    if (existing === undefined) return await this.#begin(scope, pairing, place, message);
    const present = existing.messages[place];
    if (present !== undefined && equalBytes(present, message)) return toPairingInfo(existing);
    if (present !== undefined || (place === 'new2' && existing.messages.new1 === undefined)) {
      throw new VaultError('pairing_conflict', { detail: 'The message was not stored. Begin another pairing.' });
    }
    if (!(await this.#store.add(scope, pairing, place, message))) {
      const stored = (await this.#find(scope, pairing))?.messages[place];
      if (stored === undefined || !equalBytes(stored, message)) throw new VaultError('pairing_conflict');
    }
    return toPairingInfo({ ...existing, messages: { ...existing.messages, [place]: message } });
  }

  async #begin(scope: VaultScope, pairing: string, place: PairingPlace, message: Uint8Array): Promise<PairingInfo> {
    if (!isOpaqueIdText(pairing) || place === 'new2') throw new VaultError('pairing_not_found');
    const now = this.#clock();
    const running = (await this.#store.list(scope)).filter(({ expiresAt }) => !hasPassed(expiresAt, now));
    if (running.length >= deviceLimits.pairings) {
      const detail = `At most ${deviceLimits.pairings} are possible at a time. Wait until one expires, or refuse one.`;
      throw new VaultError('too_many_pairings', { detail });
    }
    const expiresAt = new Date(now.getTime() + deviceLimits.pairingSeconds * 1000).toISOString();
    const created: StoredPairing = { pairing, expiresAt, messages: { [place]: message } };
    if (await this.#store.create(scope, created)) return toPairingInfo(created);
    const stored = (await this.#find(scope, pairing))?.messages[place];
    if (stored === undefined || !equalBytes(stored, message)) throw new VaultError('pairing_conflict');
    return toPairingInfo(created);
  }

  /**
   * Requires that the message of an approval can be stored. A new device that waits no longer must not be added.
   * @throws VaultError `pairing_not_found`, `pairing_conflict`, `unavailable`
   */
  async requirePlaceFor(scope: VaultScope, { pairing, message }: Approval): Promise<void> {
    const existing = await this.#find(scope, pairing);
    if (existing === undefined) throw new VaultError('pairing_not_found', { detail: approvalRefused });
    const present = existing.messages.approver1;
    if (present !== undefined && !equalBytes(present, message))
      throw new VaultError('pairing_conflict', { detail: approvalRefused });
  }

  /** Stores the message of an approval whose entry is stored. Does nothing if the pairing has ended, or has a message. */
  async addApproval(scope: VaultScope, { pairing, message }: Approval): Promise<void> {
    await this.#store.add(scope, pairing, 'approver1', message);
  }

  /** @throws VaultError `pairing_not_found`, `unavailable` */
  async get(scope: VaultScope, pairing: string): Promise<PairingInfo> {
    const found = await this.#find(scope, pairing);
    if (found === undefined) throw new VaultError('pairing_not_found');
    return toPairingInfo(found);
  }

  async list(scope: VaultScope): Promise<ListPairingsResponse> {
    const now = this.#clock();
    const all = await this.#store.list(scope);
    return { pairings: all.filter(({ expiresAt }) => !hasPassed(expiresAt, now)).map(toPairingInfo) };
  }

  async delete(scope: VaultScope, pairing: string): Promise<DeletePairingResponse> {
    return { deleted: isOpaqueIdText(pairing) && (await this.#store.delete(scope, pairing)) };
  }

  /** A pairing that has not expired. The table removes expired ones later. */
  async #find(scope: VaultScope, pairing: string): Promise<StoredPairing | undefined> {
    const found = isOpaqueIdText(pairing) ? await this.#store.get(scope, pairing) : undefined;
    return found === undefined || hasPassed(found.expiresAt, this.#clock()) ? undefined : found;
  }
}

function toPairingInfo({ pairing, expiresAt, messages }: StoredPairing): PairingInfo {
  const encode = (places: readonly PairingPlace[]) =>
    places.flatMap((place) => {
      const message = messages[place];
      return message === undefined ? [] : [encodeBase64Field(message)];
    });
  return { pairing, expiresAt, new: encode(['new1', 'new2']), approver: encode(['approver1']) };
}
