import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import type { RecordStore, Records } from '../api-keys/request-record-ports.ts';
import type { Deks, FirstDek, OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredValue } from '../shared/ports.ts';
import type { Reread } from './value-writer.ts';

/** First writes of an org that may meet before one of them finds the stored keyring. */
const attempts = 5;

/** Brings about what a write stands on: a keyring with a DEK that seals. */
export class WriteStates {
  readonly #records: RecordStore;
  readonly #deks: Deks;
  readonly #firstDek: FirstDek;

  constructor(records: RecordStore, deks: Deks, firstDek: FirstDek) {
    this.#records = records;
    this.#deks = deks;
    this.#firstDek = firstDek;
  }

  /** The keyring of the request, with its first DEK made if it has none. @throws VaultError `write_contention` */
  async keysOf(caller: Caller, first: OpenKeyring): Promise<OpenKeyring> {
    let keys = first;
    for (let attempt = 0; keys.active === undefined; attempt++) {
      if (attempt === attempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      await this.#firstDek.make(keys.keyring);
      const { keyring } = await this.#read(caller, []);
      keys = await this.#deks.open(keyring, caller.org, this.#rereadKeyring(caller));
    }
    return keys;
  }

  /** Reads a value and its keyring again, in one round trip. */
  reread(caller: Caller): Reread {
    return async (name) => {
      const { keyring, values } = await this.#read(caller, [name]);
      const open = await this.#deks.open(keyring, caller.org, this.#rereadKeyring(caller));
      const keys = await this.keysOf(caller, open);
      return { keys, stored: values.get(name) };
    };
  }

  /** Reads a value again, without any key. */
  async stored(caller: Caller, name: string): Promise<StoredValue | undefined> {
    const { values } = await this.#read(caller, [name]);
    return values.get(name);
  }

  #rereadKeyring(caller: Caller): () => Promise<unknown> {
    return async () => (await this.#read(caller, [])).keyring;
  }

  #read({ org, keyId }: Caller, names: readonly string[]): Promise<Records> {
    return this.#records.read({ org, keyId, names, history: true });
  }
}
