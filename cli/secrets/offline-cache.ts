/**
 * The encrypted offline cache of recently read values, used while the vault cannot be reached. Off unless a maximum
 * age is given. Cache files that are altered, moved, too old, or from another key are ignored.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import {
  type CacheEntry,
  type CacheScope,
  cacheFileName,
  cacheFolderName,
  openCached,
  sealCached,
} from '../../core/offline-cache/cached-file.ts';
import type { Reference } from '../../egress/references/secret-references.ts';
import type { Value } from '../../sdk/src/index.ts';
import { usageError } from '../shell/command-error.ts';
import { parseDuration } from '../shell/durations.ts';
import { systemErrorCode, writePrivateFile } from '../shell/private-files.ts';
import type { Shell, VaultAccess } from '../shell/shell.ts';

/** Cached content, and its age since the vault returned it, milliseconds. */
export interface CachedContent<T> {
  readonly content: T;
  readonly age: number;
}

/** Tolerance for clock changes, milliseconds. Entries further in the future are ignored. */
const maxFutureMs = 60_000;

export class OfflineCache {
  readonly #secret: string;
  readonly #scope: CacheScope;
  readonly #folder: string;
  readonly #maxAge: number;
  readonly #now: () => number;

  /**
   * @param root folder of all caches of this user
   * @param maxAge milliseconds
   */
  constructor({ url, apiKey }: VaultAccess, root: string, maxAge: number, now: () => number = Date.now) {
    const { org, id, secret } = parseApiKey(apiKey) ?? { org: '', id: '', secret: apiKey };
    this.#secret = secret;
    this.#scope = { url, org, key: id };
    this.#folder = join(root, cacheFolderName(secret, this.#scope));
    this.#maxAge = maxAge;
    this.#now = now;
  }

  /** Stores a value that the vault has just returned. */
  async keep(reference: Reference, value: Value): Promise<void> {
    await this.#write(valueEntry(reference), value);
  }

  /** Stores the names below a folder. */
  async keepNames(folder: string, names: readonly string[]): Promise<void> {
    await this.#write(namesEntry(folder), names);
  }

  /** Finds a value if it is cached, recent enough and not expired. */
  async find(reference: Reference): Promise<CachedContent<Value> | undefined> {
    const found = await this.#read(valueEntry(reference), isValue);
    const { expiresAt } = found?.content ?? {};
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#now() ? undefined : found;
  }

  /** Finds the names below a folder. */
  async findNames(folder: string): Promise<CachedContent<string[]> | undefined> {
    return await this.#read(namesEntry(folder), isNames);
  }

  /** Removes a value that the vault refused to return. */
  async drop(reference: Reference): Promise<void> {
    await rm(this.#path(valueEntry(reference)), { force: true });
  }

  /** Removes the names below a folder. */
  async dropNames(folder: string): Promise<void> {
    await rm(this.#path(namesEntry(folder)), { force: true });
  }

  /** Removes everything that this key has read, because the key or its organization is no longer valid. */
  async dropAll(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #path(entry: CacheEntry): string {
    return join(this.#folder, cacheFileName(this.#secret, this.#scope, entry));
  }

  async #write(entry: CacheEntry, content: unknown): Promise<void> {
    const plaintext = Buffer.from(JSON.stringify({ sealedAt: new Date(this.#now()).toISOString(), content }));
    const file = sealCached(this.#secret, this.#scope, entry, plaintext);
    plaintext.fill(0);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writePrivateFile(this.#path(entry), file, { replace: true });
  }

  async #read<T>(
    entry: CacheEntry,
    isContent: (content: unknown) => content is T,
  ): Promise<CachedContent<T> | undefined> {
    const path = this.#path(entry);
    const plaintext = await this.#open(path, entry);
    if (plaintext === undefined) return undefined;
    const { sealedAt, content }: Record<string, unknown> = JSON.parse(plaintext.toString('utf8'));
    plaintext.fill(0);
    const age = this.#now() - Date.parse(String(sealedAt));
    if (!(age <= this.#maxAge)) {
      await rm(path, { force: true });
      return undefined;
    }
    return age >= -maxFutureMs && isContent(content) ? { content, age: Math.max(0, age) } : undefined;
  }

  async #open(path: string, entry: CacheEntry): Promise<Buffer | undefined> {
    try {
      return openCached(this.#secret, this.#scope, entry, await readFile(path));
    } catch (error) {
      // Missing files and files that cannot be decrypted both count as not cached.
      if (error instanceof DecryptionError || systemErrorCode(error) !== undefined) return undefined;
      throw error;
    }
  }
}

const valueEntry = ({ name, version = 0 }: Reference): CacheEntry => ({ purpose: 'value', name, version });

const namesEntry = (folder: string): CacheEntry => ({ purpose: 'names', name: folder, version: 0 });

const isValue = (content: unknown): content is Value =>
  typeof content === 'object' && content !== null && 'value' in content && typeof content.value === 'string';

const isNames = (content: unknown): content is string[] =>
  Array.isArray(content) && content.every((name) => typeof name === 'string');

/** Environment variable with the maximum age, for all commands that use the cache. */
const maxAgeVariable = 'ANIMA_CACHE_MAX_AGE';

/**
 * The cache that the option or the environment enables; undefined if neither does, or with `0`.
 * @throws CommandError usage for an invalid duration
 */
export async function openOfflineCache(shell: Shell, option: string | undefined): Promise<OfflineCache | undefined> {
  const text = option ?? shell.env[maxAgeVariable] ?? '';
  if (text === '' || text === '0') return undefined;
  const seconds = parseDuration(option === undefined ? maxAgeVariable : '--cache-max-age', text);
  const root = join(shell.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'anima', 'values');
  const access = await shell.access();
  if (access.login !== undefined) {
    throw usageError(
      'The offline cache is encrypted with an API key, and ANIMA_LOGIN gives a new one each time; nothing was read',
      'Leave out --cache-max-age and ANIMA_CACHE_MAX_AGE.',
    );
  }
  return new OfflineCache(access, root, seconds * 1000);
}
