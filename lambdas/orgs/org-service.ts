/** Creates organizations. */

import type { CreateOrgResponse, OrgResponse } from '../../contract/orgs/wire.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newOrgKeyring } from '../../core/org-keys/org-keyring.ts';
import type { ApiKeyStore } from '../api-keys/api-key-ports.ts';
import { generateApiKey, toApiKeyInfo } from '../api-keys/api-key-service.ts';
import type { KeyringStore } from '../org-keys/keyring-ports.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';
import type { Clock } from '../shared/ports.ts';

/** Only the deployment's operator can call this. */
export class OrgService {
  readonly #keyrings: KeyringStore;
  readonly #apiKeys: ApiKeyStore;
  readonly #keys: AuthenticationKeys;
  readonly #marks: OrgMarks;
  readonly #clock: Clock;
  /** The beginning of each new org id. */
  readonly #orgIdPrefix: string;

  constructor(
    keyrings: KeyringStore,
    apiKeys: ApiKeyStore,
    keys: AuthenticationKeys,
    marks: OrgMarks,
    clock: Clock,
    orgIdPrefix = '',
  ) {
    this.#keyrings = keyrings;
    this.#apiKeys = apiKeys;
    this.#keys = keys;
    this.#marks = marks;
    this.#clock = clock;
    this.#orgIdPrefix = orgIdPrefix;
  }

  /**
   * Creates an organization with its first admin key. An interruption between the writes leaves an organization without
   * API keys and without a DEK, which nobody can access. A retry creates another organization.
   */
  async create(): Promise<CreateOrgResponse> {
    const org = this.#orgIdPrefix + randomId().slice(this.#orgIdPrefix.length);
    const createdAt = this.#clock().toISOString();
    const authenticationKey = await this.#keys.get(org);
    const permissions = { role: 'admin', name: 'first admin key' } as const;
    const { stored, key } = generateApiKey(authenticationKey, permissions, createdAt);
    await this.#keyrings.create(newOrgKeyring(authenticationKey, createdAt));
    // No request can use the organization before its mark exists.
    await this.#marks.create(org);
    await this.#apiKeys.create(stored);
    return { org, createdAt, adminKey: { ...toApiKeyInfo(stored), key } };
  }
}

/** The state of an organization, without key material, wrapped or not. */
export function toOrgResponse(stored: StoredKeyring): OrgResponse {
  const { org, createdAt } = stored;
  if (stored.state === 'shredded') return { org, state: 'shredded', createdAt, activeVersion: 0, deks: [] };
  const deks = stored.deks.map((dek) => ({ version: dek.version, state: dek.state, createdAt: dek.createdAt }));
  const state = stored.lock === undefined ? 'active' : 'locked';
  return { org, state, createdAt, activeVersion: stored.activeVersion, deks };
}
