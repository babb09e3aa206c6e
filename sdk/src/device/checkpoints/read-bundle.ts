/** Reads what the service has in place of pruned entries. Nothing of it is verified, but its size is bounded. */
import { deviceLimits } from '../../../../contract/devices/limits.ts';
import type { DeviceLogEntry } from '../../../../contract/devices/wire.ts';
import { parseSignedEntry } from '../../../../core/devices/chain-entry.ts';
import { recordKey } from '../../../../core/devices/chain-state.ts';
import { maxRosterEntries } from '../../../../core/devices/limits.ts';
import { type Change, parseChange } from '../../../../core/devices/record-changes.ts';
import { type Bytes, fromBase64 } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { stopError } from '../device-errors.ts';
import type { DeviceRequests } from '../device-requests.ts';

/** A change from a bundle: who wrote it, and in which entry, is not known. */
export interface BundledRecord {
  readonly epoch: number;
  readonly change: Change;
}

export interface BundledEntry {
  readonly signed: Bytes;
  readonly wraps: Bytes | undefined;
}

export interface ReadBundle {
  readonly roster: readonly BundledEntry[];
  readonly checkpoint: Bytes;
  readonly subtrees: readonly Bytes[];
  readonly records: readonly BundledRecord[];
}

/** `genesis`, the counted entries, an entry `close`, and the checkpoint. */
const maxEntries = maxRosterEntries + 2;
/** A tree over 2^53 leaves has no more. */
const maxSubtrees = 53;

type BundleRequests = Pick<DeviceRequests, 'bundleEntries' | 'bundleRecords'>;

/**
 * @param checkpoint its sequence number
 * @param onRecords called with the number of records so far
 * @throws DeviceVaultError bad_envelope (`bad_bundle`); AnimaError of the requests, `bundle_replaced` among them
 */
export async function readBundle(
  requests: BundleRequests,
  checkpoint: number,
  settings: CallSettings,
  onRecords?: (records: number) => void,
): Promise<ReadBundle> {
  const refuse = () => stopError('bad_bundle', checkpoint);
  const { entries, subtrees } = await readEntries(requests, checkpoint, settings, refuse);
  const last = entries.at(-1);
  if (last === undefined) throw refuse();
  const records = await readRecords(requests, checkpoint, settings, refuse, onRecords);
  return { roster: entries.slice(0, -1), checkpoint: last.signed, subtrees, records };
}

async function readEntries(
  requests: BundleRequests,
  checkpoint: number,
  settings: CallSettings,
  refuse: () => Error,
): Promise<{ readonly entries: readonly BundledEntry[]; readonly subtrees: readonly Bytes[] }> {
  const entries: BundledEntry[] = [];
  for (let after = 0; ; ) {
    const page = await requests.bundleEntries(checkpoint, after, settings);
    for (const served of page.entries) {
      const parsed = parseServed(served, after);
      if (parsed === undefined) throw refuse();
      after = parsed.seq;
      entries.push(parsed);
    }
    if (entries.length > maxEntries || page.subtrees.length > maxSubtrees) throw refuse();
    if (!page.more) return { entries, subtrees: page.subtrees.map((text) => fromBase64(text) ?? new Uint8Array(0)) };
    if (page.entries.length === 0) throw refuse();
  }
}

/** An entry with a higher sequence number than the one before. */
function parseServed(
  { entry, wraps }: DeviceLogEntry,
  after: number,
): (BundledEntry & { readonly seq: number }) | undefined {
  const signed = fromBase64(entry);
  const parsed = signed && parseSignedEntry(signed);
  if (signed === undefined || typeof parsed !== 'object' || parsed.seq <= after) return undefined;
  return { seq: parsed.seq, signed, wraps: wraps === undefined ? undefined : fromBase64(wraps) };
}

async function readRecords(
  requests: BundleRequests,
  checkpoint: number,
  settings: CallSettings,
  refuse: () => Error,
  onRecords: ((records: number) => void) | undefined,
): Promise<readonly BundledRecord[]> {
  const records: BundledRecord[] = [];
  let bytes = 0;
  for (let last: Change | undefined; ; ) {
    const page = await requests.bundleRecords(checkpoint, last, settings);
    for (const { epoch, change: text } of page.records) {
      const encoded = fromBase64(text);
      const change = encoded && parseChange(encoded);
      // Each record once, so that an answer that is repeated does not go on for ever.
      const isNext = change !== undefined && (last === undefined || recordKey(change) > recordKey(last));
      bytes += encoded?.length ?? 0;
      if (!isNext || epoch < 1 || bytes > deviceLimits.bundleBytes) throw refuse();
      records.push({ epoch, change });
      last = change;
    }
    onRecords?.(records.length);
    if (!page.more) return records;
    if (page.records.length === 0) throw refuse();
  }
}
