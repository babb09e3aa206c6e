/** Verifies stored keyrings and unwraps their DEKs. A cache limits the number of KMS calls. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { type Dek, deriveDek } from '../../core/encryption/root-key.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { addDek, findUsableDek, type Keyring, nextDekVersion } from '../../core/org-keys/org-keyring.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { Clock } from '../shared/ports.ts';
import { PromiseCache } from '../shared/promise-cache.ts';
import type { Kek, KeyringStore } from './keyring-ports.ts';
import { assertOrgActive, type KeyringVerifier, type RereadKeyring } from './keyring-verifier.ts';

/** How long a DEK is cached before KMS is asked again, and how many DEKs are cached. */
const dekCacheTtlMs = 5 * 60_000;
const maxCachedDeks = 500;

/**
 * The cache key of a DEK. A new generation of the keyring, which any change creates, makes its cached DEKs unused. A
 * Dek holds only KeyObjects; OpenSSL clears their memory when they are garbage-collected.
 */
const dekCacheKey = ({ org, generation }: Keyring, version: number): string => `${org} ${version} ${generation}`;

/** A verified keyring and access to its DEKs, for one request. */
export interface OpenKeyring {
  readonly keyring: Keyring;
  /** The DEK for encryption; undefined if the org has none yet. */
  readonly active: Dek | undefined;
  /**
   * The DEK of a sealed string, selected by the version in its header. @throws DecryptionError if that version is
   * unusable
   */
  dekOf(sealed: string): Promise<Dek>;
}

export class KeyringOpener {
  readonly verifier: KeyringVerifier;
  readonly #kek: Kek;
  readonly #cache: PromiseCache<Dek>;

  constructor(kek: Kek, verifier: KeyringVerifier, clock: Clock) {
    this.#kek = kek;
    this.verifier = verifier;
    this.#cache = new PromiseCache(maxCachedDeks, { ttlMs: dekCacheTtlMs, clock });
  }

  /**
   * Verifies a stored keyring and unwraps its active DEK, or takes the DEK from the cache.
   * @param reread reads the keyring record again. A value may have been read after the keyring and be encrypted with a
   *   DEK that was created between the two reads.
   * @throws DecryptionError if the record was not written by the vault; VaultError `org_locked`, `org_shredded`, and
   *   what the KEK throws
   */
  async open(record: unknown, org: string, reread: RereadKeyring): Promise<OpenKeyring> {
    // Verified for every request, because the record is read again each time and could have been tampered with.
    const keyring = await this.#verify(record, org, reread);
    const active = keyring.activeVersion === 0 ? undefined : await this.#loadDek(keyring, keyring.activeVersion);
    let newerKeyring: Promise<Keyring> | undefined;
    const dekOf = async (sealed: string) => {
      const version = parseDekVersion(sealed);
      if (version <= keyring.activeVersion) return await this.#loadDek(keyring, version);
      newerKeyring ??= reread().then((newer) => this.#verify(newer, org, reread));
      return await this.#loadDek(await newerKeyring, version);
    };
    return { keyring, active, dekOf };
  }

  async #verify(record: unknown, org: string, reread: RereadKeyring): Promise<Keyring> {
    const stored = await this.verifier.verify(record, org, reread);
    // DEKs of a shredded org must not stay in memory until they expire.
    if (stored.state === 'shredded') this.#cache.removePrefix(`${org} `);
    assertOrgActive(stored);
    return stored;
  }

  #loadDek(keyring: Keyring, version: number): Promise<Dek> {
    const wrapped = findUsableDek(keyring, version);
    if (wrapped === undefined) return Promise.reject(new DecryptionError());
    return this.#cache.get(dekCacheKey(keyring, version), async () => {
      const dekBytes = await this.#kek.unwrap(keyring.org, version, Buffer.from(wrapped.wrapped, 'base64'));
      if (dekBytes.length !== 32) throw new DecryptionError();
      return deriveDek(dekBytes, keyring.org, version);
    });
  }
}

const rejectKeyUnavailable = () => Promise.reject(new VaultError('key_unavailable'));

/** KEK for functions whose IAM roles permit no use of it. None of their routes opens a keyring. */
export const unavailableKek: Kek = {
  generate: rejectKeyUnavailable,
  unwrap: rejectKeyUnavailable,
};

/** Creates the first DEK of an org on its first write. */
/** Maximum attempts when first writes of an org run concurrently. */
const maxAttempts = 5;

export class FirstDekCreator {
  readonly #kek: Kek;
  readonly #keys: AuthenticationKeys;
  readonly #keyrings: KeyringStore;
  readonly #clock: Clock;

  constructor(kek: Kek, keys: AuthenticationKeys, keyrings: KeyringStore, clock: Clock) {
    this.#kek = kek;
    this.#keys = keys;
    this.#keyrings = keyrings;
    this.#clock = clock;
  }

  /**
   * Creates a DEK and stores it wrapped. If several first writes run concurrently, only one keyring is stored and all
   * of them must use it. The caller therefore reads the record again; nothing is returned.
   */
  async create(keyring: Keyring): Promise<void> {
    const version = nextDekVersion(keyring);
    const wrapped = await this.#kek.generate(keyring.org, version);
    const key = await this.#keys.get(keyring.org);
    await this.#keyrings.replace(addDek(key, keyring, wrapped, this.#clock().toISOString()));
  }

  /**
   * Returns the keyring if it has an active DEK. Otherwise creates the first one, and returns the keyring read again.
   * @throws VaultError `write_contention`
   */
  async ensureActive(initial: OpenKeyring, reopen: () => Promise<OpenKeyring>): Promise<OpenKeyring> {
    let keys = initial;
    for (let attempt = 0; keys.active === undefined; attempt++) {
      if (attempt === maxAttempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      await this.create(keys.keyring);
      keys = await reopen();
    }
    return keys;
  }
}
