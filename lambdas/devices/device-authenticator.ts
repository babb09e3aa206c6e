/** Finds out whether a member of a device vault signed a request, and whether org and user are active. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { parseUserKeyringRecord } from '../../core/users/user-keyring.ts';
import { assertOrgActive, type KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import { awaitDecryption, undefinedIfUndecryptable } from '../shared/error-classification.ts';
import type { DeviceRequestData, DeviceRequestReader, LogStore } from './device-ports.ts';
import { findMember } from './member-lookup.ts';
import type { Roster, RosterVerifier } from './roster-verifier.ts';

export class DeviceAuthenticator {
  readonly #reader: DeviceRequestReader;
  readonly #logs: Pick<LogStore, 'list'>;
  readonly #rosterVerifier: RosterVerifier;
  readonly #keyringVerifier: KeyringVerifier;

  constructor(
    reader: DeviceRequestReader,
    logs: Pick<LogStore, 'list'>,
    rosterVerifier: RosterVerifier,
    keyringVerifier: KeyringVerifier,
  ) {
    this.#reader = reader;
    this.#logs = logs;
    this.#rosterVerifier = rosterVerifier;
    this.#keyringVerifier = keyringVerifier;
  }

  /**
   * Returns the verified roster of a vault that a member signed for. The signature is verified before any call to KMS or
   * S3, so that strangers cause none.
   * @param isSignedWith whether the request is signed with this ECDSA key
   * @param onGenuine called once the signature is verified, also if the request is refused after that
   * @throws VaultError `device_refused` for an unknown vault, member or user, and for a wrong signature; `org_locked`,
   *   `org_shredded`, `unavailable`, `key_unavailable`; DecryptionError for records that the service did not store
   */
  async authenticate(
    scope: VaultScope,
    device: string,
    isSignedWith: (ecdsa: Uint8Array) => Promise<boolean>,
    onGenuine: () => void,
  ): Promise<Roster> {
    const read = await this.#reader.read(scope);
    const roster = read.roster && (await awaitDecryption(this.#rosterVerifier.decode(read.roster)));
    const member = roster && (await findMember(roster.state, device, this.#logs));
    if (roster === undefined || member === undefined || !(await isSignedWith(member.ecdsa))) {
      throw new VaultError('device_refused');
    }
    onGenuine();
    await this.#rosterVerifier.verify(roster);
    await this.#assertActive(scope, read);
    return roster;
  }

  /** Nothing of a vault can be used after its user was deleted, and while its org is locked. */
  async #assertActive({ org, user }: VaultScope, { orgKeyring, userKeyring }: DeviceRequestData): Promise<void> {
    const record = undefinedIfUndecryptable(() => parseUserKeyringRecord(userKeyring, { org, user }));
    if (orgKeyring === undefined || record?.state !== 'active') throw new VaultError('device_refused');
    const reread = async () => (await this.#reader.read({ org, user, vault: '' })).orgKeyring;
    assertOrgActive(await this.#keyringVerifier.verify(orgKeyring, org, reread));
  }
}
