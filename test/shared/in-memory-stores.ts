/** In-memory ports, with a settable clock and the failures of real stores. */
import { randomBytes } from 'node:crypto';
import { roles } from '../../contract/shared/roles.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { type Keyring, newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import type { Caller } from '../../lambdas/api-keys/api-key-ports.ts';
import type {
  RequestRecordStore,
  RequestRecords,
  RequestRecordsQuery,
} from '../../lambdas/api-keys/request-record-ports.ts';
import { FirstDekCreator, KeyringOpener, type OpenKeyring } from '../../lambdas/org-keys/keyring-opener.ts';
import type { Kek, KekRewrapper, KeyringStore } from '../../lambdas/org-keys/keyring-ports.ts';
import type { Clock } from '../../lambdas/shared/ports.ts';
import { ValueDeleter } from '../../lambdas/values/value-deleter.ts';
import { ValueReader } from '../../lambdas/values/value-reader.ts';
import { ValueWriter } from '../../lambdas/values/value-writer.ts';
import { WriteSnapshotLoader } from '../../lambdas/values/write-snapshot-loader.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';
import { InMemoryValueItems } from './in-memory-values.ts';

export class InMemoryKek implements Kek, KekRewrapper {
  readonly calls: string[] = [];
  fail = false;
  async generate(org: string, version: number) {
    this.calls.push('generate');
    if (this.fail) throw new VaultError('unavailable');
    return Buffer.from(JSON.stringify({ org, version, secret: randomBytes(32).toString('hex') }));
  }
  async unwrap(org: string, version: number, wrapped: Uint8Array) {
    this.calls.push('unwrap');
    if (this.fail) throw new VaultError('unavailable');
    const { secret, ...context } = JSON.parse(Buffer.from(wrapped).toString());
    if (context.org !== org || context.version !== version) throw new DecryptionError();
    return Buffer.from(secret, 'hex');
  }
  async rewrap(org: string, version: number, wrapped: Uint8Array) {
    this.calls.push('rewrap');
    const secret = await this.unwrap(org, version, wrapped);
    return Buffer.from(JSON.stringify({ org, version, secret: secret.toString('hex'), anew: randomId() }));
  }
}

export class InMemoryStores extends InMemoryValueItems implements RequestRecordStore, KeyringStore {
  keyring: Record<string, unknown>;
  reads = 0;

  constructor(org: string) {
    super();
    this.keyring = toKeyringRecord(newOrgKeyring(authenticationKeyOf(org), '2026-01-01T00:00:00.000Z'));
  }
  async read({ names }: RequestRecordsQuery): Promise<RequestRecords> {
    this.reads++;
    const found = names.flatMap((name) => {
      const stored = this.items.get(name);
      return stored === undefined ? [] : [[name, stored] as const];
    });
    return {
      apiKey: undefined,
      keyring: structuredClone(this.keyring),
      values: new Map(found),
    };
  }
  async create(keyring: Keyring) {
    this.keyring = toKeyringRecord(keyring);
  }
  async getRaw() {
    return structuredClone(this.keyring);
  }
  async replace(keyring: Keyring) {
    if (this.keyring.generation !== keyring.generation - 1) return false;
    this.keyring = toKeyringRecord(keyring);
    return true;
  }
}

/** One org with in-memory ports. */
export function createInMemoryVault() {
  const caller: Caller = { org: randomId(), keyId: randomId(), role: 'agent', verbs: roles.agent };
  const stores = new InMemoryStores(caller.org);
  const kek = new InMemoryKek();
  const time = { now: new Date('2026-06-01T12:00:00.000Z') };
  const clock: Clock = () => time.now;
  const marks = new InMemoryOrgMarks().begin(caller.org);
  /** Creates a separate function instance, like another warm instance. */
  const instance = () => {
    const { keys: authenticationKeys, keyringVerifier } = createRecordVerifiers(marks, clock);
    const deks = new KeyringOpener(kek, keyringVerifier, clock);
    const states = new WriteSnapshotLoader(stores, deks, new FirstDekCreator(kek, authenticationKeys, stores, clock));
    const writing = new ValueWriter(stores, clock);
    const deleting = new ValueDeleter(stores);
    const reading = new ValueReader(stores, clock);
    const keys = async (): Promise<OpenKeyring> =>
      await deks.open(await stores.getRaw(), caller.org, () => stores.getRaw());
    const reread = states.reloaderFor(caller);
    return {
      deks,
      keys,
      set: async (name: string, value: string, options: object = {}) =>
        await writing.set(await reread(name), reread, name, { value, ...options }),
      get: async (name: string, version?: number) =>
        await reading.get(await keys(), stores.items, name, version, undefined),
      getMany: async (names: string[]) => await reading.getMany(caller, await keys(), stores.items, names, () => {}),
      versions: async (name: string) => await reading.listVersions(await keys(), stores.items, name),
      list: async (options: object = {}) => await reading.list(caller, await keys(), options),
      listAs: async (who: Caller) => await reading.list(who, await keys(), {}),
      delete: async (name: string, ifVersion?: number) =>
        await deleting.delete(
          caller.org,
          stores.items.get(name),
          () => states.readStoredValue(caller, name),
          name,
          ifVersion,
        ),
      deleteVersion: async (name: string, version: number, ifVersion?: number) =>
        await deleting.deleteEarlierVersion(caller.org, stores.items.get(name), name, version, ifVersion),
    };
  };
  return { caller, stores, marks, kek, time, instance, ...instance() };
}

/** The error code of a promise that is expected to reject. */
export async function errorCodeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return error instanceof VaultError || error instanceof DecryptionError ? error.code : String(error);
  }
}
