/**
 * Determines who can currently decrypt an item, with which credential, and who cannot. The answer is derived from
 * keyrings, slots, roles and policies (docs/custody.md). Nothing is decrypted for it.
 */

import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { ChainState } from '../../core/devices/chain-state.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import type { Conversation } from '../../core/directory/conversation.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import type { FleetCertificate } from '../../core/directory/fleet-certificate.ts';
import type { ApiKeyStore, Caller, StoredApiKey } from '../api-keys/api-key-ports.ts';
import type { ApiKeyVerifier } from '../api-keys/api-key-verifier.ts';
import { authorizeName } from '../api-keys/authorization.ts';
import type { BlobStore } from '../blobs/blob-ports.ts';
import type { LoginStore } from '../logins/login-ports.ts';
import type { LoginRecordVerifier } from '../logins/login-record-verifier.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import type { Clock } from '../shared/ports.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { UserReader } from '../users/user-ports.ts';
import { explainBlob } from './explain-blob.ts';
import { explainDeviceVault } from './explain-device-vault.ts';
import { explainLogin } from './explain-login.ts';
import {
  belongsToUser,
  concernsMessages,
  type ExplainRef,
  parseExplainRef,
  recordKeysOfRef,
} from './explain-ref-parser.ts';
import { explainConversation, explainSessionDevice } from './explain-session.ts';
import { explainSessionMessages } from './explain-session-messages.ts';
import { explainUser, parseUserRecordIfPresent } from './explain-user.ts';
import { type AccessExplanation, explainValue, nobodyCanOpen, type ValueMetadata } from './explain-value.ts';
import type { IamGrants } from './iam-grants.ts';

/** Reads the encrypted metadata of a value, to find its DEK. The value itself is never read. */
export interface ValueMetadataStore {
  find(org: string, name: string): Promise<ValueMetadata | undefined>;
}

export interface ExplainStores {
  readonly values: ValueMetadataStore;
  readonly apiKeys: Pick<ApiKeyStore, 'list'>;
  readonly blobs: Pick<BlobStore, 'get'>;
  readonly users: UserReader;
  readonly deviceRosters: DeviceRosterReader;
  readonly sessions: SessionReader;
  readonly logins: Pick<LoginStore, 'get'>;
}

/** Reads rosters of device vaults, which are verified. */
export interface DeviceRosterReader {
  /** @throws DecryptionError for a roster that the service did not store */
  find(scope: VaultScope): Promise<ChainState | undefined>;
}

/** Reads directories and statements of conversations, which are verified. */
export interface SessionReader {
  /** @throws DecryptionError for a snapshot that the service did not store */
  readDirectory(org: string): Promise<DirectoryState | undefined>;
  readConversation(state: DirectoryState, id: string): Promise<Conversation | undefined>;
  /** Certificates of those ids that are members of fleets now. */
  readMembers(state: DirectoryState, ids: readonly string[]): Promise<ReadonlyMap<string, FleetCertificate>>;
}

const apiKeyPageSize = 1000;

export class ExplainService {
  readonly #stores: ExplainStores;
  readonly #apiKeyVerifier: ApiKeyVerifier;
  readonly #loginVerifier: Pick<LoginRecordVerifier, 'verify'>;
  readonly #grants: IamGrants;
  readonly #clock: Clock;

  constructor(
    stores: ExplainStores,
    verifiers: { readonly apiKeys: ApiKeyVerifier; readonly logins: Pick<LoginRecordVerifier, 'verify'> },
    grants: IamGrants,
    clock: Clock,
  ) {
    this.#stores = stores;
    this.#apiKeyVerifier = verifiers.apiKeys;
    this.#loginVerifier = verifiers.logins;
    this.#grants = grants;
    this.#clock = clock;
  }

