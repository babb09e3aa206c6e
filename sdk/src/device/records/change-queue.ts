/** Changes of this device that the vault does not have yet: one per record, encrypted on this device. */
import { recordKey } from '../../../../core/devices/chain-state.ts';
import { type Bytes, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeTextField } from '../../../../core/encoding/field-reader.ts';
import { Turns } from '../../shared/turns.ts';
import type { RecordData, RecordType } from '../device-types.ts';
import { StoreBatch, stored, type VaultStore } from '../vault-store.ts';
import { isJsonArray, memberOf } from './json-values.ts';
import { bodyFromJson, bodyToJson, type Content } from './record-content.ts';

export interface QueuedChange {
  readonly type: RecordType;
  readonly id: string;
  /** Version of the newest change of the record when this one was made; 0 for a new record. */
  readonly baseVersion: number;
  /** The content that the change was made to; undefined if there was none, or none that could be read. */
  readonly base: Content | undefined;
  readonly mine: Content;
  /** Lamport time of the change. */
  readonly lamport: number;
  /** Earlier contents of this change that may have reached the vault, although no answer said so. */
  readonly sent: readonly Content[];
  /** Whether a person must decide between `mine` and the content in the vault. */
  readonly isConflict: boolean;
}

type RecordId = { readonly type: string; readonly id: string };

const prefix = 'queue/';
const nameOf = (record: RecordId): string => prefix + recordKey(record);
/** How many earlier contents are kept. More of them only arise from many lost answers in a row. */
const maxSent = 8;

const contentToJson = (content: Content | undefined): RecordData =>
  content === undefined ? null : content === 'deleted' ? 'deleted' : bodyToJson(content);

function contentFromJson(type: RecordType, json: RecordData | undefined): Content | undefined {
  if (json === null) return undefined;
  return json === 'deleted' ? json : stored(bodyFromJson(type, json, Number.MAX_SAFE_INTEGER));
}

function encode({ base, mine, sent, type: _, id: __, ...rest }: QueuedChange): Bytes {
  const json = { ...rest, base: contentToJson(base), mine: contentToJson(mine), sent: sent.map(contentToJson) };
  return utf8Bytes(JSON.stringify(json));
}

function decode(name: string, bytes: Bytes): QueuedChange {
  const [type = '', id = ''] = name.slice(prefix.length).split(':');
  const json: RecordData = JSON.parse(stored(decodeTextField(bytes)));
  bytes.fill(0);
  const number = (member: string): number => Number(memberOf(json, member));
  const sent = memberOf(json, 'sent');
  const recordType = type as RecordType;
  return {
    type: recordType,
    id,
    baseVersion: number('baseVersion'),
    base: contentFromJson(recordType, memberOf(json, 'base')),
    mine: stored(contentFromJson(recordType, memberOf(json, 'mine'))),
    lamport: number('lamport'),
    sent: (isJsonArray(sent) ? sent : []).map((content) => stored(contentFromJson(recordType, content))),
    isConflict: memberOf(json, 'isConflict') === true,
  };
}

export class ChangeQueue {
  readonly #store: VaultStore;
  /** By record, in the order in which they were queued. */
  readonly #changes: Map<string, QueuedChange>;
  /** Contents that were sealed for an entry, by record: they may be in the vault. */
  readonly #sealed = new Map<string, Content>();
  /** One change at a time: applications and a running sync both change the queue. */
  readonly #turns = new Turns();

  private constructor(store: VaultStore, changes: Map<string, QueuedChange>) {
    this.#store = store;
    this.#changes = changes;
    // Whether they were sent before a restart is not known.
    for (const [key, { mine }] of changes) this.#sealed.set(key, mine);
  }

  static async load(store: VaultStore): Promise<ChangeQueue> {
    const changes = new Map<string, QueuedChange>();
    for await (const [name, bytes] of store.items(prefix)) {
      const change = decode(name, bytes);
      changes.set(recordKey(change), change);
    }
    return new ChangeQueue(store, changes);
  }

  get(record: RecordId): QueuedChange | undefined {
    return this.#changes.get(recordKey(record));
  }

  all(): readonly QueuedChange[] {
    return [...this.#changes.values()];
  }

  /** Changes that can be written. */
  waiting(): readonly QueuedChange[] {
    return this.all().filter(({ isConflict }) => !isConflict);
  }

  /** Whether a content of this change may have reached the vault. */
  maySent(change: QueuedChange): boolean {
    return this.sentOf(change).length > 0;
  }

  /** Remembers that the change is about to be sent. */
  markSealed(changes: readonly QueuedChange[]): void {
    for (const change of changes) this.#sealed.set(recordKey(change), change.mine);
  }

  /** Contents of this change that may have reached the vault. */
  sentOf(change: QueuedChange): readonly Content[] {
    const sealed = this.#sealed.get(recordKey(change));
    return sealed === undefined ? change.sent : [...change.sent, sealed];
  }

  /**
   * Stores a change in place of the one of its record.
   * @param expected the change that it replaces
   * @returns false if that is not the queued one any more; nothing was changed then
   */
  put(change: QueuedChange, expected: QueuedChange | undefined): Promise<boolean> {
    return this.#turns.run(async () => {
      const key = recordKey(change);
      if (this.#changes.get(key) !== expected) return false;
      const next = { ...change, sent: this.sentOf(change).slice(-maxSent) };
      const batch = new StoreBatch();
      batch.putSecret(nameOf(change), encode(next));
      await this.#store.write(batch);
      this.#changes.set(key, next);
      this.#sealed.delete(key);
      return true;
    });
  }

  /** Removes those of the changes that are still the queued ones of their records. @returns how many */
  remove(changes: readonly QueuedChange[]): Promise<number> {
    return this.#turns.run(async () => {
      const found = changes.filter((change) => this.get(change) === change);
      if (found.length === 0) return 0;
      const batch = new StoreBatch();
      for (const change of found) batch.delete(nameOf(change));
      await this.#store.write(batch);
      for (const change of found) {
        this.#changes.delete(recordKey(change));
        this.#sealed.delete(recordKey(change));
      }
      return found.length;
    });
  }
}
