/** The encrypted copy of one vault on this device: seals everything, and writes in atomic batches. */
import { type LocalKey, openLocal, sealLocal } from '../../../core/devices/local-box.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { DeviceVaultError } from './device-vault-error.ts';
import { storageError } from './storage/storage-errors.ts';
import type { VaultData } from './storage/storage-ports.ts';

/** Changes in clear, to be sealed and written together. A later change of a name replaces an earlier one. */
export class StoreBatch {
  readonly puts = new Map<string, Bytes>();
  readonly deletes = new Set<string>();
  readonly #secrets: Bytes[] = [];

  put(name: string, bytes: Bytes): void {
    this.deletes.delete(name);
    this.puts.set(name, bytes);
  }

  /** As {@link put}, for bytes that nobody else uses. They are zeroed when the batch was written. */
  putSecret(name: string, bytes: Bytes): void {
    this.#secrets.push(bytes);
    this.put(name, bytes);
  }

  zeroSecrets(): void {
    for (const bytes of this.#secrets) bytes.fill(0);
  }

  delete(name: string): void {
    this.puts.delete(name);
    this.deletes.add(name);
  }
}

export class VaultStore {
  readonly #data: VaultData;
  readonly #local: LocalKey;
  readonly #scope: VaultScope;
  #problem: 'not_open' | 'storage_failed' | 'vault_in_use' | undefined;

  constructor(data: VaultData, local: LocalKey, scope: VaultScope) {
    this.#data = data;
    this.#local = local;
    this.#scope = scope;
  }

  /** @throws DeviceVaultError storage_damaged, not_open, storage_failed, vault_in_use */
  async get(name: string): Promise<Bytes | undefined> {
    this.assertUsable();
    const box = await this.#data.get(name);
    if (box === undefined) return undefined;
    try {
      return await openLocal(this.#local, this.#scope, name, box);
    } catch {
      throw storageError('storage_damaged');
    }
  }

  async list(prefix: string): Promise<readonly string[]> {
    this.assertUsable();
    return await this.#data.list(prefix);
  }

  /** All items below a prefix. @throws DeviceVaultError storage_damaged */
  async *items(prefix: string): AsyncGenerator<readonly [name: string, bytes: Bytes], void, undefined> {
    for (const name of await this.list(prefix)) {
      const bytes = await this.get(name);
      if (bytes !== undefined) yield [name, bytes];
    }
  }

  /**
   * Stores a batch. After a failure the store refuses everything, because memory and storage may differ.
   * @throws DeviceVaultError storage_failed; vault_in_use if another writer has stored something
   */
  async write(batch: StoreBatch): Promise<void> {
    this.assertUsable();
    // At once, because WebCrypto runs on other threads.
    const sealed = [...batch.puts].map(
      async ([name, bytes]) => [name, await sealLocal(this.#local, this.#scope, name, bytes)] as const,
    );
    const puts = new Map<string, Bytes>(await Promise.all(sealed));
    batch.zeroSecrets();
    try {
      await this.#data.write({ puts, deletes: batch.deletes });
    } catch (error) {
      const known = error instanceof DeviceVaultError ? error : storageError('storage_failed');
      this.#problem = known.code === 'vault_in_use' ? 'vault_in_use' : 'storage_failed';
      throw known;
    }
  }

  async close(): Promise<void> {
    if (this.#problem === 'not_open') return;
    this.#problem = 'not_open';
    await this.#data.close();
  }

  /** @throws DeviceVaultError not_open, storage_failed, vault_in_use */
  assertUsable(): void {
    if (this.#problem !== undefined) throw storageError(this.#problem);
  }
}

/** Reads a part of a stored item. @throws DeviceVaultError storage_damaged if it is absent */
export function stored<T>(value: T | undefined): T {
  if (value === undefined) throw storageError('storage_damaged');
  return value;
}

/** A number in a name, so that names are in the order of the numbers. */
export const paddedNumber = (value: number): string => String(value).padStart(12, '0');
