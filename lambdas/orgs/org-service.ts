/** Creates organizations. */

import type { CreateOrgResponse, OrgResponse } from '../../contract/orgs/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { type Keyring, newOrgKeyring } from '../../core/org-keys/org-keyring.ts';
import type { Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import type { ApiKeyStore } from '../api-keys/api-key-ports.ts';
import { generateApiKey, toApiKeyInfo } from '../api-keys/api-key-service.ts';
import type { KeyringStore } from '../org-keys/keyring-ports.ts';
import type { Clock } from '../shared/ports.ts';

/** Only the deployment's operator can call this. */
export class OrgService {
  readonly #keyrings: KeyringStore;
  readonly #apiKeys: ApiKeyStore;
  readonly #clock: Clock;
  /** The beginning of each new org id. */
  readonly #orgIdPrefix: string;

  constructor(keyrings: KeyringStore, apiKeys: ApiKeyStore, clock: Clock, orgIdPrefix = '') {
    this.#keyrings = keyrings;
    this.#apiKeys = apiKeys;
    this.#clock = clock;
    this.#orgIdPrefix = orgIdPrefix;
  }

  /**
   * Creates an organization with its first admin key. An interruption between the two writes leaves a keyring without
   * API keys and without a DEK, which nobody can access. A retry creates another organization.
   */
  async create(): Promise<CreateOrgResponse> {
    const org = this.#orgIdPrefix + randomId().slice(this.#orgIdPrefix.length);
    const createdAt = this.#clock().toISOString();
    const { stored, key } = generateApiKey(org, { role: 'admin', name: 'first admin key' }, createdAt);
    await this.#keyrings.create(newOrgKeyring(org, createdAt));
    await this.#apiKeys.create(stored);
    return { org, createdAt, adminKey: { ...toApiKeyInfo(stored), key } };
  }
}

/** The state of an organization, without key material, wrapped or not. */
export function toOrgResponse(stored: Keyring | Tombstone): OrgResponse {
  const { org, createdAt } = stored;
  if (stored.state === 'shredded') return { org, state: 'shredded', createdAt, activeVersion: 0, deks: [] };
  const deks = stored.deks.map((dek) => ({ version: dek.version, state: dek.state, createdAt: dek.createdAt }));
  const state = stored.lock === undefined ? 'active' : 'locked';
  return { org, state, createdAt, activeVersion: stored.activeVersion, deks };
}
