/**
 * The verified copy of a vault on this device: state of the chain, keys of epochs, records, signed entries. Every change is
 * one atomic batch, and counts after it was stored.
 */
import { entryHash, parseSignedEntry } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import type { EpochKey } from '../../../core/devices/epoch-keys.ts';
import { PersistentMap } from '../../../core/devices/persistent-map.ts';
import { parseChanges } from '../../../core/devices/record-changes.ts';
import { decodeState, encodeState } from '../../../core/devices/state-snapshot.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../../core/encoding/bytes.ts';
import type { VerifiedBundle } from './checkpoints/resume.ts';
import { deviceError } from './device-errors.ts';
import type { SyncNotice } from './device-types.ts';
import { EpochKeyring } from './epoch-keyring.ts';
import { decodePending, encodePending, type PendingEntry } from './pending-entry.ts';
import { RecordCopy, type StagedRecords } from './records/record-copy.ts';
import type { SealedVersion, VersionRef } from './records/stored-record.ts';
import type { EngineView } from './vault-engine-types.ts';
import { paddedNumber, StoreBatch, stored, type VaultStore } from './vault-store.ts';
import { type AppliedEntry, noticesOf } from './verified-page.ts';

/** A record whose newest version changed. */
export type ChangedRecord = StagedRecords['changed'][number];

const stateName = 'state';
const pendingName = 'pending';
const entryName = (seq: number): string => `entry/${paddedNumber(seq)}`;

export class VerifiedCopy {
  readonly records: RecordCopy;
  readonly store: VaultStore;
  /** What happened, in the order of the entries, until somebody takes it. */
  readonly notices: SyncNotice[] = [];
  /** Called after changed records were stored. */
  onChange: ((changed: readonly ChangedRecord[]) => void) | undefined;
  readonly #device: string;
  #state: ChainState;
  #keyring: EpochKeyring;
  #pending: PendingEntry | undefined;

  private constructor(
    store: VaultStore,
    device: string,
    state: ChainState,
    keyring: EpochKeyring,
    records: RecordCopy,
    pending: PendingEntry | undefined,
  ) {
    this.store = store;
    this.records = records;
    this.#device = device;
    this.#state = state;
    this.#keyring = keyring;
    this.#pending = pending;
  }

  /** What is stored; an empty vault if nothing is. @throws DeviceVaultError storage_damaged */
  static async load(store: VaultStore, scope: VaultScope, keys: DeviceKeys): Promise<VerifiedCopy> {
    const encoded = await store.get(stateName);
    const { copy, records } = await RecordCopy.load(store);
    const state = encoded === undefined ? initialState(scope) : { ...(await readState(scope, encoded)), records };
    const pending = await store.get(pendingName);
    const keyring = await EpochKeyring.load(store, keys, state);
    return new VerifiedCopy(store, keys.id, state, keyring, copy, pending && decodePending(pending));
  }

  get state(): ChainState {
    return this.#state;
  }

  get pending(): PendingEntry | undefined {
    return this.#pending;
  }

