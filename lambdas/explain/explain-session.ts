/**
 * Explains who can open the messages of a conversation, and those for one device. The answer is derived from the verified
 * directory and the verified statement of the conversation. The service has no key of a message.
 */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { Conversation } from '../../core/directory/conversation.ts';
import type { Device, DirectoryState } from '../../core/directory/directory-state.ts';
import type { FleetCertificate } from '../../core/directory/fleet-certificate.ts';
import { findParticipant, isCurrentConversation } from '../../core/directory/may-write.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { explainMessages } from './explain-messages.ts';
import { explainSessionMessages, type NoAccessReason } from './explain-session-messages.ts';
import { type AccessExplanation, nobodyCanOpen } from './explain-value.ts';
import type { FunctionName, IamGrants } from './iam-grants.ts';

type LivingKeyring = Exclude<StoredKeyring, { readonly state: 'shredded' }>;

export interface ExplainSessionInput {
  readonly orgKeyring: LivingKeyring;
  readonly state: DirectoryState;
  readonly grants: IamGrants;
  readonly now: Date;
}

export interface ExplainConversationInput extends ExplainSessionInput {
  readonly conversation: Conversation;
  /** Certificates of agents that the directory does not list. */
  readonly members: ReadonlyMap<string, FleetCertificate>;
}

const lockedReasonOf = ({ lock }: LivingKeyring): string | undefined =>
  lock === undefined ? undefined : explainMessages.orgLocked(lock.shredAt);

export function explainConversation(input: ExplainConversationInput): AccessExplanation {
  const { orgKeyring, state, conversation, members, now } = input;
  const lockedReason = lockedReasonOf(orgKeyring);
  const isCurrent = isCurrentConversation(state, conversation, now.getTime());
  const owners = conversation.persons.flatMap((person) => state.owners.get(person) ?? []);
  const vouching = new Set(conversation.signers.map((signer) => state.devices.get(signer)?.person));
  const parties = [
    ...owners.map((id) => deviceParty(state, id, now, lockedReason)),
    ...conversation.agents.map((id) => {
      const person = state.devices.get(id)?.person ?? personOfMember(state, members.get(id));
      if (person !== undefined && !vouching.has(person)) return withoutAccess(id, 'notVouched');
      return deviceParty(state, id, now, lockedReason, members.get(id));
    }),
  ];
  const open = parties.filter(({ isOpen }) => isOpen).map(({ party }) => party);
  const closed = parties.filter(({ isOpen }) => !isOpen).map(({ party }) => party);
  const time = new Date(conversation.time).toISOString();
  return {
    custody: 'session',
    state: lockedReason === undefined ? 'stored' : 'locked',
    canOpen: isCurrent ? open : [],
    cannotOpen: [
      ...(isCurrent ? closed : [{ kind: 'device' as const, ...explainSessionMessages.notCurrent }]),
      { kind: 'device', ...explainSessionMessages.former(conversation.version, time) },
      ...commonParties(input.grants),
    ],
  };
}

/** Messages for one device, in whatever conversation. */
export function explainSessionDevice(input: ExplainSessionInput, id: string): AccessExplanation {
  const { orgKeyring, state, grants, now } = input;
  const lockedReason = lockedReasonOf(orgKeyring);
  if (state.devices.get(id) === undefined) return nobodyCanOpen('session', explainSessionMessages.noDevice);
  const { isOpen, party } = deviceParty(state, id, now, lockedReason);
  return {
    custody: 'session',
    state: lockedReason === undefined ? 'stored' : 'locked',
    canOpen: isOpen ? [party] : [],
    cannotOpen: [...(isOpen ? [] : [party]), ...commonParties(grants)],
  };
}

interface JudgedParty {
  readonly isOpen: boolean;
  readonly party: ExplainParty;
}

const personOfMember = ({ fleets }: DirectoryState, certificate: FleetCertificate | undefined): string | undefined =>
  certificate && fleets.get(certificate.fleet)?.person;

function deviceParty(
  state: DirectoryState,
  id: string,
  now: Date,
  lockedReason: string | undefined,
  certificate?: FleetCertificate,
): JudgedParty {
  const device = state.devices.get(id);
  const participant = findParticipant(state, certificate ?? id, now.getTime());
  if (participant === undefined)
    return withoutAccess(id, device === undefined ? 'unknown' : reasonOf(device, now.getTime()));
  const { person, role, group } = participant;
  if (device === undefined) {
    const until = certificate === undefined ? {} : { until: new Date(certificate.expires).toISOString() };
    const text = explainSessionMessages.member(id, group, person, lockedReason);
    return { isOpen: true, party: { kind: 'device', id, ...text, ...until } };
  }
  const until = device.expires === 0 ? {} : { until: new Date(device.expires).toISOString() };
  const text = explainSessionMessages.device(id, role, person, device.since, lockedReason);
  return { isOpen: true, party: { kind: 'device', id, ...text, ...until } };
}

const withoutAccess = (id: string, why: NoAccessReason): JudgedParty => ({
  isOpen: false,
  party: { kind: 'device', id, ...explainSessionMessages.withoutAccess(id, why) },
});

function reasonOf({ status, confirmed, expires }: Device, now: number): NoAccessReason {
  if (status !== 'active') return status;
  if (!confirmed) return 'pending';
  return expires !== 0 && expires <= now ? 'expired' : 'unknown';
}

const commonParties = (grants: IamGrants): ExplainParty[] => [
  { kind: 'api-key', ...explainSessionMessages.apiKeys },
  { kind: 'function', ...explainSessionMessages.functions(functionsThatRead(grants)) },
  { kind: 'operator', ...explainSessionMessages.keyHolders },
  { kind: 'operator', ...explainSessionMessages.operator },
];

const functionsThatRead = (grants: IamGrants): readonly FunctionName[] =>
  grants.functionNames.filter((name) => grants.allowsRead(name, 'directory') || grants.allowsRead(name, 'mailbox'));
