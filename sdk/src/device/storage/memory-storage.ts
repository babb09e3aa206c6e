/** A storage in memory, for tests, and for devices that forget everything when the process ends. */
import { generateDeviceKeys } from '../../../../core/devices/device-keys.ts';
import { generateLocalCryptoKey, type LocalKey, localKeyOf } from '../../../../core/devices/local-box.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { storageError } from './storage-errors.ts';
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

class MemoryKeyStore implements KeyStore, LocalKeyStore {
  readonly #keys = new Map<string, StoredKeys>();
  readonly #locals = new Map<string, LocalKey>();

  async describe(): Promise<string> {
    return 'in the memory of this process only; they are lost when it ends';
  }

  async create(scope: VaultScope): Promise<StoredKeys> {
    const local = localKeyOf(await generateLocalCryptoKey());
    const keys = { device: await generateDeviceKeys(false), local };
    this.#keys.set(scopeName(scope), keys);
    return keys;
  }

  async load(scope: VaultScope): Promise<StoredKeys | undefined> {
    return this.#keys.get(scopeName(scope));
  }

  async createLocal(scope: VaultScope): Promise<LocalKey> {
    const local = localKeyOf(await generateLocalCryptoKey());
    this.#locals.set(scopeName(scope), local);
    return local;
  }

  async loadLocal(scope: VaultScope): Promise<LocalKey> {
    const local = this.#locals.get(scopeName(scope));
    if (local === undefined) throw storageError('storage_damaged', { detail: 'the storage key is absent' });
    return local;
  }

  async delete(scope: VaultScope): Promise<void> {
    this.#keys.delete(scopeName(scope));
    this.#locals.delete(scopeName(scope));
  }
}

class MemoryDataStore implements DataStore {
  readonly #vaults = new Map<string, Map<string, Bytes>>();
  readonly #locked = new Set<string>();

  async open(scope: VaultScope): Promise<VaultData> {
    const name = scopeName(scope);
    if (this.#locked.has(name)) throw storageError('vault_in_use');
    this.#locked.add(name);
    const items = this.#vaults.get(name) ?? new Map<string, Bytes>();
    this.#vaults.set(name, items);
    return memoryData(items, () => this.#locked.delete(name));
  }

  async delete(scope: VaultScope): Promise<void> {
    this.#vaults.delete(scopeName(scope));
  }
}

function memoryData(items: Map<string, Bytes>, release: () => void): VaultData {
  return {
    get: async (name) => items.get(name)?.slice(),
    list: async (prefix) => [...items.keys()].filter((name) => name.startsWith(prefix)).sort(),
    write: async ({ puts, deletes }: DataBatch) => {
      for (const [name, bytes] of puts) items.set(name, bytes.slice());
      for (const name of deletes) items.delete(name);
    },
    close: async () => release(),
  };
}

/** A storage whose vaults exist as long as the returned object. */
export const memoryStorage = (): LocalStorage => ({ keys: new MemoryKeyStore(), data: new MemoryDataStore() });
