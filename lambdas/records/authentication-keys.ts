/** The authentication keys of orgs, cached so that KMS is called once per org and process. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type AuthenticationKey, importAuthenticationKey } from '../../core/records/authentication-key.ts';
import type { RecordsKey } from './record-ports.ts';

/** A key never changes, so it is cached until newer orgs need the space. */
const maxCachedKeys = 1000;

export class AuthenticationKeys {
  readonly #recordsKey: RecordsKey;
  readonly #cache = new Map<string, Promise<AuthenticationKey>>();

  constructor(recordsKey: RecordsKey) {
    this.#recordsKey = recordsKey;
  }

  /** @throws VaultError `unavailable`, `key_unavailable` */
  get(org: string): Promise<AuthenticationKey> {
    const cached = this.#cache.get(org);
    if (cached !== undefined) return cached;
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= maxCachedKeys && oldest !== undefined) this.#cache.delete(oldest);
    const key = this.#derive(org);
    this.#cache.set(org, key);
    // Failures are not cached.
    key.catch(() => this.#cache.delete(org));
    return key;
  }

  async #derive(org: string): Promise<AuthenticationKey> {
    const secret = await this.#recordsKey.deriveAuthenticationKey(org);
    if (secret.length !== 32) throw new VaultError('key_unavailable');
    return importAuthenticationKey(secret, org);
  }
}
