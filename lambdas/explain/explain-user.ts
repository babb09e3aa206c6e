/** Who can open the records of a user: the answer is made of its slots and of the policies of the functions. */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { Slot, SlotKind } from '../../core/users/key-slot.ts';
import { parseUserKeyringRecord, type UserKeyring, type UserTombstone } from '../../core/users/user-keyring.ts';
import type { StoredKeyring } from '../org-keys/keyring-opener.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { forgersOf, type KeyFacts } from './explain-api-keys.ts';
import { words } from './explain-messages.ts';
import { type Explained, gone } from './explain-value.ts';
import { answers, type FunctionName, type Grants } from './iam-grants.ts';

export interface UserFacts extends KeyFacts {
  /** Of the org; undefined where the request has proven that it is open. */
  readonly orgKeyring: StoredKeyring | undefined;
  readonly keyring: UserKeyring | UserTombstone | undefined;
  /** Whether the record that was asked for is there; true where it is answered for the user as a whole. */
  readonly found: boolean;
  /** Whether it is about messages. */
  readonly messages: boolean;
  readonly grants: Grants;
}

/** A stored keyring, as it is; no slot is opened. @throws DecryptionError */
export const storedUser = (record: unknown, owner: { org: string; user: string }): UserFacts['keyring'] =>
  record === undefined ? undefined : parseUserKeyringRecord(record, owner);

export function explainUser(facts: UserFacts): Explained {
  const { orgKeyring, keyring, found, messages, grants, now } = facts;
  if (orgKeyring?.state === 'shredded') return gone('user', words.whyGone.shredded);
  if (keyring === undefined) return gone('user', words.whyGone.user);
  if (keyring.state === 'deleted') return gone('user', words.whyGone.deletedUser(keyring.deletedAt));
  if (!found) return gone('user', words.whyGone.record);
  const shut = orgKeyring?.lock === undefined ? undefined : words.locked(orgKeyring.lock.shredAt);
  const kinds = sorted(grants);
  const forgers = keyring.slots.some(({ kind }) => kind === 'identity') ? forgersOf(facts) : [];
  const exposed: ExplainParty[] =
    kinds.exposed.length === 0 ? [] : [{ kind: 'api-key', ...words.keysOpen(kinds.exposed) }];
  const otherKeys: ExplainParty[] =
    exposed.length > 0 ? [] : [{ kind: 'api-key', ...words.keysNoSlot(forgers.length > 0, kinds.forKeys) }];
  const operator: ExplainParty = { kind: 'operator', ...words.operatorNoSlot(risks(keyring.slots)) };
  const closed = closedFunctions(kinds);
  if (shut !== undefined) {
    const slots = keyring.slots.map(({ id, kind }) => slotParty(id, words.slotShut(id, kind, shut)));
    const functions = [...kinds.bySender, ...kinds.byUser];
    const refusing: ExplainParty = { kind: 'function', ...words.functionsShutForUsers(functions, shut) };
    const cannotOpen = [...slots, { kind: 'api-key' as const, ...words.keysShut(shut) }, refusing, ...closed, operator];
    return { custody: 'user', state: 'locked', canOpen: [], cannotOpen };
  }
  const alive = keyring.slots.filter(({ expiresAt }) => !hasPassed(expiresAt, now));
  const ended = keyring.slots.filter(({ expiresAt }) => hasPassed(expiresAt, now));
  return {
    custody: 'user',
    state: 'stored',
    canOpen: [
      ...alive.map((slot) => openSlot(slot, kinds)),
      ...kinds.bySender.map((id): ExplainParty => ({ kind: 'function', id, ...words.functionWithSender(id) })),
      ...kinds.byUser.map((id): ExplainParty => ({ kind: 'function', id, ...words.functionWithUser(id) })),
      ...(messages && grants.responds && kinds.bySender.length > 0
        ? [{ kind: 'function' as const, id: 'responder', ...words.responder() }]
        : []),
      ...forgers,
      ...exposed,
    ],
    cannotOpen: [
      ...ended.map(({ id, kind }) => slotParty(id, words.slotEnded(id, kind))),
      ...otherKeys,
      ...closed,
      operator,
    ],
  };
}

const slotParty = (id: string, said: Pick<ExplainParty, 'who' | 'how'>): ExplainParty => ({
  kind: 'slot',
  id,
  ...said,
});

/** A slot that opens, and who must be there for it. */
function openSlot(slot: Slot, { ofIdentities, ofCodes }: Kinds): ExplainParty {
  const { id, expiresAt } = slot;
  const said: Record<SlotKind, () => Pick<ExplainParty, 'who' | 'how'>> = {
    identity: () => words.identity(id, ofIdentities),
    credential: () => words.credential(id),
    password: () => words.password(id, slot.params),
    session: () => words.session(id),
    link: () => words.link(id, ofCodes),
  };
  return { ...slotParty(id, said[slot.kind]()), ...(expiresAt === undefined ? {} : { until: expiresAt }) };
}

/** What could be done with what is stored by whoever gives himself the permissions. */
function risks(slots: readonly Slot[]): string[] {
  const has = (kind: SlotKind) => slots.some((slot) => slot.kind === kind);
  return [
    words.riskCode,
    ...(has('identity') ? [words.riskIdentity, words.riskChannels] : []),
    ...(has('password') ? [words.riskPassword] : []),
  ];
}

interface Kinds {
  /** Open while a message is there: they may use the custody key (or the code key), and read keyrings and records. */
  readonly bySender: readonly FunctionName[];
  /** Of these, those that make what opens a slot of an identity, and of a code for linking. */
  readonly ofIdentities: readonly FunctionName[];
  readonly ofCodes: readonly FunctionName[];
  /** Open while a request is there that carries what opens a slot, and read keyrings and records. */
  readonly byUser: readonly FunctionName[];
  /** Could open slots, but read no records. */
  readonly apart: readonly FunctionName[];
  /** The rest. */
  readonly without: readonly FunctionName[];
  /** Answer API keys; and those of them that could open what they read. */
  readonly forKeys: readonly FunctionName[];
  readonly exposed: readonly FunctionName[];
}

function sorted(grants: Grants): Kinds {
  const custody = (name: FunctionName) => grants.may(name, 'custodyKey', 'kms:GenerateMac');
  const codes = (name: FunctionName) => grants.may(name, 'codeKey', 'kms:GenerateMac');
  const opens = (name: FunctionName) => custody(name) || codes(name);
  const reads = (name: FunctionName) => grants.mayRead(name, 'userKeyring') && grants.mayRead(name, 'userRecord');
  const given = (name: FunctionName) => answers(name, 'user');
  const all = grants.all;
  const forKeys = all.filter((name) => answers(name, 'api-key'));
  const bySender = all.filter((name) => reads(name) && (custody(name) || (codes(name) && !given(name))));
  return {
    bySender,
    ofIdentities: bySender.filter(custody),
    ofCodes: bySender.filter(codes),
    byUser: all.filter((name) => reads(name) && !custody(name) && given(name)),
    apart: all.filter((name) => !reads(name) && (opens(name) || given(name))),
    without: all.filter((name) => !opens(name) && !given(name)),
    forKeys,
    exposed: forKeys.filter((name) => reads(name) && opens(name)),
  };
}

const closedFunctions = ({ apart, without }: Kinds): ExplainParty[] => [
  ...(apart.length === 0 ? [] : [{ kind: 'function' as const, ...words.functionsWithoutRecords(apart) }]),
  ...(without.length === 0 ? [] : [{ kind: 'function' as const, ...words.functionsWithoutUser(without) }]),
];
