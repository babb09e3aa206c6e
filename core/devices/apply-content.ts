/** The effect of entries that do not change the roster (docs/format-devices.md, sections 8 and 9). */
import { type Bytes, encodeFieldBytes, equalBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { type Entry, hashLength, zeroHash } from './chain-entry.ts';
import {
  type AppliedChange,
  type ChainState,
  type EntryRef,
  recordKey,
  recordsRoot,
  type VoidChange,
  type VoidReason,
} from './chain-state.ts';
import { maxChanges } from './limits.ts';
import { frontierRoot } from './merkle-frontier.ts';
import { type Change, changeHash, parseChanges } from './record-changes.ts';
import { isRecordId, recordTypes } from './vault-scope.ts';

export interface AppliedRecords {
  readonly state: ChainState;
  readonly changes: readonly AppliedChange[];
  readonly voided: readonly VoidChange[];
}

/** Applies the changes of an entry in their order. Each change is void or takes effect by itself. */
export async function applyRecords(state: ChainState, entry: Entry): Promise<AppliedRecords | VoidReason> {
  const parsed = parseChanges(entry.body);
  if (parsed === undefined || parsed.length === 0) return 'malformed_body';
  if (parsed.length > maxChanges) return 'too_many_changes';
  let { records } = state;
  const changes: AppliedChange[] = [];
  const voided: VoidChange[] = [];
  for (const [index, change] of parsed.entries()) {
    const reason = findProblem(records, change);
    if (change === undefined || reason !== undefined) {
      voided.push({ index, reason: reason ?? 'malformed_body' });
      continue;
    }
    const { type, id, version } = change;
    const hash = await changeHash(state.scope, state.epoch, change);
    records = records.set(recordKey(change), { type, id, version, hash, epoch: state.epoch });
    changes.push({ change, hash });
  }
  return { state: { ...state, records }, changes, voided };
}

function findProblem(records: ChainState['records'], change: Change | undefined): VoidReason | undefined {
  if (change === undefined) return 'malformed_body';
  if (!recordTypes.includes(change.type)) return 'unknown_type';
  if (!isRecordId(change.id)) return 'bad_record_id';
  const head = records.get(recordKey(change));
  if (change.version !== (head?.version ?? 0) + 1) return 'bad_version';
  return equalBytes(change.parent, head?.hash ?? zeroHash) ? undefined : 'bad_parent';
}

export interface CheckpointBody {
  /** Hash of the last roster entry that took effect. */
  readonly roster: Bytes;
  /** Merkle root over the hashes of all entries before. */
  readonly entries: Bytes;
  /** Merkle root over the newest versions of all records. */
  readonly records: Bytes;
}

export const encodeCheckpoint = ({ roster, entries, records }: CheckpointBody): Bytes =>
  encodeFieldBytes(roster, entries, records);

/** The body of a checkpoint that follows this state. */
export const createCheckpoint = async (state: ChainState): Promise<CheckpointBody> => ({
  roster: state.roster.hash,
  entries: await frontierRoot(state.entries),
  records: await recordsRoot(state.records.values()),
});

export function parseCheckpoint(body: Uint8Array): CheckpointBody | undefined {
  const fields = decodeFieldBytes(body) ?? [];
  const [roster, entries, records] = fields.map((field) => fieldOfLength(field, hashLength));
  if (fields.length !== 3 || roster === undefined || entries === undefined || records === undefined) return undefined;
  return { roster, entries, records };
}

/** Applies a checkpoint: every reader computes its roots again. */
export async function applyCheckpoint(state: ChainState, entry: Entry, hash: Bytes): Promise<ChainState | VoidReason> {
  if (parseCheckpoint(entry.body) === undefined) return 'malformed_body';
  if (!equalBytes(entry.body, encodeCheckpoint(await createCheckpoint(state)))) return 'bad_checkpoint';
  return { ...state, checkpoint: { seq: entry.seq, hash, signer: entry.signer } };
}

export const encodeAcknowledgement = ({ seq, hash }: EntryRef): Bytes => encodeFieldBytes(u64Bytes(seq), hash);

/** Whether no other member can acknowledge: the recovery member signs `recover` only. */
const isOnlyWriter = ({ members }: ChainState, signer: string): boolean =>
  [...members.values()].every(({ id, role }) => id === signer || role === 'recovery');

/**
 * Applies the acknowledgement of the last checkpoint: by a member other than its signer, or by its signer if no other
 * member can sign one.
 */
export function applyAcknowledgement(state: ChainState, entry: Entry): ChainState | VoidReason {
  const fields = decodeFieldBytes(entry.body) ?? [];
  const seq = decodeU64Field(fields[0]);
  const hash = fieldOfLength(fields[1], hashLength);
  if (fields.length !== 2 || seq === undefined || hash === undefined) return 'malformed_body';
  const { checkpoint } = state;
  const isCurrent = checkpoint?.seq === seq && equalBytes(checkpoint.hash, hash);
  if (!isCurrent) return 'bad_acknowledgement';
  if (checkpoint.signer === entry.signer && !isOnlyWriter(state, entry.signer)) return 'bad_acknowledgement';
  return { ...state, acknowledged: { seq, hash } };
}
