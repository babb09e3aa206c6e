/** A storage in a folder, for Node: files that only this account can read (0600), in folders of the mode 0700. */
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import { checkOptions } from '../../shared/check-options.ts';
import { type DataStore, type LocalStorage, scopeName, type VaultData } from '../storage/storage-ports.ts';
import { takeFolderLock } from './lock-file.ts';
import { LogFile, removeLog } from './log-file.ts';
import { NodeKeyStore, type OsKeyring } from './node-key-store.ts';
import { makeFolder, type NodeModules, nodeModules, orAbsent } from './node-modules.ts';

class NodeDataStore implements DataStore {
  readonly #node: NodeModules;
  readonly #folder: string;

  constructor(node: NodeModules, folder: string) {
    this.#node = node;
    this.#folder = folder;
  }

  async open(scope: VaultScope): Promise<VaultData> {
    const folder = `${this.#folder}/${scopeName(scope)}`;
    await makeFolder(this.#node, folder);
    const release = await takeFolderLock(this.#node, folder);
    try {
      return dataOf(await LogFile.open(this.#node, folder), release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  async delete(scope: VaultScope): Promise<void> {
    const folder = `${this.#folder}/${scopeName(scope)}`;
    await removeLog(this.#node, folder);
    // Keys that are still there keep the folder.
    await orAbsent(this.#node.files.rmdir(folder)).catch(() => undefined);
  }
}

const dataOf = (log: LogFile, release: () => Promise<void>): VaultData => ({
  get: async (name) => await log.get(name),
  list: async (prefix) =>
    log
      .names()
      .filter((name) => name.startsWith(prefix))
      .sort(),
  write: async (batch) => await log.write(batch),
  close: async () => {
    try {
      await log.close();
    } finally {
      await release();
    }
  },
});

export interface NodeStorageOptions {
  /** Folder on a disk of this machine. Made if it is absent. */
  readonly folder: string;
  /** The key store of the operating system. Without one that works, the storage key is in a file beside the data. */
  readonly keyring?: OsKeyring | undefined;
}

/** @throws DeviceVaultError unsupported_platform */
export function nodeStorage(options: NodeStorageOptions): LocalStorage {
  checkOptions(options, ['folder', 'keyring']);
  const { folder, keyring } = options;
  const node = nodeModules();
  return { keys: new NodeKeyStore(node, folder, keyring), data: new NodeDataStore(node, folder) };
}
