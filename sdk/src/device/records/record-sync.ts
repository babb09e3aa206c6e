/**
 * Writes queued changes to the vault, and merges them with what other devices wrote. One run at a time; changes can be
 * queued meanwhile.
 */
import { zeroHash } from '../../../../core/devices/chain-entry.ts';
import { recordKey } from '../../../../core/devices/chain-state.ts';
import { maxChanges, maxEntryBytes, maxLamportPerEntry } from '../../../../core/devices/limits.ts';
import { type Change, encodeChanges, sealChange } from '../../../../core/devices/record-changes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { Turns } from '../../shared/turns.ts';
import { deviceError } from '../device-errors.ts';
import type { SyncNotice, SyncProgress, SyncResult } from '../device-types.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { rotateIfDue } from '../roster/change-roster.ts';
import type { DeviceVaultEngine } from '../vault-engine.ts';
import type { EngineView, EntryDraft } from '../vault-engine-types.ts';
import type { ChangeQueue, QueuedChange } from './change-queue.ts';
import { mergeRecord } from './merge-records.ts';
import { encodeBody, equalContent, mediaType } from './record-content.ts';
import type { RecordReader } from './record-reader.ts';

/** Left for the envelope of an entry. */
const envelopeBytes = 1_024;
const heartbeatMs = 86_400_000;
const spareRounds = 16;

/** Thrown by a draft that found nothing to write. Never seen outside. */
class NothingToWrite extends Error {}

export class RecordSync {
  readonly #engine: DeviceVaultEngine;
  readonly #queue: ChangeQueue;
  readonly #reader: RecordReader;
  /** Called after records changed and queued changes were merged with them. */
  onSettled: (() => Promise<void>) | undefined;
  readonly #turns = new Turns();

  constructor(engine: DeviceVaultEngine, queue: ChangeQueue, reader: RecordReader) {
    this.#engine = engine;
    this.#queue = queue;
    this.#reader = reader;
  }

