/** Makes and verifies stored rosters. No roster of the table decides anything before this. */

import { DecryptionError } from '../../core/decryption-error.ts';
import type { ChainState } from '../../core/devices/chain-state.ts';
import { toRecordMap } from '../../core/devices/chain-state.ts';
import { decodeState, encodeState } from '../../core/devices/state-snapshot.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { computeRosterMac, verifyRosterMac } from '../../core/records/device-roster-mac.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { StoredRoster } from './device-ports.ts';

/** A roster with the state that it contains. */
export interface Roster {
  readonly stored: StoredRoster;
  readonly state: ChainState;
}

/** The id under which a roster is stored. It is part of its MAC. */
export const rosterItemId = ({ user, vault }: VaultScope): string => `${user}/vault/${vault}`;

/** The service keeps no records: who is a member does not depend on them. */
const noRecords = toRecordMap([]);

/** The facts of a roster beside its state. */
export type RosterFacts = Pick<StoredRoster, 'createdAt' | 'logBytes' | 'deletableAt'>;

export class RosterVerifier {
  readonly #keys: AuthenticationKeys;

  constructor(keys: AuthenticationKeys) {
    this.#keys = keys;
  }

  /** Decodes a roster. Its MAC is not verified. @throws DecryptionError for another form or vault */
  async decode(stored: StoredRoster): Promise<Roster> {
    const state = await decodeState(stored.scope, stored.state);
    if (state.head.seq !== stored.seq) throw new DecryptionError();
    return { stored, state };
  }

  /** @throws DecryptionError if the service did not store it; VaultError `unavailable`, `key_unavailable` */
  async verify({ stored }: Roster): Promise<void> {
    const { scope, createdAt, state, mac } = stored;
    verifyRosterMac(await this.#keys.get(scope.org), { id: rosterItemId(scope), createdAt, state }, mac);
  }

  /** Decodes and verifies. @throws as both */
  async open(stored: StoredRoster): Promise<Roster> {
    const roster = await this.decode(stored);
    await this.verify(roster);
    return roster;
  }

  /** The roster to store for a state. @throws VaultError `unavailable`, `key_unavailable` */
  async seal(state: ChainState, facts: RosterFacts): Promise<Roster> {
    const { scope, head } = state;
    const kept = { ...state, records: noRecords };
    const encoded = encodeState(kept);
    const { createdAt, logBytes, deletableAt } = facts;
    const mac = computeRosterMac(await this.#keys.get(scope.org), {
      id: rosterItemId(scope),
      createdAt,
      state: encoded,
    });
    return { stored: { scope, seq: head.seq, state: encoded, mac, createdAt, logBytes, deletableAt }, state: kept };
  }
}
