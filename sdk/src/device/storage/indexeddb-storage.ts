/**
 * A storage in IndexedDB, for browsers. Private keys and the storage key are CryptoKeys that cannot be exported: a script
 * in the page can use them, but not copy them. Web Locks keep a second tab out. If that fails, a version does: each write
 * compares it.
 */
import { generateDeviceKeys, toDeviceKeys } from '../../../../core/devices/device-keys.ts';
import { generateLocalCryptoKey, type LocalKey, localKeyOf } from '../../../../core/devices/local-box.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { Turns } from '../../shared/turns.ts';
import type { DeviceVaultError } from '../device-vault-error.ts';
import { storageError, writeLostError } from './storage-errors.ts';
import {
  type DataBatch,
  type DataStore,
  type KeyStore,
  type LocalKeyStore,
  type LocalStorage,
  type StoredKeys,
  scopeName,
  type VaultData,
} from './storage-ports.ts';

const keyStoreName = 'keys';
const dataStoreName = 'data';

/** What is stored of the keys of a vault. Structured clones of CryptoKeys keep them non-extractable. */
interface StoredCryptoKeys {
  readonly ecdhPublic: Bytes;
  readonly ecdhPrivate: CryptoKey;
  readonly ecdsaPublic: Bytes;
  readonly ecdsaPrivate: CryptoKey;
  readonly local: CryptoKey;
}

const storageFailed = (): DeviceVaultError => storageError('storage_failed');

/** The result of a request of IndexedDB. */
const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(storageFailed());
  });

/** Resolves when a transaction is durable. */
const completed = (transaction: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // A comparison that failed aborts it without an error.
    transaction.onabort = () => reject(transaction.error === null ? writeLostError() : storageFailed());
    transaction.onerror = () => reject(storageFailed());
  });

class Database {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async read<T>(store: string, use: (objects: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const database = await this.#open();
    return await resultOf(use(database.transaction(store, 'readonly').objectStore(store)));
  }

  async write(store: string, use: (objects: IDBObjectStore) => void): Promise<void> {
    const database = await this.#open();
    // Without `strict`, a browser reports success before the data is on the disk.
    const transaction = database.transaction(store, 'readwrite', { durability: 'strict' });
    const done = completed(transaction);
    use(transaction.objectStore(store));
    await done;
  }

  #open(): Promise<IDBDatabase> {
    if (typeof indexedDB === 'undefined') throw storageError('unsupported_platform', { detail: 'IndexedDB' });
    this.#opened ??= this.#request().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #request(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(keyStoreName);
      request.result.createObjectStore(dataStoreName);
    };
    const database = await resultOf(request);
    // Otherwise another tab could not delete or upgrade the database.
    database.onversionchange = () => {
      database.close();
      this.#opened = undefined;
    };
    return database;
  }
}

class IndexedDbKeyStore implements KeyStore, LocalKeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async describe(): Promise<string> {
    const isPersistent = (await navigator.storage?.persisted?.()) === true;
    const eviction = isPersistent
      ? 'The browser keeps them until the site data is deleted.'
      : 'The browser may delete them when space is short: make a recovery code, or add a second device.';
    return `in this browser, as keys that no script can copy. ${eviction}`;
  }

  async create(scope: VaultScope): Promise<StoredKeys> {
    askToPersist();
    const { ecdh, ecdsa } = await generateDeviceKeys(false);
    const stored: StoredCryptoKeys = {
      ecdhPublic: ecdh.publicKey,
      ecdhPrivate: ecdh.privateKey,
      ecdsaPublic: ecdsa.publicKey,
      ecdsaPrivate: ecdsa.privateKey,
      local: await generateLocalCryptoKey(),
    };
    await this.#database.write(keyStoreName, (objects) => objects.put(stored, scopeName(scope)));
    return await toStoredKeys(stored);
  }

  async load(scope: VaultScope): Promise<StoredKeys | undefined> {
    const stored: unknown = await this.#database.read(keyStoreName, (objects) => objects.get(scopeName(scope)));
    if (stored === undefined) return undefined;
    if (!isStoredCryptoKeys(stored)) throw storageError('storage_damaged');
    return await toStoredKeys(stored);
  }

  async createLocal(scope: VaultScope): Promise<LocalKey> {
    askToPersist();
    const local = await generateLocalCryptoKey();
    await this.#database.write(keyStoreName, (objects) => objects.put({ local }, scopeName(scope)));
    return localKeyOf(local);
  }

  async loadLocal(scope: VaultScope): Promise<LocalKey> {
    const stored: unknown = await this.#database.read(keyStoreName, (objects) => objects.get(scopeName(scope)));
    const local: unknown = typeof stored === 'object' && stored !== null ? Reflect.get(stored, 'local') : undefined;
    if (local instanceof CryptoKey) return localKeyOf(local);
    throw storageError('storage_damaged', { detail: 'the storage key is absent' });
  }

  async delete(scope: VaultScope): Promise<void> {
    await this.#database.write(keyStoreName, (objects) => objects.delete(scopeName(scope)));
  }
}

