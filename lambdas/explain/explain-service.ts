/**
 * Who can open something now, with what, and who cannot: found out from keyrings, slots, roles and policies (docs/custody.md). Nothing is
 * opened for it, and no key of KMS is used.
 */

import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { ApiKeyStore, Caller, StoredApiKey } from '../api-keys/api-key-ports.ts';
import { authorizeName } from '../api-keys/authorization.ts';
import type { BlobStore } from '../blobs/blob-ports.ts';
import type { StoredKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock } from '../shared/ports.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { UserReader } from '../users/user-ports.ts';
import type { StoredValueSummary } from '../values/value-ports.ts';
import { explainBlob } from './explain-blob.ts';
import {
  belongsToUser,
  concernsMessages,
  type ExplainRef,
  parseExplainRef,
  recordKeysOfRef,
} from './explain-ref-parser.ts';
import { explainUser, parseUserRecordIfPresent } from './explain-user.ts';
import { type AccessExplanation, explainValue } from './explain-value.ts';
import type { IamGrants } from './iam-grants.ts';

/** What is read of a value: its sealed facts, for the DEK they are under; never the value. */
export interface ValueMetadataStore {
  find(org: string, name: string): Promise<StoredValueSummary | undefined>;
}

export interface ExplainStores {
  readonly values: ValueMetadataStore;
  readonly apiKeys: Pick<ApiKeyStore, 'list'>;
  readonly blobs: Pick<BlobStore, 'get'>;
  readonly users: UserReader;
}

const apiKeyPageSize = 1000;

export class ExplainService {
  readonly #stores: ExplainStores;
  readonly #grants: IamGrants;
  readonly #clock: Clock;

  constructor(stores: ExplainStores, grants: IamGrants, clock: Clock) {
    this.#stores = stores;
    this.#grants = grants;
    this.#clock = clock;
  }

  /**
   * To an API key, for anything of its org; of a record of a user what holds for all of that user's, whether or not there is such a record.
   * @param keyring of the org, as stored
   * @throws VaultError `invalid_request`, `invalid_name`; `forbidden` to a limited key for other names and for users
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
    // Names of values do not tell of users: a key that is limited to some has no right to any of these.
    if (caller.prefixes !== undefined) {
      throw new VaultError('forbidden', { detail: 'This key is limited to names of values.' });
    }
    const owner = { org, user: ref.user };
    // For the user as a whole: which ids its records have is none of an API key's business, so they are not even read.
    const [read, apiKeys] = await Promise.all([this.#stores.users.read(owner, []), this.#listAllApiKeys(org)]);
    const stored = { orgKeyring: keyring, keyring: parseUserRecordIfPresent(read.keyring, owner), recordExists: true };
    return explainUser({ ...stored, concernsMessages: concernsMessages(ref), apiKeys, ...context });
  }

  async #listAllApiKeys(org: string): Promise<StoredApiKey[]> {
    const keys: StoredApiKey[] = [];
    for (;;) {
      const { items, more } = await this.#stores.apiKeys.list(org, keys.at(-1)?.id, apiKeyPageSize);
      keys.push(...items);
      if (!more || items.length === 0) return keys;
    }
  }

  /**
   * To a user, for what is its own.
   * @throws VaultError `invalid_request`, `invalid_name`; `record_not_found` for anything else
   */
  async explainForUser(
    user: Pick<UnlockedUser, 'owner' | 'keyring' | 'records'>,
    ref: string,
  ): Promise<ExplainResponse> {
    const parsedRef = parseExplainRef(ref);
    const { owner, keyring, records } = user;
    if (!belongsToUser(parsedRef, owner)) throw new VaultError('record_not_found');
    const recordExists = recordKeysOfRef(parsedRef).every(({ id }) => records.has(id));
    const stored = { orgKeyring: undefined, keyring, recordExists, concernsMessages: concernsMessages(parsedRef) };
    const apiKeys = await this.#listAllApiKeys(owner.org);
    const context = { caller: undefined, grants: this.#grants, now: this.#clock() };
    return { ref, ...explainUser({ ...stored, apiKeys, ...context }) };
  }
}
