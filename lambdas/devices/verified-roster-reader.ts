import type { ChainState } from '../../core/devices/chain-state.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import type { RosterStore } from './device-ports.ts';
import type { RosterVerifier } from './roster-verifier.ts';

/** Reads the state of a vault without records, for functions that change nothing. */
export class VerifiedRosterReader {
  readonly #rosters: Pick<RosterStore, 'get'>;
  readonly #rosterVerifier: RosterVerifier;

  constructor(rosters: Pick<RosterStore, 'get'>, rosterVerifier: RosterVerifier) {
    this.#rosters = rosters;
    this.#rosterVerifier = rosterVerifier;
  }

  /** @throws DecryptionError for a roster that the service did not store; VaultError `unavailable`, `key_unavailable` */
  async find(scope: VaultScope): Promise<ChainState | undefined> {
    const stored = await this.#rosters.get(scope);
    return stored === undefined ? undefined : (await this.#rosterVerifier.open(stored)).state;
  }
}
