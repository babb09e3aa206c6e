import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import type { RequestRecordStore, RequestRecords } from '../api-keys/request-record-ports.ts';
import type { FirstDekCreator, KeyringOpener, OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredValue } from '../shared/ports.ts';
import type { ReloadWriteSnapshot } from './value-writer.ts';

/** First writes of an org that may meet before one of them finds the stored keyring. */
const maxAttempts = 5;

/** Brings about what a write stands on: a keyring with a DEK that seals. */
export class WriteSnapshotLoader {
  readonly #records: RequestRecordStore;
  readonly #keyringOpener: KeyringOpener;
  readonly #firstDekCreator: FirstDekCreator;

  constructor(records: RequestRecordStore, keyringOpener: KeyringOpener, firstDekCreator: FirstDekCreator) {
    this.#records = records;
    this.#keyringOpener = keyringOpener;
    this.#firstDekCreator = firstDekCreator;
  }

  /** The keyring of the request, with its first DEK made if it has none. @throws VaultError `write_contention` */
  async ensureActiveDek(caller: Caller, initial: OpenKeyring): Promise<OpenKeyring> {
    let keys = initial;
    for (let attempt = 0; keys.active === undefined; attempt++) {
      if (attempt === maxAttempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      await this.#firstDekCreator.create(keys.keyring);
      const { keyring } = await this.#read(caller, []);
      keys = await this.#keyringOpener.open(keyring, caller.org, this.#keyringReloaderFor(caller));
    }
    return keys;
  }

  /** Reads a value and its keyring again, in one round trip. */
  reloaderFor(caller: Caller): ReloadWriteSnapshot {
    return async (name) => {
      const { keyring, values } = await this.#read(caller, [name]);
      const open = await this.#keyringOpener.open(keyring, caller.org, this.#keyringReloaderFor(caller));
      const keys = await this.ensureActiveDek(caller, open);
      return { keys, stored: values.get(name) };
    };
  }

  /** Reads a value again, without any key. */
  async readStoredValue(caller: Caller, name: string): Promise<StoredValue | undefined> {
    const { values } = await this.#read(caller, [name]);
    return values.get(name);
  }

  #keyringReloaderFor(caller: Caller): () => Promise<unknown> {
    return async () => (await this.#read(caller, [])).keyring;
  }

  #read({ org, keyId }: Caller, names: readonly string[]): Promise<RequestRecords> {
    return this.#records.read({ org, keyId, names, includeHistory: true });
  }
}
