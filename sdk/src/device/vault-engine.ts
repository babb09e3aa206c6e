/**
 * The engine of a device vault on one device: reads and verifies the log, and appends entries. The verified copy stores the
 * result, so a crash leaves the state before or after a step.
 */
import type { ReadDeviceLogResponse } from '../../../contract/devices/wire.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { destroyEpochKey, type EpochKey } from '../../../core/devices/epoch-keys.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { writeEntry } from '../../../core/devices/write-entry.ts';
import { type Bytes, equalBytes, fromBase64, toBase64 } from '../../../core/encoding/bytes.ts';
import { delay, retryDelay } from '../http/retry.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError } from '../shared/errors.ts';
import { Turns } from '../shared/turns.ts';
import { verifyOrResume } from './checkpoints/verify-or-resume.ts';
import { deviceError } from './device-errors.ts';
import type { DeviceRequests } from './device-requests.ts';
import type { SyncNotice, SyncProgress } from './device-types.ts';
import { DeviceVaultError } from './device-vault-error.ts';
import type { PendingEntry } from './pending-entry.ts';
import type { RecordCopy } from './records/record-copy.ts';
import type { SealedVersion, VersionRef } from './records/stored-record.ts';
import type { AppendedEntry, EngineView, EntryDraft, VaultEngine } from './vault-engine-types.ts';
import type { VaultStore } from './vault-store.ts';
import { type ChangedRecord, VerifiedCopy } from './verified-copy.ts';
import { type AppliedEntry, verifyNext } from './verified-page.ts';

/** What an engine is made of. */
export interface EngineParts {
  readonly scope: VaultScope;
  readonly keys: DeviceKeys;
  readonly store: VaultStore;
  readonly requests: DeviceRequests;
  /** Sends the first entry of a new vault, with the user's credential. */
  readonly create?: ((entry: PendingEntry, settings: CallSettings) => Promise<void>) | undefined;
}

type Draft = (view: EngineView) => Promise<EntryDraft>;

/** An entry of this device that was stored but not sent, and its effect if it becomes the next one. */
interface DraftedEntry {
  readonly pending: PendingEntry;
  readonly applied: AppliedEntry;
  readonly key: EpochKey | undefined;
}

const maxAttempts = 8;
/** After this many conflicts the wait grows no further. */
const longestBackoff = 4;

export class DeviceVaultEngine implements VaultEngine {
  readonly scope: VaultScope;
  readonly keys: DeviceKeys;
  readonly requests: DeviceRequests;
  readonly #create: EngineParts['create'];
  readonly #copy: VerifiedCopy;
  /** One operation on the chain at a time. */
  readonly #turns = new Turns();

  private constructor({ scope, keys, requests, create }: EngineParts, copy: VerifiedCopy) {
    this.scope = scope;
    this.keys = keys;
    this.requests = requests;
    this.#create = create;
    this.#copy = copy;
  }

  /**
   * The engine of what is stored; of an empty vault if nothing is.
   * @throws DeviceVaultError storage_damaged
   */
  static async open(parts: EngineParts): Promise<DeviceVaultEngine> {
    return new DeviceVaultEngine(parts, await VerifiedCopy.load(parts.store, parts.scope, parts.keys));
  }

  get view(): EngineView {
    return this.#copy.view;
  }

  get records(): RecordCopy {
    return this.#copy.records;
  }

  get store(): VaultStore {
    return this.#copy.store;
  }

  /** Called after changed records were stored. */
  set onChange(listener: ((changed: readonly ChangedRecord[]) => void) | undefined) {
    this.#copy.onChange = listener;
  }

