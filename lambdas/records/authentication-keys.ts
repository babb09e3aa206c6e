/** The authentication keys of orgs, cached so that KMS is called once per org and process. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type AuthenticationKey, importAuthenticationKey } from '../../core/records/authentication-key.ts';
import { PromiseCache } from '../shared/promise-cache.ts';
import type { RecordsKey } from './record-ports.ts';

/** A key never changes, so it is cached until newer orgs need the space. */
const maxCachedKeys = 1000;

export class AuthenticationKeys {
  readonly #recordsKey: RecordsKey;
  readonly #cache = new PromiseCache<AuthenticationKey>(maxCachedKeys);

  constructor(recordsKey: RecordsKey) {
    this.#recordsKey = recordsKey;
  }

  /** @throws VaultError `unavailable`, `key_unavailable` */
  get(org: string): Promise<AuthenticationKey> {
    return this.#cache.get(org, () => this.#derive(org));
  }

  async #derive(org: string): Promise<AuthenticationKey> {
    const secret = await this.#recordsKey.deriveAuthenticationKey(org);
    if (secret.length !== 32) throw new VaultError('key_unavailable');
    return importAuthenticationKey(secret, org);
  }
}
