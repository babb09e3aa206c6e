/** The effect of a roster entry on the state (docs/format-devices.md, section 7). */
import { equalBytes } from '../encoding/bytes.ts';
import { type Entry, type RosterKind, zeroHash } from './chain-entry.ts';
import type { ChainState, Member, VoidReason } from './chain-state.ts';
import { maxMembers, maxRosterEntries, reservedRosterEntries } from './limits.ts';
import { type NewMember, parseRosterBody, type Role, type RosterBody } from './roster-body.ts';

type RosterEntry = Entry & { readonly kind: RosterKind };

/** Applies a roster entry whose envelope was verified, except for the head. Returns why it has no effect otherwise. */
export async function applyRosterEntry(
  state: ChainState,
  entry: RosterEntry,
  hash: ChainState['roster']['hash'],
): Promise<ChainState | VoidReason> {
  if (entry.kind === 'genesis') return 'misplaced_genesis';
  const body = await parseRosterBody(entry.kind, entry.body);
  if (body === undefined) return 'malformed_body';
  const problem = findProblem(state, entry, body);
  if (problem !== undefined) return problem;
  return changeRoster({ ...state, roster: { hash, count: state.roster.count + 1 } }, entry, body);
}

/**
 * Applies the first entry. Returns undefined for any other entry. The caller requires that the signer is the member, and
 * verifies the signature.
 */
export async function applyGenesis(
  state: ChainState,
  entry: Entry,
  hash: ChainState['roster']['hash'],
): Promise<ChainState | undefined> {
  if (entry.kind !== 'genesis') return undefined;
  const body = await parseRosterBody('genesis', entry.body);
  if (body?.kind !== 'genesis' || !equalBytes(body.prevRoster, zeroHash)) return undefined;
  const { commitment, wraps, member } = body;
  return {
    ...withMembers(state, [toMember(member, entry)]),
    genesis: hash,
    roster: { hash, count: 1 },
    epoch: 1,
    epochs: [{ commitment, wraps }],
  };
}

function findProblem(state: ChainState, entry: RosterEntry, body: RosterBody): VoidReason | undefined {
  if (!isAllowed(state.members.get(entry.signer)?.role, body.kind)) return 'forbidden';
  if (!equalBytes(body.prevRoster, state.roster.hash)) return 'bad_previous_roster';
  if (isFull(state, body.kind)) return 'roster_full';
  switch (body.kind) {
    case 'add':
      return findProblemOfAdd(state, body);
    case 'remove':
      if (body.device === entry.signer) return 'own_device';
      return state.members.has(body.device) ? undefined : 'unknown_device';
    case 'leave':
      return isLastAdmin(state, entry.signer) ? 'last_admin' : undefined;
    case 'recovery':
      return findProblemOfRecovery(state, body.recovery);
    case 'recover':
      return findProblemOfRecover(state, body.member, body.recovery);
    case 'genesis':
    case 'rotate':
    case 'close':
      return undefined;
  }
}

function isAllowed(role: Role | undefined, kind: RosterKind): boolean {
  if (kind === 'recover') return role === 'recovery';
  return role === 'admin' || (kind === 'leave' && role === 'data');
}

/** The last entries are reserved, so that a removal stays possible after many additions. */
function isFull({ roster, rotationDue }: ChainState, kind: RosterKind): boolean {
  if (kind === 'close' || roster.count < maxRosterEntries - reservedRosterEntries) return false;
  if (roster.count >= maxRosterEntries) return true;
  return !(kind === 'remove' || kind === 'leave' || kind === 'recover' || (kind === 'rotate' && rotationDue));
}

function findProblemOfAdd(state: ChainState, body: RosterBody & { readonly kind: 'add' }): VoidReason | undefined {
  const current = state.epochs[state.epoch - 1]?.commitment;
  if (current === undefined || !equalBytes(body.commitment, current)) return 'bad_commitment';
  if (state.usedIds.has(body.member.id)) return 'device_reused';
  return state.members.size < maxMembers ? undefined : 'too_many_members';
}

function findProblemOfRecovery(state: ChainState, recovery: NewMember): VoidReason | undefined {
  if (state.usedIds.has(recovery.id)) return 'device_reused';
  return withoutRecovery(state).size < maxMembers ? undefined : 'too_many_members';
}

function findProblemOfRecover(state: ChainState, member: NewMember, recovery: NewMember): VoidReason | undefined {
  const isReused = state.usedIds.has(member.id) || state.usedIds.has(recovery.id) || member.id === recovery.id;
  return isReused ? 'device_reused' : undefined;
}

const isLastAdmin = ({ members }: ChainState, id: string): boolean =>
  members.get(id)?.role === 'admin' && [...members.values()].filter(({ role }) => role === 'admin').length === 1;

const toMember = (member: NewMember, { seq, time }: Entry): Member => ({
  ...member,
  since: seq,
  lastSeq: seq,
  lastTime: time,
});

const withoutRecovery = ({ members }: ChainState): Map<string, Member> =>
  new Map([...members].filter(([, { role }]) => role !== 'recovery'));

/** Adds members, and remembers their ids. */
function withMembers(state: ChainState, added: readonly Member[]): ChainState {
  return {
    ...state,
    members: new Map([...state.members, ...added.map((member) => [member.id, member] as const)]),
    usedIds: new Set([...state.usedIds, ...added.map(({ id }) => id)]),
  };
}

function without(state: ChainState, id: string): ChainState {
  const removed = state.members.get(id);
  const members = new Map(state.members);
  members.delete(id);
  return { ...state, members, recoveryBox: removed?.role === 'recovery' ? undefined : state.recoveryBox };
}

const inNextEpoch = (
  state: ChainState,
  { commitment, wraps }: Pick<ChainState['epochs'][number], 'commitment' | 'wraps'>,
) => ({
  ...state,
  epoch: state.epoch + 1,
  epochs: [...state.epochs, { commitment, wraps }],
  rotationDue: false,
});

function changeRoster(state: ChainState, entry: RosterEntry, body: RosterBody): ChainState {
  switch (body.kind) {
    case 'add':
      return withMembers(state, [toMember(body.member, entry)]);
    case 'remove':
      return inNextEpoch(without(state, body.device), body);
    case 'leave':
      return { ...without(state, entry.signer), rotationDue: true };
    case 'rotate':
      return inNextEpoch(state, body);
    case 'recovery': {
      const kept = { ...state, members: withoutRecovery(state), recoveryBox: body.box };
      return inNextEpoch(withMembers(kept, [toMember(body.recovery, entry)]), body);
    }
    case 'recover': {
      const kept = { ...state, members: new Map<string, Member>(), recoveryBox: body.box };
      const added = [toMember(body.member, entry), toMember(body.recovery, entry)];
      return inNextEpoch(withMembers(kept, added), body);
    }
    case 'close':
      return { ...state, closed: true };
    case 'genesis':
      return state;
  }
}
