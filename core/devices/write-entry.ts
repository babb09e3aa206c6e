/** Makes entries that follow a state (docs/format-devices.md, sections 5 to 7). */
import type { Bytes } from '../encoding/bytes.ts';
import type { RandomSource } from '../hazmat/portable-aes-gcm.ts';
import { type Entry, type EntryKind, signEntry } from './chain-entry.ts';
import type { ChainState } from './chain-state.ts';
import type { DeviceKeys } from './device-keys.ts';
import { deriveEpochKey, type EpochKey, newUmk } from './epoch-keys.ts';
import { createKeyWraps, keyWrapsHash } from './key-wraps.ts';
import { encodeRosterBody, type NewMember, type RosterBody } from './roster-body.ts';

/** The entry that a device can write after this state. @param time `2026-11-21T00:00:00.000Z` */
export const draftEntry = (
  { scope, head, epoch }: ChainState,
  signer: string,
  kind: EntryKind,
  body: Bytes,
  time: string,
): Entry => ({ scope, seq: head.seq + 1, prev: head.hash, epoch, kind, body, time, signer });

/** Drafts and signs an entry. */
export const writeEntry = (
  state: ChainState,
  signer: DeviceKeys,
  kind: EntryKind,
  body: Bytes,
  time: string,
): Promise<Bytes> => signEntry(draftEntry(state, signer.id, kind, body, time), signer.ecdsa.privateKey);

type WithoutComputed<T> = T extends RosterBody ? Omit<T, 'prevRoster' | 'wraps' | 'commitment'> : never;

/** A change of the roster, without the parts that follow from the state and the keys. */
export type RosterChange = WithoutComputed<RosterBody>;

type Receiver = Pick<NewMember, 'id' | 'ecdh'>;

/** The members that get the UMK with this change. Who is not in this list cannot open what is written afterwards. */
function receiversOf({ members }: ChainState, change: RosterChange): readonly Receiver[] {
  const present = [...members.values()];
  switch (change.kind) {
    case 'genesis':
    case 'add':
      return [change.member];
    case 'remove':
      return present.filter(({ id }) => id !== change.device);
    case 'rotate':
      return present;
    case 'recovery':
      return [...present.filter(({ role }) => role !== 'recovery'), change.recovery];
    case 'recover':
      return [change.member, change.recovery];
    case 'leave':
    case 'close':
      return [];
  }
}

/** The body of a roster entry, and what goes with it. */
export interface DraftedRoster {
  readonly body: Bytes;
  /** The wraps, which the server must have before the entry. Absent for `leave` and `close`. */
  readonly wraps: Bytes | undefined;
}

/**
 * Makes the body and the wraps of a roster change.
 * @param key the keys of the epoch after the change: the current ones for `add`, {@link nextEpochKey} otherwise
 * @param earlier the keys of the newest earlier epoch that the writer has; absent for `genesis`, and not used for `add`
 */
export async function draftRoster(
  state: ChainState,
  change: RosterChange,
  key: EpochKey,
  earlier: EpochKey | undefined,
  random?: RandomSource,
): Promise<DraftedRoster> {
  const prevRoster = state.roster.hash;
  if (change.kind === 'leave' || change.kind === 'close') {
    return { body: encodeRosterBody({ ...change, prevRoster }), wraps: undefined };
  }
  const epoch = change.kind === 'add' ? state.epoch : state.epoch + 1;
  if (key.epoch !== epoch) throw new RangeError('not the keys of the epoch after the change');
  const history = change.kind === 'add' ? undefined : earlier;
  const wraps = await createKeyWraps(key, receiversOf(state, change), history, random);
  const computed = { prevRoster, wraps: await keyWrapsHash(wraps), commitment: key.commitment };
  return { body: encodeRosterBody({ ...change, ...computed }), wraps };
}

/** New keys for the epoch after the current one. */
export const nextEpochKey = ({ scope, epoch }: ChainState, random?: RandomSource): Promise<EpochKey> =>
  deriveEpochKey(scope, epoch + 1, newUmk(random));
