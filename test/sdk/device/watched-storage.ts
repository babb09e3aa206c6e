/** A storage in memory that shows what is stored, counts writes, and can fail at one of them. */
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import type { LocalStorage } from '../../../sdk/src/device/storage/storage-ports.ts';

export interface WatchedStorage extends LocalStorage {
  /** What is stored, as it is stored. */
  readonly items: Map<string, Bytes>;
  writes: number;
  /** Names that were read. */
  readonly reads: string[];
  /** What a backup of the data has, and its return. Nobody has the data open. The keys stay. */
  snapshot(): Promise<ReadonlyMap<string, Bytes>>;
  restore(backup: ReadonlyMap<string, Bytes>): Promise<void>;
  /** The write that fails: before it is stored, or after it. */
  failAt: { readonly write: number; readonly when: 'before' | 'after' } | undefined;
}

export function watchedStorage(): WatchedStorage {
  const inner = memoryStorage();
  const items = new Map<string, Bytes>();
  let opened: VaultScope | undefined;
  const fails = (when: 'before' | 'after') => storage.failAt?.write === storage.writes && storage.failAt.when === when;
  const storage: WatchedStorage = {
    keys: inner.keys,
    items,
    writes: 0,
    reads: [],
    failAt: undefined,
    snapshot: async () => new Map([...items].map(([name, bytes]) => [name, bytes.slice()])),
    restore: async (backup) => {
      const data = await inner.data.open(opened ?? { org: '', user: '', vault: '' });
      const deletes = new Set([...items.keys()].filter((name) => !backup.has(name)));
      await data.write({ puts: backup, deletes });
      await data.close();
      items.clear();
      for (const [name, bytes] of backup) items.set(name, bytes);
    },
    data: {
      delete: (scope) => inner.data.delete(scope),
      open: async (scope) => {
        opened = scope;
        const data = await inner.data.open(scope);
        return {
          ...data,
          get: (name) => {
            storage.reads.push(name);
            return data.get(name);
          },
          write: async (batch) => {
            storage.writes++;
            if (fails('before')) throw new Error('power off');
            await data.write(batch);
            for (const [name, bytes] of batch.puts) items.set(name, bytes);
            for (const name of batch.deletes) items.delete(name);
            if (fails('after')) throw new Error('power off');
          },
        };
      },
    },
  };
  return storage;
}