  /** Reads, merges, and writes everything. Also writes a heartbeat if this device wrote nothing for a day. */
  sync(settings: CallSettings, onProgress?: (progress: SyncProgress) => void): Promise<SyncResult> {
    return this.#turns.run(async () => {
      const startSeq = this.#engine.view.state.head.seq;
      const notices: SyncNotice[] = [...(await this.#engine.pull(settings, onProgress))];
      await this.#mergeAll();
      const written = await this.#write(settings, notices);
      const beats = written.entries === 0 && (await this.#beat(settings)) ? 1 : 0;
      const own = written.entries + beats;
      await this.onSettled?.();
      const queued = this.#queue.waiting().length;
      const conflicts = await this.#reader.conflicts();
      const pulled = this.#engine.view.state.head.seq - startSeq - own;
      return { pulled, pushed: written.changes, queued, notices, conflicts };
    });
  }

  /** Writes queued changes, without reading first: the log tells if another device was faster. */
  push(settings: CallSettings): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#queue.waiting().length > 0) await this.#write(settings, []);
      await this.onSettled?.();
    });
  }

  async #write(settings: CallSettings, notices: SyncNotice[]): Promise<{ entries: number; changes: number }> {
    const written = { entries: 0, changes: 0 };
    // Each round settles at least one change. Other devices that change the same records at the same time add rounds; what
    // is left then waits for the next sync.
    for (let left = this.#queue.waiting().length + spareRounds; left > 0 && this.#queue.waiting().length > 0; left--) {
      const blocked = await this.#unblock(settings, written);
      if (blocked !== undefined) {
        notices.push(blocked);
        return written;
      }
      const changes = await this.#writeEntry(settings).catch((error: unknown) => {
        // A device left meanwhile.
        if (error instanceof DeviceVaultError && error.code === 'rotation_due') return 'again' as const;
        throw error;
      });
      if (changes === 'again') continue;
      if (changes === 0) return written;
      written.entries++;
      written.changes += changes;
    }
    return written;
  }

  /** Makes a new key if that is due. @returns why nothing can be written otherwise */
  async #unblock(settings: CallSettings, written: { entries: number }): Promise<SyncNotice | undefined> {
    const { state, key } = this.#engine.view;
    const { seq } = state.head;
    const detail = 'queued changes wait until a device with the role admin changes the key';
    if (state.rotationDue) {
      if (state.members.get(this.#engine.keys.id)?.role !== 'admin') return { seq, kind: 'rotation_due', detail };
      // Not if another device was faster: each new key is one of a limited number of entries.
      if (await rotateIfDue(this.#engine, settings)) written.entries++;
      else if (this.#engine.view.state.rotationDue) return { seq, kind: 'no_key', detail };
    } else if (key(state.epoch) === undefined) return { seq, kind: 'no_key', detail };
    return undefined;
  }

  /** Writes one entry. @returns the number of changes in it; 0 if there was nothing to write */
  async #writeEntry(settings: CallSettings): Promise<number> {
    let taken: readonly QueuedChange[] = [];
    const draft = async (view: EngineView): Promise<EntryDraft> => {
      await this.#mergeAll();
      const sealed = await this.#seal(view);
      // One that was replaced while it was sealed is written with the next entry.
      const current = sealed.filter(({ queued }) => this.#queue.get(queued) === queued);
      taken = current.map(({ queued }) => queued);
      if (taken.length === 0) throw new NothingToWrite();
      this.#queue.markSealed(taken);
      return { kind: 'records', body: encodeChanges(current.map(({ change }) => change)) };
    };
    try {
      await this.#engine.append(draft, settings);
    } catch (error) {
      if (error instanceof NothingToWrite) return 0;
      throw error;
    }
    await this.#mergeAll();
    return taken.length;
  }

  /** Seals as many queued changes as one entry holds. */
  async #seal(view: EngineView): Promise<readonly { readonly queued: QueuedChange; readonly change: Change }[]> {
    const sealed: { readonly queued: QueuedChange; readonly change: Change }[] = [];
    let bytes = envelopeBytes;
    for (const queued of this.#queue.waiting()) {
      if (sealed.length === maxChanges) break;
      if (await this.#reader.isUndecided(queued)) continue;
      const change = await this.#sealOne(view, queued);
      bytes += encodeChanges([change]).length;
      if (bytes > maxEntryBytes) break;
      sealed.push({ queued, change });
    }
    return sealed;
  }

  async #sealOne({ state, currentKey }: EngineView, { type, id, mine, lamport }: QueuedChange): Promise<Change> {
    const head = state.records.get(recordKey({ type, id }));
    const place = { version: (head?.version ?? 0) + 1, parent: head?.hash ?? zeroHash, device: this.#engine.keys.id };
    const time = { lamport: Math.min(lamport, maxLamportPerEntry * (state.head.seq + 1)) };
    if (mine === 'deleted') {
      const content = { live: false, mediaType: '', body: new Uint8Array(0) };
      return await sealChange(currentKey(), { type, id }, { ...place, ...time, ...content });
    }
    const body = encodeBody(mine);
    try {
      return await sealChange(currentKey(), { type, id }, { ...place, ...time, live: true, mediaType, body });
    } finally {
      body.fill(0);
    }
  }

  /** Brings all queued changes up to the newest versions. */
  async #mergeAll(): Promise<void> {
    const done: QueuedChange[] = [];
    for (const queued of this.#queue.all()) if ((await this.#merge(queued)) === 'done') done.push(queued);
    await this.#queue.remove(done);
  }

  /**
   * Merges a queued change with the newest version of its record, if that is not the one it was made to.
   * @returns `done` if there is nothing left to write
   */
  async #merge(queued: QueuedChange): Promise<'done' | undefined> {
    const { type, id } = queued;
    const version = this.#reader.headVersion(queued);
    if (version === queued.baseVersion || (await this.#reader.isUndecided(queued))) return undefined;
    const theirs = await this.#reader.newest(type, id);
    if (theirs?.isReadable === false) return await this.#ask(queued);
    const there = theirs?.content;
    // An earlier content of this very change, which reached the vault although no answer said so, is its base.
    const isOwn = theirs?.time[1] === this.#engine.keys.id;
    const isSent = isOwn && this.#queue.sentOf(queued).some((one) => equalContent(one, there));
    const base = isSent ? there : queued.base;
    const mine = { content: queued.mine, time: [queued.lamport, this.#engine.keys.id] as const };
    const merge = mergeRecord(type, base, { content: there, time: theirs?.time ?? [0, ''] }, mine);
    if (merge.result === 'keep') return 'done';
    if (merge.result === 'ask') return await this.#ask(queued);
    const lamport = Math.max(queued.lamport, this.#engine.records.lamport + 1);
    const next = { baseVersion: version, base: there, mine: merge.content, lamport, isConflict: false };
    // If an application changed the record meanwhile, its change is merged the next time.
    await this.#queue.put({ ...queued, ...next, sent: [] }, queued);
    return undefined;
  }

  /** Leaves the decision to a person. */
  async #ask(queued: QueuedChange): Promise<undefined> {
    if (!queued.isConflict) await this.#queue.put({ ...queued, isConflict: true }, queued);
  }

  async #beat(settings: CallSettings): Promise<boolean> {
    const { state } = this.#engine.view;
    const own = state.members.get(this.#engine.keys.id);
    if (own === undefined || own.role === 'recovery' || state.closed) return false;
    if (Date.now() - Date.parse(own.lastTime) < heartbeatMs) return false;
    await this.#engine.append(async () => ({ kind: 'heartbeat', body: new Uint8Array(0) }), settings);
    return true;
  }

  /** @throws DeviceVaultError not_a_member, vault_closed */
  assertWriter(): void {
    const { state } = this.#engine.view;
    if (state.closed) throw deviceError('vault_closed');
    if (!state.members.has(this.#engine.keys.id)) throw deviceError('not_a_member');
  }
}
