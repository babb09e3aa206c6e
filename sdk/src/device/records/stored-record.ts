/** How this device stores a record and its versions. Content stays as it was sealed in the chain. */
import { encodeRecordLeaf, type RecordHead } from '../../../../core/devices/chain-state.ts';
import {
  type Change,
  encodeChange,
  encodeChanges,
  parseChange,
  parseChanges,
} from '../../../../core/devices/record-changes.ts';
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../../../../core/encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
} from '../../../../core/encoding/field-reader.ts';
import { stored } from '../vault-store.ts';

/** A version, with what is needed to open it. */
export interface SealedVersion {
  /** Sequence number of its entry; of the checkpoint if it is from a bundle. */
  readonly seq: number;
  /** Undefined if it is from a bundle. */
  readonly signer: string | undefined;
  readonly epoch: number;
  readonly change: Change;
}

/** What this device stores of a record. */
export interface StoredRecord {
  readonly head: RecordHead;
  /** A newer version exists that this device has no key for, so it does not know which content is the newest. */
  readonly isUndecided: boolean;
  /** The newest version with content that is not void. */
  readonly content: SealedVersion | undefined;
}

/** A version in the list of versions: `void` content is skipped, and `undecided` content has no key here. */
export type VersionStatus = 'good' | 'void' | 'undecided';
const statuses: readonly VersionStatus[] = ['good', 'void', 'undecided'];

export interface VersionRef {
  readonly version: number;
  readonly seq: number;
  /** Position in the entry. */
  readonly index: number;
  readonly status: VersionStatus;
  /** The version itself, if its entry was pruned. */
  readonly bundled?: Pick<SealedVersion, 'epoch' | 'change'> | undefined;
}

export function encodeRecord({ head, isUndecided, content }: StoredRecord): Bytes {
  const flag = Uint8Array.of(isUndecided ? 1 : 0);
  if (content === undefined) return encodeFieldBytes(encodeRecordLeaf(head), flag);
  const { seq, signer, epoch, change } = content;
  return encodeFieldBytes(
    encodeRecordLeaf(head),
    flag,
    u64Bytes(seq),
    signer ?? '',
    u32Bytes(epoch),
    encodeChanges([change]),
  );
}

export function decodeRecord(bytes: Bytes): StoredRecord {
  const [leaf, flag, seq, signer, epoch, changes] = decodeFieldBytes(bytes) ?? [];
  const [type, id, version, hash, headEpoch] = decodeFieldBytes(stored(leaf)) ?? [];
  const head = {
    type: stored(decodeTextField(type)),
    id: stored(decodeTextField(id)),
    version: stored(decodeU64Field(version)),
    hash: new Uint8Array(stored(hash)),
    epoch: stored(decodeU32Field(headEpoch)),
  };
  const isUndecided = stored(flag)[0] === 1;
  if (changes === undefined) return { head, isUndecided, content: undefined };
  const change = stored(parseChanges(changes)?.[0]);
  const place = { seq: stored(decodeU64Field(seq)), signer: stored(decodeTextField(signer)) || undefined };
  return { head, isUndecided, content: { ...place, epoch: stored(decodeU32Field(epoch)), change } };
}

export function encodeVersion({ seq, index, status, bundled }: VersionRef): Bytes {
  const fields = [u64Bytes(seq), u32Bytes(index), Uint8Array.of(statuses.indexOf(status))];
  if (bundled === undefined) return encodeFieldBytes(...fields);
  return encodeFieldBytes(...fields, u32Bytes(bundled.epoch), encodeChange(bundled.change));
}

export function decodeVersion(name: string, bytes: Bytes): VersionRef {
  const [seq, index, status, epoch, change] = decodeFieldBytes(bytes) ?? [];
  return {
    version: Number(name.slice(name.lastIndexOf('/') + 1)),
    seq: stored(decodeU64Field(seq)),
    index: stored(decodeU32Field(index)),
    status: stored(statuses[stored(status)[0] ?? -1]),
    ...(change && { bundled: { epoch: stored(decodeU32Field(epoch)), change: stored(parseChange(change)) } }),
  };
}