  /**
   * Explains any item of the org to an API key. For a record of a user, the answer is for all records of that user,
   * whether or not the record exists.
   * @param keyring verified keyring of the org
   * @throws VaultError `invalid_request`, `invalid_name`; `forbidden` if a key is limited to prefixes and asks about
   *   another name or about a user
   */
  async explain(caller: Caller, keyring: StoredKeyring, ref: string): Promise<ExplainResponse> {
    const parsedRef = parseExplainRef(ref);
    return { ref, ...(await this.#explainRef(caller, keyring, parsedRef)) };
  }

  async #explainRef(caller: Caller, keyring: StoredKeyring, ref: ExplainRef): Promise<AccessExplanation> {
    const { org } = caller;
    const context = { caller, grants: this.#grants, now: this.#clock() };
    if (ref.kind === 'value') {
      authorizeName(caller, ref.name);
      const [value, apiKeys] = await Promise.all([this.#stores.values.find(org, ref.name), this.#listAllApiKeys(org)]);
      return explainValue({ keyring, value, apiKeys, ...context });
    }
    if (ref.kind === 'blob') {
      return explainBlob({ keyring, blob: await this.#stores.blobs.get(org, ref.id), ...context });
    }
    // Prefixes apply to names of values, not to users, devices or logins. A key that is limited to prefixes therefore has no
    // access to them.
    if (caller.prefixes !== undefined) {
      throw new VaultError('forbidden', { detail: 'This key is limited to prefixes of value names.' });
    }
    if (ref.kind === 'conversation' || ref.kind === 'session-device')
      return await this.#explainSession(org, keyring, ref);
    if (ref.kind === 'login') return await this.#explainLogin(caller, keyring, ref.id);
    const owner = { org, user: ref.user };
    if (ref.kind === 'device') {
      const [read, state] = await Promise.all([
        this.#stores.users.read(owner, []),
        this.#stores.deviceRosters.find({ ...owner, vault: ref.vault }),
      ]);
      const user = parseUserRecordIfPresent(read.keyring, owner);
      return explainDeviceVault({ orgKeyring: keyring, keyring: user, state, grants: this.#grants });
    }
    // The answer is for the user as a whole. An API key must not learn which record IDs exist, so no records are read.
    const [read, apiKeys] = await Promise.all([this.#stores.users.read(owner, []), this.#listAllApiKeys(org)]);
    const stored = { orgKeyring: keyring, keyring: parseUserRecordIfPresent(read.keyring, owner), recordExists: true };
    return explainUser({ ...stored, concernsMessages: concernsMessages(ref), apiKeys, ...context });
  }

  async #explainLogin(caller: Caller, keyring: StoredKeyring, id: string): Promise<AccessExplanation> {
    const { org } = caller;
    const [stored, apiKeys] = await Promise.all([this.#stores.logins.get(org, id), this.#listAllApiKeys(org)]);
    const login = stored && ((await this.#loginVerifier.verify(org, stored)) ?? 'damaged');
    return explainLogin({ keyring, id, login, apiKeys, caller, now: this.#clock() });
  }

  async #explainSession(
    org: string,
    orgKeyring: StoredKeyring,
    { kind, id }: ExplainRef & { readonly kind: 'conversation' | 'session-device' },
  ): Promise<AccessExplanation> {
    const { sessions } = this.#stores;
    if (orgKeyring.state === 'shredded') return nobodyCanOpen('session', explainSessionMessages.shredded);
    const state = await sessions.readDirectory(org);
    if (state === undefined) return nobodyCanOpen('session', explainSessionMessages.noDirectory);
    const input = { orgKeyring, state, grants: this.#grants, now: this.#clock() };
    if (kind === 'session-device') return explainSessionDevice(input, id);
    const conversation = await sessions.readConversation(state, id);
    if (conversation === undefined) return nobodyCanOpen('session', explainSessionMessages.noConversation);
    const unlisted = conversation.agents.filter((agent) => state.devices.get(agent) === undefined);
    return explainConversation({ ...input, conversation, members: await sessions.readMembers(state, unlisted) });
  }

  async #listAllApiKeys(org: string): Promise<StoredApiKey[]> {
    const keys: StoredApiKey[] = [];
    let after: string | undefined;
    for (;;) {
      const { items, more } = await this.#stores.apiKeys.list(org, after, apiKeyPageSize);
      for (const { stored } of items) {
        // A key whose record does not verify is refused, so it gives no access.
        const verified = await this.#apiKeyVerifier.verifyOrUndefined(stored);
        if (verified !== undefined) keys.push(verified);
      }
      after = items.at(-1)?.id;
      if (!more || after === undefined) return keys;
    }
  }

  /**
   * Explains data of a user to that user.
   * @throws VaultError `invalid_request`, `invalid_name`; `record_not_found` for any other data
   */
  async explainForUser(
    user: Pick<UnlockedUser, 'owner' | 'keyring' | 'records'>,
    ref: string,
  ): Promise<ExplainResponse> {
    const parsedRef = parseExplainRef(ref);
    const { owner, keyring, records } = user;
    if (!belongsToUser(parsedRef, owner)) throw new VaultError('record_not_found');
    if (parsedRef.kind === 'device') {
      const state = await this.#stores.deviceRosters.find({ ...owner, vault: parsedRef.vault });
      return { ref, ...explainDeviceVault({ orgKeyring: undefined, keyring, state, grants: this.#grants }) };
    }
    const recordExists = recordKeysOfRef(parsedRef).every(({ id }) => records.has(id));
    const stored = { orgKeyring: undefined, keyring, recordExists, concernsMessages: concernsMessages(parsedRef) };
    const apiKeys = await this.#listAllApiKeys(owner.org);
    const context = { caller: undefined, grants: this.#grants, now: this.#clock() };
    return { ref, ...explainUser({ ...stored, apiKeys, ...context }) };
  }
}