  pull(settings: CallSettings, onProgress?: (progress: SyncProgress) => void): Promise<readonly SyncNotice[]> {
    return this.#inTurn(async () => {
      await this.#pull(settings, onProgress);
      // Also what `append` read since the last time.
      return this.#copy.notices.splice(0);
    });
  }

  append(draft: Draft, settings: CallSettings): Promise<AppendedEntry> {
    return this.#inTurn(() => this.#append(draft, settings));
  }

  entry(seq: number): Promise<Bytes | undefined> {
    return this.#copy.entry(seq);
  }

  /** A version of a record, from the entry or the bundle that this device keeps. */
  version(ref: VersionRef): Promise<SealedVersion & { readonly time: string | undefined }> {
    return this.#copy.version(ref);
  }

  /** Ends the engine: waits for the running operation, zeroes the keys, and releases the lock. */
  async close(): Promise<void> {
    await this.#turns.ended();
    await this.#copy.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(() => {
      this.store.assertUsable();
      return work();
    });
  }

  async #pull(settings: CallSettings, onProgress?: (progress: SyncProgress) => void): Promise<void> {
    const { state, pending, notices } = this.#copy;
    if (state.head.seq === 0 && pending !== undefined) await this.#begin(pending, settings);
    let next = this.requests.readLog(this.#copy.state.head.seq, settings);
    for (let more = true; more; ) {
      const { page, applied } = await verifyOrResume(this.#copy, this.requests, await next, settings, onProgress);
      more = page.more;
      // The service reads the next answer while this one is stored.
      if (more) next = this.#readAhead(this.#copy.state.head.seq + applied.length, settings);
      await this.#copy.commit(applied);
      onProgress?.({ verified: this.#copy.state.head.seq, announced: page.head });
      if (!more && page.deletableAt !== undefined) {
        const detail = `deletable at ${plainTime(page.deletableAt)}`;
        notices.push({ seq: page.head, kind: 'deletion_requested', detail });
      }
    }
    for (const seq of this.#copy.missingWraps()) {
      const { entries } = await this.requests.readLog(seq - 1, settings, 1);
      const wraps = fromBase64(entries[0]?.wraps ?? '');
      if (wraps !== undefined && wraps.length > 0) await this.#copy.addWraps(seq, wraps);
    }
    await this.#copy.decideRecords();
    await this.#completeApproval(settings);
  }

  /** Sends an entry again that is in the log: its answer was lost, and its message may not have been stored. */
  async #completeApproval(settings: CallSettings): Promise<void> {
    const { pending } = this.#copy;
    const seq = this.#copy.settledApproval();
    if (pending === undefined || seq === undefined) return;
    const stored = await this.#copy.entry(seq);
    if (stored !== undefined && equalBytes(stored, pending.signed)) await this.#send(pending, seq, settings);
    await this.#copy.dropPending();
  }

  /** A request whose failure is reported when its answer is needed. */
  #readAhead(after: number, settings: CallSettings): Promise<ReadDeviceLogResponse> {
    const reading = this.requests.readLog(after, settings);
    reading.catch(() => undefined);
    return reading;
  }

  /** Sends the first entry, also again after a lost answer: the service accepts the same bytes twice. */
  async #begin(pending: PendingEntry, settings: CallSettings, made?: EpochKey): Promise<AppliedEntry> {
    const applied = await verifyNext(this.#copy.state, pending.signed, pending.wraps);
    await this.#create?.(pending, settings);
    await this.#copy.commit([applied], made);
    return applied;
  }

  async #append(draft: Draft, settings: CallSettings): Promise<AppendedEntry> {
    if (this.#copy.state.head.seq === 0) return await this.#appendFirst(draft, settings);
    // What became of an earlier entry, whose answer was lost, is known after this.
    if (this.#copy.pending !== undefined) await this.#pull(settings);
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const made = await this.#draftNext(draft);
      try {
        if (await this.#sendUntilKnown(made, attempt, settings)) return appended(made.applied);
      } finally {
        this.#discardUnused(made.key);
      }
    }
    throw deviceError('too_many_conflicts');
  }

  /** @returns whether the entry is part of the chain; false if another one took its place */
  async #sendUntilKnown(made: DraftedEntry, attempt: number, settings: CallSettings): Promise<boolean> {
    try {
      await this.#send(made.pending, made.applied.entry.seq, settings);
    } catch (error) {
      return await this.#isStoredAfter(error, made, attempt, settings);
    }
    await this.#copy.commit([made.applied], made.key);
    // Its message was stored before the answer.
    if (made.pending.approval !== undefined) await this.#copy.dropPending();
    return true;
  }

  /** After a conflict, and after a lost answer, only the log tells whether the entry was stored. */
  async #isStoredAfter(
    error: unknown,
    { applied }: DraftedEntry,
    attempt: number,
    settings: CallSettings,
  ): Promise<boolean> {
    if (!(error instanceof AnimaError)) throw error;
    const isConflict = error.code === 'log_conflict';
    if (!isConflict && !error.retryable) throw error;
    if (isConflict) await delay(retryDelay(Math.min(attempt, longestBackoff) - 1), settings);
    await this.#pull(settings).catch((pullError: unknown) => {
      throw isConflict || pullError instanceof DeviceVaultError ? pullError : error;
    });
    if (await this.#copy.hasEntry(applied)) return true;
    if (!isConflict) throw error;
    return false;
  }

  /** Zeroes the keys of an epoch that did not begin, or that were opened from their wraps. */
  #discardUnused(key: EpochKey | undefined): void {
    if (key !== undefined && this.view.key(key.epoch) !== key) destroyEpochKey(key);
  }

  /** Drafts and signs an entry, and stores it before it is sent. */
  async #draftNext(draft: Draft): Promise<DraftedEntry> {
    const { state } = this.#copy;
    if (state.closed) throw deviceError('vault_closed');
    if (!state.members.has(this.keys.id)) throw deviceError('not_a_member');
    const { kind, body, wraps, recoveryBox, key, approval } = await draft(this.view);
    try {
      const signed = await writeEntry(state, this.keys, kind, body, new Date().toISOString());
      const applied = await this.#judge(signed, wraps);
      const pending = { signed, wraps, recoveryBox, approval };
      await this.#copy.keepPending(pending);
      return { pending, applied, key };
    } catch (error) {
      this.#discardUnused(key);
      throw error;
    }
  }

  /** All devices would judge the entry alike, so one without effect is not sent. */
  async #judge(signed: Bytes, wraps: Bytes | undefined): Promise<AppliedEntry> {
    const { state } = this.#copy;
    const applied = await verifyNext(state, signed, wraps).catch((error: unknown) => {
      throw state.rotationDue ? deviceError('rotation_due') : error;
    });
    const reason = applied.voidReason ?? applied.voided[0]?.reason;
    if (reason !== undefined) throw deviceError('change_refused', { reason });
    return applied;
  }

  async #appendFirst(draft: Draft, settings: CallSettings): Promise<AppendedEntry> {
    const { kind, body, wraps, key } = await draft(this.view);
    try {
      const signed = await writeEntry(this.#copy.state, this.keys, kind, body, new Date().toISOString());
      await verifyNext(this.#copy.state, signed, wraps);
      const pending = { signed, wraps, recoveryBox: undefined, approval: undefined };
      await this.#copy.keepPending(pending);
      return appended(await this.#begin(pending, settings, key));
    } finally {
      this.#discardUnused(key);
    }
  }

  async #send(
    { signed, wraps, recoveryBox, approval }: PendingEntry,
    seq: number,
    settings: CallSettings,
  ): Promise<void> {
    const body = {
      entry: toBase64(signed),
      ...(wraps && { wraps: toBase64(wraps) }),
      ...(recoveryBox && { recoveryBox: toBase64(recoveryBox) }),
      ...(approval && { pairing: { pairing: approval.pairing, message: toBase64(approval.message) } }),
    };
    await this.requests.append(body, seq, settings);
  }
}

const appended = ({ after, voidReason }: AppliedEntry): AppendedEntry => ({ ...after.head, voidReason });

/** A time of the service, for people. Anything else is left out. */
const plainTime = (text: string): string => (/^[\dTZ:.+-]{1,40}$/.test(text) ? text : 'an unknown time');
