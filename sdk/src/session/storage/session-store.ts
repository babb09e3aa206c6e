/** What a device stores of session custody: sealed items, written in atomic batches. */
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { DeviceVaultError } from '../../device/device-vault-error.ts';
import type { SessionStorage } from '../../device/storage/storage-ports.ts';
import { StoreBatch, VaultStore } from '../../device/vault-store.ts';
import { SessionError, type SessionErrorCode, sessionError } from '../session-errors.ts';
import { decodeItem, encodeItem } from './stored-item.ts';

/** Which device of which org: a storage can hold several. */
export interface DeviceName {
  readonly org: string;
  /** 1 to 16 characters of `0-9 a-z`. */
  readonly name: string;
}

/** The scope under which the storages of devices keep it. No device vault has this user. */
const scopeOf = ({ org, name }: DeviceName) => ({ org, user: 'session', vault: name });

const codes: Readonly<Record<string, SessionErrorCode>> = {
  vault_in_use: 'in_use',
  not_open: 'closed',
  storage_damaged: 'storage_damaged',
  keys_locked: 'keys_locked',
  storage_failed: 'storage_failed',
  unsupported_platform: 'unsupported_platform',
};

/** The storages are those of device vaults, and so are their errors. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SessionError) throw error;
    const code = error instanceof DeviceVaultError ? codes[error.code] : undefined;
    throw sessionError(code ?? 'storage_failed', error instanceof DeviceVaultError ? error.detail : undefined);
  }
}

/** Changes that are stored together, or not at all. */
export class Changes {
  readonly batch = new StoreBatch();

  put(name: string, item: object): this {
    this.batch.put(name, encodeItem(item));
    return this;
  }

  putBytes(name: string, bytes: Bytes): this {
    this.batch.put(name, bytes);
    return this;
  }

  /** For bytes that nobody else uses. They are zeroed after the write. */
  putSecret(name: string, bytes: Bytes): this {
    this.batch.putSecret(name, bytes);
    return this;
  }

  delete(name: string): this {
    this.batch.delete(name);
    return this;
  }

  get isEmpty(): boolean {
    return this.batch.puts.size === 0 && this.batch.deletes.size === 0;
  }
}

export class SessionStore {
  readonly #vault: VaultStore;

  private constructor(vault: VaultStore) {
    this.#vault = vault;
  }

  /**
   * Takes the lock of the device, and opens its items.
   * @param onNew decides about a storage without items: `create` makes its key
   * @throws SessionError in_use, storage_damaged, keys_locked, not_enrolled
   */
  static open(storage: SessionStorage, name: DeviceName, onNew: 'create' | 'refuse'): Promise<SessionStore> {
    return translated(async () => {
      const scope = scopeOf(name);
      const data = await storage.data.open(scope);
      try {
        const isNew = (await data.list('')).length === 0;
        if (isNew && onNew === 'refuse') throw sessionError('not_enrolled');
        const local = isNew ? await storage.keys.createLocal(scope) : await storage.keys.loadLocal(scope);
        return new SessionStore(new VaultStore(data, local, scope));
      } catch (error) {
        await data.close();
        throw error;
      }
    });
  }

  /** Deletes a device from the storage. What is stored is not read. @throws SessionError in_use */
  static async forget(storage: SessionStorage, name: DeviceName): Promise<void> {
    await translated(async () => {
      const scope = scopeOf(name);
      const data = await storage.data.open(scope).catch((error: unknown) => {
        if (error instanceof DeviceVaultError && error.code === 'storage_damaged') return undefined;
        throw error;
      });
      await data?.close();
      // The key first: without it, whatever is left opens nothing.
      await storage.keys.delete(scope);
      await storage.data.delete(scope);
    });
  }

  bytes(name: string): Promise<Bytes | undefined> {
    return translated(() => this.#vault.get(name));
  }

  async item<T extends object>(name: string): Promise<T | undefined> {
    const bytes = await this.bytes(name);
    return bytes && decodeItem<T>(bytes);
  }

  names(prefix: string): Promise<readonly string[]> {
    return translated(() => this.#vault.list(prefix));
  }

  /** The items below a prefix, in the order of their names. Items that are deleted meanwhile are left out. */
  async *items<T extends object>(prefix: string): AsyncGenerator<readonly [name: string, item: T], void, undefined> {
    for (const name of await this.names(prefix)) {
      const item = await this.item<T>(name);
      if (item !== undefined) yield [name, item];
    }
  }

  /** Stores changes. After a failure this object refuses everything. @throws SessionError storage_failed, in_use, closed */
  async write(changes: Changes): Promise<void> {
    if (!changes.isEmpty) await translated(() => this.#vault.write(changes.batch));
  }

  close(): Promise<void> {
    return translated(() => this.#vault.close());
  }
}
