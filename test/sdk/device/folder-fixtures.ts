/** A folder with the data of a vault, and storages over it whose locks can fail. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { nodeStorage } from '../../../sdk/src/device/node.ts';
import { type DataBatch, scopeName, type VaultData } from '../../../sdk/src/device/storage/storage-ports.ts';

export const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'va01va01va01va01' };

export const batch = (puts: Record<string, string>, deletes: string[] = []): DataBatch => ({
  puts: new Map(Object.entries(puts).map(([name, text]) => [name, utf8Bytes(text)])),
  deletes: new Set(deletes),
});

export const contents = async (data: VaultData): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for (const name of await data.list('')) found[name] = new TextDecoder().decode(await data.get(name));
  return found;
};

/** Files of locks in a folder. */
export const locksIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('lock-'));

export class VaultFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'writers-'));
  readonly folder = join(this.root, scopeName(scope));
  readonly file = join(this.folder, 'data');
  readonly #opened: VaultData[] = [];

  async open(): Promise<VaultData> {
    const data = await nodeStorage({ folder: this.root }).data.open(scope);
    this.#opened.push(data);
    return data;
  }

  /** Deletes the locks of all vaults, as if the holders had been stopped for a minute. */
  dropLocks(): void {
    for (const { name, parentPath } of readdirSync(this.root, { recursive: true, withFileTypes: true }))
      if (name.startsWith('lock-')) rmSync(join(parentPath, name));
  }

  /** Opens it although somebody else has it open. */
  async openTwice(): Promise<VaultData> {
    this.dropLocks();
    return await this.open();
  }

  /** What the next one finds. */
  async stored(): Promise<Record<string, string>> {
    const data = await this.openTwice();
    const found = await contents(data);
    await data.close();
    return found;
  }

  async delete(): Promise<void> {
    await Promise.allSettled(this.#opened.map((data) => data.close()));
    rmSync(this.root, { recursive: true, force: true });
  }
}