  get view(): EngineView {
    const [state, keyring] = [this.#state, this.#keyring];
    return {
      state,
      key: (epoch) => keyring.key(epoch),
      currentKey: () => {
        const key = keyring.key(state.epoch);
        if (key === undefined) throw deviceError('no_key', { detail: `epoch ${state.epoch}` });
        return key;
      },
    };
  }

  async entry(seq: number): Promise<Bytes | undefined> {
    return await this.store.get(entryName(seq));
  }

  /** Whether the verified log has this entry. */
  async hasEntry({ after, entry }: AppliedEntry): Promise<boolean> {
    const signed = await this.entry(entry.seq);
    const found = signed === undefined ? 'malformed' : parseSignedEntry(signed);
    return typeof found !== 'string' && equalBytes(await entryHash(found.unsigned), after.head.hash);
  }

  /** A version of a record, from the entry or the bundle that this device keeps. */
  async version({ seq, index, bundled }: VersionRef): Promise<SealedVersion & { readonly time: string | undefined }> {
    if (bundled !== undefined) return { ...bundled, seq, signer: undefined, time: undefined };
    const entry = parseSignedEntry(stored(await this.entry(seq)));
    if (typeof entry === 'string') throw deviceError('storage_damaged');
    const change = stored(parseChanges(entry.body)?.[index]);
    return { seq, signer: entry.signer, epoch: entry.epoch, change, time: entry.time };
  }

  /** Stores an entry that is about to be sent. */
  async keepPending(pending: PendingEntry): Promise<void> {
    const batch = new StoreBatch();
    batch.put(pendingName, encodePending(pending));
    await this.store.write(batch);
    this.#pending = pending;
  }

  /**
   * Stores verified entries with all their effects, then moves the head.
   * @param made the keys of an epoch that this device began
   * @throws DeviceVaultError bad_envelope for wraps that are not those of their entry
   */
  async commit(applied: readonly AppliedEntry[], made?: EpochKey): Promise<void> {
    const last = applied.at(-1);
    if (last === undefined) return;
    const batch = new StoreBatch();
    const found = applied.flatMap((one) => noticesOf(one, this.#device));
    const keyring = await this.#keyring.after(applied, batch, found, made);
    const staged = await this.records.stage(applied, (epoch) => keyring.key(epoch), batch, found);
    for (const { signed, after } of applied) batch.put(entryName(after.head.seq), signed);
    // A message that goes with an entry may be missing, although the entry is in the log.
    const isPendingSettled = this.#pending?.approval === undefined && this.#isSettledAt(last.after.head.seq);
    if (isPendingSettled) batch.delete(pendingName);
    batch.put(stateName, encodeState({ ...last.after, records: PersistentMap.empty() }));
    await this.store.write(batch);
    if (isPendingSettled) this.#pending = undefined;
    this.#state = last.after;
    this.#keyring = keyring;
    this.records.commit(staged);
    this.notices.push(...found.sort((a, b) => a.seq - b.seq));
    if (staged.changed.length > 0) this.onChange?.(staged.changed);
  }

  /**
   * Stores the state, the records and the roster entries of a bundle, then moves the head to its checkpoint. Nothing that
   * this device has of earlier entries is deleted.
   * @throws DeviceVaultError bad_envelope for wraps that are not those of their entry
   */
  async resume({ chain: { state, checkpoint }, checkpoint: signed, roster, records }: VerifiedBundle): Promise<void> {
    const batch = new StoreBatch();
    const fresh = roster.filter(({ entry }) => entry.seq > this.#state.head.seq);
    const found = fresh.flatMap((one) => noticesOf(one, this.#device));
    const keyring = await this.#keyring.after(fresh, batch, found);
    const keyOf = (epoch: number) => keyring.key(epoch);
    const staged = await this.records.stageBundle(records, state, keyOf, batch, found);
    for (const one of roster) batch.put(entryName(one.entry.seq), one.signed);
    batch.put(entryName(checkpoint.seq), signed);
    batch.put(stateName, encodeState({ ...state, records: PersistentMap.empty() }));
    await this.store.write(batch);
    this.#state = state;
    this.#keyring = keyring;
    this.records.commit(staged);
    this.notices.push(...found.sort((a, b) => a.seq - b.seq));
    if (staged.changed.length > 0) this.onChange?.(staged.changed);
  }

  /** The sequence number of a pending entry with a message, if its place in the log is taken. */
  settledApproval(): number | undefined {
    const entry = this.#pending?.approval && parseSignedEntry(this.#pending.signed);
    return typeof entry === 'object' && entry.seq <= this.#state.head.seq ? entry.seq : undefined;
  }

  /** Forgets the pending entry: nothing of it is to be sent again. */
  async dropPending(): Promise<void> {
    const batch = new StoreBatch();
    batch.delete(pendingName);
    await this.store.write(batch);
    this.#pending = undefined;
  }

  /** Sequence numbers of entries whose wraps the service did not have, and that this device needs. */
  missingWraps(): readonly number[] {
    return this.#keyring.missing().map(({ seq }) => seq);
  }

  /** Stores wraps that the service has now, if they are the right ones. */
  async addWraps(seq: number, wraps: Bytes): Promise<void> {
    const batch = new StoreBatch();
    const keyring = await this.#keyring.withWraps(seq, wraps, this.#state, batch);
    if (batch.puts.size === 0) return;
    await this.store.write(batch);
    this.#keyring = keyring;
  }

  /** Opens records that had no key, if it was added. */
  async decideRecords(): Promise<void> {
    if (!this.records.hasUndecided) return;
    const batch = new StoreBatch();
    const keyOf = (epoch: number) => this.#keyring.key(epoch);
    const staged = await this.records.decideAgain(keyOf, (ref) => this.version(ref), batch, this.notices);
    if (staged.changed.length === 0) return;
    await this.store.write(batch);
    this.records.commit(staged);
    this.onChange?.(staged.changed);
  }

  /** Zeroes the keys, and releases the lock. */
  async close(): Promise<void> {
    this.#keyring.destroy();
    await this.store.close();
  }

  /** Whether the pending entry is in a log up to here, or can never be because its place is taken. */
  #isSettledAt(seq: number): boolean {
    const entry = this.#pending === undefined ? undefined : parseSignedEntry(this.#pending.signed);
    return entry !== undefined && (typeof entry === 'string' || seq >= entry.seq);
  }
}

async function readState(scope: VaultScope, encoded: Bytes): Promise<ChainState> {
  return stored(await decodeState(scope, encoded).catch(() => undefined));
}
