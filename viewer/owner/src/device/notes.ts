/**
 * What the page itself keeps on this device, encrypted under a key that no script can copy: names that the person gave,
 * what was read, and what this device decided. The SDK keeps keys and messages in the same way.
 */
import { type LocalKey, openLocal, sealLocal } from '../../../../core/devices/local-box.ts';
import { utf8Bytes } from '../../../../core/encoding/bytes.ts';
import type { SessionStorage, VaultData } from '../../../../sdk/src/session/index.ts';

const scopeOf = (org: string) => ({ org, user: 'owner', vault: 'notes' });

export class Notes {
  readonly #data: VaultData;
  readonly #key: LocalKey;
  readonly #org: string;

  private constructor(data: VaultData, key: LocalKey, org: string) {
    this.#data = data;
    this.#key = key;
    this.#org = org;
  }

  /** The caller has this device open, so no other window has the notes. */
  static async open(storage: SessionStorage, org: string): Promise<Notes> {
    const scope = scopeOf(org);
    const data = await storage.data.open(scope);
    try {
      const isNew = (await data.list('')).length === 0;
      const key = isNew ? await storage.keys.createLocal(scope) : await storage.keys.loadLocal(scope);
      return new Notes(data, key, org);
    } catch (error) {
      await data.close();
      throw error;
    }
  }

  static async forget(storage: SessionStorage, org: string): Promise<void> {
    await storage.keys.delete(scopeOf(org));
    await storage.data.delete(scopeOf(org));
  }

  /** A note that is damaged counts as absent: the page works without it. */
  async get<T>(name: string): Promise<T | undefined> {
    const box = await this.#data.get(name);
    if (box === undefined) return undefined;
    try {
      const text = new TextDecoder().decode(await openLocal(this.#key, scopeOf(this.#org), name, box));
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  async put(name: string, note: unknown): Promise<void> {
    const box = await sealLocal(this.#key, scopeOf(this.#org), name, utf8Bytes(JSON.stringify(note)));
    await this.#data.write({ puts: new Map([[name, box]]), deletes: new Set() });
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#data.write({ puts: new Map(), deletes: new Set(names) });
  }

  list(prefix: string): Promise<readonly string[]> {
    return this.#data.list(prefix);
  }

  close(): Promise<void> {
    return this.#data.close();
  }
}
