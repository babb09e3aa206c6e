/** Ports of pruning (docs/device-service.md, section 6). All items are in the table of logs, so a restore keeps them alike. */
import type { VaultScope } from '../../core/devices/vault-scope.ts';

/** What a log was pruned to. It is there before the first entry is deleted. */
export interface StoredBundle {
  /** Sequence number of the checkpoint. */
  readonly seq: number;
  /** Encoded chain state before the checkpoint, without records. */
  readonly state: Uint8Array;
  /** Sequence numbers of the roster entries that had an effect, in ascending order. They are never deleted. */
  readonly kept: readonly number[];
  /** Bytes of all entries before the checkpoint, and of what is kept of them. */
  readonly appendedBytes: number;
  readonly keptBytes: number;
}

export type CompactionPhase = 'collect' | 'verify' | 'acknowledge' | 'publish' | 'delete';

/** How far the pruning to one checkpoint is. Each write of it is one step. */
export interface StoredCompaction {
  readonly checkpoint: number;
  readonly step: number;
  readonly phase: CompactionPhase;
  /** Encoded chain state, without records: up to the entry that was collected last. */
  readonly state: Uint8Array;
  readonly kept: readonly number[];
  readonly appendedBytes: number;
  readonly keptBytes: number;
  /** `verify`: the tree over the records up to `record`. */
  readonly tree: readonly Uint8Array[];
  readonly treeCount: number;
  readonly record: string;
  /** `acknowledge`: the state from the checkpoint on. */
  readonly ahead: Uint8Array | undefined;
  /** `delete`: the last sequence number that is done. */
  readonly deletedTo: number;
}

/** A change that wrote a version of a record. */
export interface RecordRow {
  /** `type:id` */
  readonly record: string;
  readonly seq: number;
  readonly epoch: number;
  readonly change: Uint8Array;
}

export interface RecordRowPage {
  /** The newest row of each record, by ascending `record`. */
  readonly rows: readonly RecordRow[];
  readonly more: boolean;
}

/** Lists of hashes: `roots`, or the number of a group of entries. */
export type HashListName = 'roots' | number;

export interface BundleStore {
  getBundle(scope: VaultScope): Promise<StoredBundle | undefined>;
  /** Replaces the bundle of an earlier checkpoint. Returns false and changes nothing if there is no earlier one. */
  putBundle(scope: VaultScope, bundle: StoredBundle): Promise<boolean>;
  getCompaction(scope: VaultScope): Promise<StoredCompaction | undefined>;
  /** Returns false and changes nothing if the stored step is not `before`; undefined: if there is one. */
  putCompaction(scope: VaultScope, compaction: StoredCompaction, before: number | undefined): Promise<boolean>;
  /** Does nothing if the stored step is another one. */
  deleteCompaction(scope: VaultScope, step: number): Promise<void>;
  /** Hashes of 32 bytes, one after the other; empty if there are none. */
  getHashes(scope: VaultScope, name: HashListName): Promise<Uint8Array>;
  /** Replaces a list by one that is at least as long; does nothing otherwise. */
  putHashes(scope: VaultScope, name: HashListName, hashes: Uint8Array): Promise<void>;
  putRow(scope: VaultScope, row: RecordRow): Promise<void>;
  /** Rows of a record below a sequence number, newest first. */
  rowsOf(scope: VaultScope, record: string, before: number, limit: number): Promise<readonly RecordRow[]>;
  deleteRow(scope: VaultScope, row: Pick<RecordRow, 'record' | 'seq'>): Promise<void>;
  /** The newest rows below a sequence number, of the records after `after`, up to about `maxBytes` bytes. */
  listRows(scope: VaultScope, after: string, before: number, maxBytes: number): Promise<RecordRowPage>;
  deleteEntry(scope: VaultScope, seq: number): Promise<void>;
}
