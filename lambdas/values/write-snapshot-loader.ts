import type { Caller } from '../api-keys/api-key-ports.ts';
import type { RequestRecordStore, RequestRecords } from '../api-keys/request-record-ports.ts';
import type { FirstDekCreator, KeyringOpener, OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { ReadValue } from '../shared/ports.ts';
import type { ReloadWriteSnapshot } from './value-writer.ts';

/** Loads what a write is based on: the value, and a keyring with an active DEK. */
export class WriteSnapshotLoader {
  readonly #records: RequestRecordStore;
  readonly #keyringOpener: KeyringOpener;
  readonly #firstDekCreator: FirstDekCreator;

  constructor(records: RequestRecordStore, keyringOpener: KeyringOpener, firstDekCreator: FirstDekCreator) {
    this.#records = records;
    this.#keyringOpener = keyringOpener;
    this.#firstDekCreator = firstDekCreator;
  }

  /** Returns the request's keyring. Creates the first DEK if there is none. @throws VaultError `write_contention` */
  async ensureActiveDek(caller: Caller, initial: OpenKeyring): Promise<OpenKeyring> {
    const reread = this.#keyringReloaderFor(caller);
    return await this.#firstDekCreator.ensureActive(initial, async () =>
      this.#keyringOpener.open(await reread(), caller.org, reread),
    );
  }

  /** Returns a function that reads a value and the keyring again in one round trip. */
  reloaderFor(caller: Caller): ReloadWriteSnapshot {
    return async (name) => {
      const { keyring, values } = await this.#read(caller, [name]);
      const open = await this.#keyringOpener.open(keyring, caller.org, this.#keyringReloaderFor(caller));
      const keys = await this.ensureActiveDek(caller, open);
      return { keys, stored: values.get(name) };
    };
  }

  /** Reads a value again without decrypting it. */
  async readStoredValue(caller: Caller, name: string): Promise<ReadValue | undefined> {
    const { values } = await this.#read(caller, [name]);
    return values.get(name);
  }

  #keyringReloaderFor(caller: Caller): () => Promise<unknown> {
    return async () => (await this.#read(caller, [])).keyring;
  }

  #read({ org, keyId }: Caller, names: readonly string[]): Promise<RequestRecords> {
    return this.#records.read({ org, keyId, names });
  }
}
