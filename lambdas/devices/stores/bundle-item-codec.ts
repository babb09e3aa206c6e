/** Keys and fields of the items of pruning (docs/device-service.md, section 7). Stored fields are not trusted. */
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { isFrontierOf } from '../../../core/encoding/merkle-shape.ts';
import { isCount } from '../../../core/encoding/stored-record-fields.ts';
import { type Item, requireText, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { CompactionPhase, HashListName, RecordRow, StoredBundle, StoredCompaction } from '../pruning-ports.ts';
import { logIdPrefix } from './device-item-codec.ts';

/** A dot is below all digits, so that a query of entries finds none of these items. */
const itemId = (scope: VaultScope, name: string): string => `${logIdPrefix(scope)}/.${name}`;
const padded = (value: number): string => String(value).padStart(12, '0');

export const bundleId = (scope: VaultScope): string => itemId(scope, 'bundle');
export const compactionId = (scope: VaultScope): string => itemId(scope, 'compaction');
export const hashesId = (scope: VaultScope, name: HashListName): string =>
  itemId(scope, `hashes/${typeof name === 'number' ? padded(name) : name}`);
export const recordRowsPrefix = (scope: VaultScope): string => itemId(scope, 'records/');
/** `!` is below all characters of an id, so the order of the items is that of `type:id`. */
export const recordRowId = (scope: VaultScope, record: string, seq: number): string =>
  `${recordRowsPrefix(scope)}${record}!${padded(seq)}`;

const phases: readonly CompactionPhase[] = ['collect', 'verify', 'acknowledge', 'publish', 'delete'];

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new DecryptionError();
  return value;
}
/** Far above every number of a log. Sums of such numbers can be stored. */
const maxNumber = 2 ** 48;
/** Whether a text can be the place from which rows are listed: the range must not end before it begins. */
const isRecordPlace = (text: string): boolean => text < '~' && Buffer.byteLength(text) <= 512;

const numberOf = (value: unknown): number => required(isCount(value) && value <= maxNumber ? value : undefined);
const bytesOf = (value: unknown): Uint8Array => required(value instanceof Uint8Array ? value : undefined);
const numbersOf = (text: string): readonly number[] =>
  text === '' ? [] : text.split(',').map((one) => numberOf(Number(one)));

/** @throws DecryptionError for missing fields */
export function parseBundleItem(item: Item): StoredBundle {
  const fields = unmarshallItem(item);
  const { seq, state, appendedBytes, keptBytes } = fields;
  return {
    seq: numberOf(seq),
    state: bytesOf(state),
    kept: numbersOf(requireText(fields, 'kept')),
    appendedBytes: numberOf(appendedBytes),
    keptBytes: numberOf(keptBytes),
  };
}

/** @throws DecryptionError for missing fields */
export function parseCompactionItem(item: Item): StoredCompaction {
  const fields = unmarshallItem(item);
  const { checkpoint, step, phase, tree, treeCount, ahead, deletedTo } = fields;
  // It becomes part of a key.
  const record = requireText(fields, 'record');
  const subtrees = (Array.isArray(tree) ? tree : []).map(bytesOf);
  const count = numberOf(treeCount);
  if (!isFrontierOf({ count, subtrees })) throw new DecryptionError();
  const { seq: _, ...bundle } = parseBundleItem({ ...item, seq: item.checkpoint ?? { NULL: true } });
  return {
    ...bundle,
    checkpoint: numberOf(checkpoint),
    step: numberOf(step),
    phase: required(phases.find((one) => one === phase)),
    tree: subtrees,
    treeCount: count,
    record: required(isRecordPlace(record) ? record : undefined),
    ahead: ahead === undefined ? undefined : bytesOf(ahead),
    deletedTo: numberOf(deletedTo),
  };
}

/** @throws DecryptionError for missing fields */
export function parseRowItem(item: Item): RecordRow {
  const { id, epoch, bytes } = unmarshallItem(item);
  const [, record, seq] = /\/\.records\/([^!]+)!([0-9]{12})$/.exec(typeof id === 'string' ? id : '') ?? [];
  return { record: required(record), seq: Number(required(seq)), epoch: numberOf(epoch), change: bytesOf(bytes) };
}
