/** Data of a vault that stays in memory until it is kept: for a device that is not a member yet. */
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { storageError } from './storage-errors.ts';
import type { DataBatch, VaultData } from './storage-ports.ts';

export class StagedData implements VaultData {
  readonly #data: VaultData;
  /** Undefined after it was kept. */
  #staged: Map<string, Bytes> | undefined = new Map();

  /** @param data what it holds is replaced when this is kept; the holder closes it with this object */
  constructor(data: VaultData) {
    this.#data = data;
  }

  /** Stores all in one batch. From now on, writes are stored at once. @throws DeviceVaultError storage_failed */
  async keep(): Promise<void> {
    const staged = this.#staged;
    if (staged === undefined) return;
    try {
      const replaced = (await this.#data.list('')).filter((name) => !staged.has(name));
      await this.#data.write({ puts: staged, deletes: new Set(replaced) });
    } catch (error) {
      throw error instanceof DeviceVaultError ? error : storageError('storage_failed');
    }
    this.#staged = undefined;
  }

  async get(name: string): Promise<Bytes | undefined> {
    return this.#staged === undefined ? await this.#data.get(name) : this.#staged.get(name)?.slice();
  }

  async list(prefix: string): Promise<readonly string[]> {
    if (this.#staged === undefined) return await this.#data.list(prefix);
    return [...this.#staged.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  async write(batch: DataBatch): Promise<void> {
    const staged = this.#staged;
    if (staged === undefined) return await this.#data.write(batch);
    for (const [name, bytes] of batch.puts) staged.set(name, bytes);
    for (const name of batch.deletes) staged.delete(name);
  }

  async close(): Promise<void> {
    await this.#data.close();
  }
}
