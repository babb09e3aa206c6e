/** The inside of a device vault on one device: what pairing, recovery, records and transfers build on. */
import type { EntryKind } from '../../../core/devices/chain-entry.ts';
import type { ChainState, EntryRef, VoidReason } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import type { EpochKey } from '../../../core/devices/epoch-keys.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import type { CallSettings } from '../shared/client-options.ts';
import type { SyncNotice, SyncProgress } from './device-types.ts';
import type { ApprovalMessage } from './pending-entry.ts';

/** The verified chain as this device knows it. */
export interface EngineView {
  readonly state: ChainState;
  /** The keys of an epoch; undefined if this device has none. */
  key(epoch: number): EpochKey | undefined;
  /** The keys of the current epoch. @throws DeviceVaultError no_key */
  currentKey(): EpochKey;
}

/** An entry to append, made against one view. */
export interface EntryDraft {
  readonly kind: EntryKind;
  readonly body: Bytes;
  readonly wraps?: Bytes | undefined;
  readonly recoveryBox?: Bytes | undefined;
  /** The keys of the epoch that this entry begins. */
  readonly key?: EpochKey | undefined;
  /** Sent with an entry `add`, and stored after it. */
  readonly approval?: ApprovalMessage | undefined;
}

/** What became of an appended entry. A void entry is in the log and has no effect. */
export interface AppendedEntry extends EntryRef {
  readonly voidReason: VoidReason | undefined;
}

export interface VaultEngine {
  readonly scope: VaultScope;
  readonly keys: DeviceKeys;
  readonly view: EngineView;
  /**
   * Reads and verifies all new entries, opens the keys of new epochs, and stores the result. The stored head never moves
   * back, and does not move when an entry is refused.
   * @throws DeviceVaultError bad_envelope, with the reason; update_required; AnimaError of the request
   */
  pull(settings: CallSettings, onProgress?: (progress: SyncProgress) => void): Promise<readonly SyncNotice[]>;
  /**
   * Appends one entry. Drafts it against the newest view, stores the signed bytes, then sends them. When another device
   * was faster, it pulls and drafts again, at most eight times, with jitter. After a lost answer, the log decides whether
   * the stored bytes were appended. A message that goes with them is sent until the service has confirmed it.
   * @param draft called for each attempt; may throw to give up
   */
  append(draft: (view: EngineView) => Promise<EntryDraft>, settings: CallSettings): Promise<AppendedEntry>;
  /** An entry of the verified chain that this device keeps, signed. */
  entry(seq: number): Promise<Bytes | undefined>;
}
