/** From a stored keyring to DEKs that can be used, with the KMS calls kept few. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { type Dek, deriveDek } from '../../core/encryption/root-key.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { addDek, findUsableDek, type Keyring, nextDekVersion, verifyKeyring } from '../../core/org-keys/org-keyring.ts';
import { parseKeyringOrTombstone, type Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import type { Clock } from '../shared/ports.ts';
import type { Kek, KeyringStore } from './keyring-ports.ts';

/** How long a DEK stays usable without asking KMS again, and how many stay. */
const dekCacheTtlMs = 5 * 60_000;
const maxCachedDeks = 500;

interface CachedDek {
  readonly dek: Promise<Dek>;
  readonly expiresAt: number;
}

/**
 * DEKs by org, version and generation of the keyring, so that any change of a keyring ends the use of what was
 * cached before it. A dropped Dek is only KeyObjects, whose memory OpenSSL cleanses when they are collected.
 */
export class DekCache {
  readonly #entries = new Map<string, CachedDek>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(keyring: Keyring, version: number, load: () => Promise<Dek>): Promise<Dek> {
    const now = this.#clock().getTime();
    const id = `${keyring.org} ${version} ${keyring.generation}`;
    const cached = this.#entries.get(id);
    if (cached !== undefined && cached.expiresAt > now) return cached.dek;
    this.#entries.delete(id);
    this.#evict(now);
    const dek = load();
    this.#entries.set(id, { dek, expiresAt: now + dekCacheTtlMs });
    // A failed load is not an answer to keep.
    dek.catch(() => this.#entries.delete(id));
    return dek;
  }

  /** Forgets all DEKs of an org. */
  evictOrg(org: string): void {
    for (const id of this.#entries.keys()) if (id.startsWith(`${org} `)) this.#entries.delete(id);
  }

  #evict(now: number): void {
    // In the order of insertion, which is the order of expiry: stop at the first that may stay.
    for (const [id, entry] of this.#entries) {
      if (entry.expiresAt > now && this.#entries.size < maxCachedDeks) break;
      this.#entries.delete(id);
    }
  }
}

/** The keyring of one request, checked, with the DEKs that it names. */
export interface OpenKeyring {
  readonly keyring: Keyring;
  /** The DEK that seals; undefined before the first. */
  readonly active: Dek | undefined;
  /** The DEK of a sealed string, by the version it names. @throws DecryptionError when that is unusable */
  dekOf(sealed: string): Promise<Dek>;
}

/** The keyring of an org, or what a shredding left of it. */
export type StoredKeyring = Keyring | Tombstone;

/** What is stored of an org, checked as far as that goes without its keys. @throws DecryptionError */
export const parseStoredKeyring = (record: unknown, org: string): StoredKeyring => parseKeyringOrTombstone(record, org);

/**
 * Lets only an org go on whose values may be used: the one place where a lock and a shredding are honoured.
 * @throws VaultError `org_locked`, `org_shredded`
 */
export function assertOrgActive(stored: StoredKeyring): asserts stored is Keyring {
  if (stored.state === 'shredded') throw new VaultError('org_shredded');
  if (stored.lock === undefined) return;
  const detail = `It will be shredded at ${stored.lock.shredAt}, unless an admin cancels that before.`;
  throw new VaultError('org_locked', { detail });
}

export class KeyringOpener {
  readonly #kek: Kek;
  readonly #cache: DekCache;

  constructor(kek: Kek, clock: Clock) {
    this.#kek = kek;
    this.#cache = new DekCache(clock);
  }

  /**
   * Checks a keyring as it came from the table and unwraps its active DEK, from the cache when warm.
   * @param rereadRecord reads the record again: a value may be read after the keyring, and be sealed under a DEK that was made
   *   between the two
   * @throws DecryptionError when the record is not what the vault wrote; VaultError `org_locked`, `org_shredded`
   */
  async open(record: unknown, org: string, rereadRecord?: () => Promise<unknown>): Promise<OpenKeyring> {
    const keyring = parseStoredKeyring(record, org);
    // What nobody may use any more need not stay in memory until it expires.
    if (keyring.state === 'shredded') this.#cache.evictOrg(org);
    assertOrgActive(keyring);
    const active = keyring.activeVersion === 0 ? undefined : await this.#loadDek(keyring, keyring.activeVersion);
    // On every request, not only on the first: the record is read anew each time, and so can be changed each time.
    if (active !== undefined) verifyKeyring(keyring, active);
    let newerKeyring: Promise<OpenKeyring> | undefined;
    const dekOf = async (sealed: string) => {
      const version = parseDekVersion(sealed);
      if (version <= keyring.activeVersion || rereadRecord === undefined) return await this.#loadDek(keyring, version);
      newerKeyring ??= rereadRecord().then((newerRecord) => this.open(newerRecord, org));
      return await (await newerKeyring).dekOf(sealed);
    };
    return { keyring, active, dekOf };
  }

  #loadDek(keyring: Keyring, version: number): Promise<Dek> {
    const wrapped = findUsableDek(keyring, version);
    if (wrapped === undefined) return Promise.reject(new DecryptionError());
    return this.#cache.get(keyring, version, async () => {
      const dekBytes = await this.#kek.unwrap(keyring.org, version, Buffer.from(wrapped.wrapped, 'base64'));
      if (dekBytes.length !== 32) throw new DecryptionError();
      return deriveDek(dekBytes, keyring.org, version);
    });
  }
}

const rejectKeyUnavailable = () => Promise.reject(new VaultError('key_unavailable'));

/** The KEK of functions whose roles may not use one: none of their routes opens a keyring. */
export const unavailableKek: Kek = {
  generate: rejectKeyUnavailable,
  unwrap: rejectKeyUnavailable,
  rewrap: rejectKeyUnavailable,
};

/** Makes the first DEK of an org, on first use. */
export class FirstDekCreator {
  readonly #kek: Kek;
  readonly #keyrings: KeyringStore;
  readonly #clock: Clock;

  constructor(kek: Kek, keyrings: KeyringStore, clock: Clock) {
    this.#kek = kek;
    this.#keyrings = keyrings;
    this.#clock = clock;
  }

  /**
   * Makes a DEK and stores it wrapped. When several first writes meet, one keyring is stored and all must use that
   * one: so nothing is returned, and the caller reads the record again.
   */
  async create(keyring: Keyring): Promise<void> {
    const version = nextDekVersion(keyring);
    const { secret, wrapped } = await this.#kek.generate(keyring.org, version);
    if (secret.length !== 32) throw new VaultError('key_unavailable');
    const dek = deriveDek(secret, keyring.org, version);
    await this.#keyrings.replace(addDek(keyring, dek, wrapped, this.#clock().toISOString()));
  }
}