/** Nothing waits for it: Firefox asks the person, and answers when they do. `describe` says whether it was granted. */
function askToPersist(): void {
  navigator.storage?.persist?.().catch(() => false);
}

const toStoredKeys = async (stored: StoredCryptoKeys): Promise<StoredKeys> => ({
  device: await toDeviceKeys(
    { publicKey: stored.ecdhPublic, privateKey: stored.ecdhPrivate },
    { publicKey: stored.ecdsaPublic, privateKey: stored.ecdsaPrivate },
  ),
  local: localKeyOf(stored.local),
});

const isStoredCryptoKeys = (stored: unknown): stored is StoredCryptoKeys =>
  typeof stored === 'object' &&
  stored !== null &&
  ['ecdhPrivate', 'ecdsaPrivate', 'local'].every((name) => Reflect.get(stored, name) instanceof CryptoKey) &&
  ['ecdhPublic', 'ecdsaPublic'].every((name) => Reflect.get(stored, name) instanceof Uint8Array);

class IndexedDbDataStore implements DataStore {
  readonly #database: Database;
  readonly #name: string;

  constructor(database: Database, name: string) {
    this.#database = database;
    this.#name = name;
  }

  async open(scope: VaultScope): Promise<VaultData> {
    const key = scopeName(scope);
    const release = await takeLock(`${this.#name}/${key}`);
    const prefix = `${key}/`;
    const database = this.#database;
    const turns = new Turns();
    // The version that this object has found or stored. It is beside the items, and random, so that none comes back when the
    // data was deleted and made anew.
    let version: unknown = await database
      .read(dataStoreName, (objects) => objects.get(key))
      .catch((error: unknown) => {
        release();
        throw error;
      });
    return {
      get: async (name) => {
        const found: unknown = await database.read(dataStoreName, (objects) => objects.get(prefix + name));
        if (found === undefined || found instanceof Uint8Array) return found && new Uint8Array(found);
        throw storageError('storage_damaged');
      },
      list: async (start) => {
        const keys = await database.read(dataStoreName, (objects) => objects.getAllKeys(rangeOf(prefix + start)));
        return keys.map((key) => String(key).slice(prefix.length));
      },
      // A lock can fail, so each write compares the version. One at a time: the next one compares that of this one.
      write: ({ puts, deletes }: DataBatch) =>
        turns.run(async () => {
          const next = crypto.randomUUID();
          await database.write(dataStoreName, (objects) => {
            const found = objects.get(key);
            found.onsuccess = () => {
              if (found.result !== version) return objects.transaction.abort();
              objects.put(next, key);
              for (const [name, bytes] of puts) objects.put(bytes, prefix + name);
              for (const name of deletes) objects.delete(prefix + name);
            };
          });
          version = next;
        }),
      close: async () => release(),
    };
  }

  async delete(scope: VaultScope): Promise<void> {
    await this.#database.write(dataStoreName, (objects) => {
      objects.delete(rangeOf(`${scopeName(scope)}/`));
      objects.delete(scopeName(scope));
    });
  }
}

/** All keys that begin with a prefix. Names are ASCII, so none is above this bound. */
const rangeOf = (prefix: string): IDBKeyRange => IDBKeyRange.bound(prefix, `${prefix}\uffff`, false, true);

/**
 * Takes a Web Lock, which the browser releases when the page is gone.
 * @returns releases it @throws DeviceVaultError vault_in_use, unsupported_platform
 */
function takeLock(name: string): Promise<() => void> {
  const locks: LockManager | undefined = navigator.locks;
  if (locks === undefined) throw storageError('unsupported_platform', { detail: 'Web Locks' });
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) throw storageError('vault_in_use');
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** A storage in the IndexedDB of this origin. @param name of the database */
export function indexedDbStorage(name = 'anima-device-vaults'): LocalStorage {
  const database = new Database(name);
  return { keys: new IndexedDbKeyStore(database), data: new IndexedDbDataStore(database, name) };
}
