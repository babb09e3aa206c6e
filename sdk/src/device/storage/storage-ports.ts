/** Where a device keeps its keys and its encrypted copy of a vault. */
import type { DeviceKeys } from '../../../../core/devices/device-keys.ts';
import type { LocalKey } from '../../../../core/devices/local-box.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';

/** The keys of one vault on this device. */
export interface StoredKeys {
  readonly device: DeviceKeys;
  /** Encrypts everything else that this device stores of the vault. */
  readonly local: LocalKey;
}

export interface KeyStore {
  /** For people: where the keys of a vault are, and what protects them. */
  describe(scope: VaultScope): Promise<string>;
  /** Makes and stores new keys for a vault. Keys that are there are replaced. The caller holds the lock of the vault. */
  create(scope: VaultScope): Promise<StoredKeys>;
  /** @returns undefined if this device has no keys of the vault @throws DeviceVaultError storage_damaged, keys_locked */
  load(scope: VaultScope): Promise<StoredKeys | undefined>;
  /** Deletes the keys of a vault. What they encrypted cannot be opened again. */
  delete(scope: VaultScope): Promise<void>;
}

/** Storage keys of data whose owner keeps other keys in it, sealed. */
export interface LocalKeyStore extends Pick<KeyStore, 'delete'> {
  /** Makes and stores a storage key. One that is there is replaced. The caller holds the lock. */
  createLocal(scope: VaultScope): Promise<LocalKey>;
  /** @throws DeviceVaultError storage_damaged if there is none */
  loadLocal(scope: VaultScope): Promise<LocalKey>;
}

/** Changes that are stored all together, or not at all. */
export interface DataBatch {
  readonly puts: ReadonlyMap<string, Bytes>;
  /** Names that are not there are ignored. No name is also in `puts`. */
  readonly deletes: ReadonlySet<string>;
}

/** The data of one vault: bytes by name. The caller encrypts them. The holder is the only one who reads and writes. */
export interface VaultData {
  get(name: string): Promise<Bytes | undefined>;
  /** Names that begin with `prefix`, in ascending order. */
  list(prefix: string): Promise<readonly string[]>;
  /**
   * Returns after the batch is durable. What is stored must be what this object has stored or found: a lock can fail.
   * @throws DeviceVaultError vault_in_use if another writer has stored something since, and at each later call
   */
  write(batch: DataBatch): Promise<void>;
  /** Releases the lock. */
  close(): Promise<void>;
}

export interface DataStore {
  /**
   * Takes the lock of a vault, and opens its data.
   * @throws DeviceVaultError vault_in_use if another process or another object holds the lock
   */
  open(scope: VaultScope): Promise<VaultData>;
  /** Deletes the data of a vault. The caller has closed it. */
  delete(scope: VaultScope): Promise<void>;
}

export interface DeviceStorage {
  readonly keys: KeyStore;
  readonly data: DataStore;
}

/** A storage for the devices of session custody. */
export interface SessionStorage {
  readonly keys: LocalKeyStore;
  readonly data: DataStore;
}

/** The storages of this package serve both. */
export interface LocalStorage extends DeviceStorage {
  readonly keys: KeyStore & LocalKeyStore;
}

/** A vault as a name: for locks, files and databases. Ids have no character that a file system changes. */
export const scopeName = ({ org, user, vault }: VaultScope): string => `${org}-${user}-${vault}`;
