import { applyEntry } from '../../core/devices/apply-entry.ts';
import type { ChainState, Member } from '../../core/devices/chain-state.ts';
import type { LogStore } from './device-ports.ts';

/** Entries that can be in the log before the roster follows them. */
const maxBehind = 2;
const maxBytes = 1_000_000;

/**
 * The member with this id. If the roster does not have it, the entry that adds it can be in the log already: a request
 * ended between its two writes. A device that is refused then could delete the keys of the only member of a vault.
 */
export async function findMember(
  state: ChainState,
  device: string,
  logs: Pick<LogStore, 'list'>,
): Promise<Member | undefined> {
  const known = state.members.get(device);
  if (known !== undefined) return known;
  let current = state;
  const { entries } = await logs.list(state.scope, state.head.seq, maxBehind, maxBytes);
  for (const { signed } of entries) {
    const outcome = await applyEntry(current, signed);
    if (outcome.result === 'stop') return undefined;
    current = outcome.state;
  }
  return current.members.get(device);
}
