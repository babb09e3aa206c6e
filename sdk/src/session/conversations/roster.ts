/** Who takes part in a conversation now, as the verified directory says. */
import type { Conversation } from '../../../../core/directory/conversation.ts';
import { linkIdOf } from '../../../../core/directory/directory-ids.ts';
import { findParticipant, isCurrentConversation, mayWrite, type Party } from '../../../../core/directory/may-write.ts';
import { partyOf } from '../messages/peer-records.ts';
import type { SessionContext } from '../session-context.ts';
import type { ConversationDevice } from '../session-types.ts';

/** Devices that a message of the place can go to, this one included. */
export function rosterOf({ directory, clock }: SessionContext, conversation: Conversation): ConversationDevice[] {
  const { state } = directory;
  const owners = conversation.persons.flatMap((person) => state.owners.get(person) ?? []);
  const found = owners.flatMap((id) => {
    const device = findParticipant(state, id, clock.now());
    return device === undefined ? [] : [{ device: id, person: device.person, role: device.role }];
  });
  const agents = conversation.agents.flatMap((id) => {
    const device = state.devices.get(id);
    // A member of a fleet is not in the directory. Its certificate comes with its bundle.
    if (device === undefined) return [{ device: id, person: '', role: 'agent' as const }];
    return findParticipant(state, id, clock.now()) === undefined
      ? []
      : [{ device: id, person: device.person, role: device.role }];
  });
  return [...found, ...agents];
}

/** Whether the conversation counts now, and this device takes part. */
export function isCurrentFor({ directory, own, clock }: SessionContext, conversation: Conversation): boolean {
  const { state } = directory;
  const isMember =
    conversation.agents.includes(own.device.id) ||
    conversation.persons.includes(state.devices.get(own.device.id)?.person ?? '');
  return isMember && isCurrentConversation(state, conversation, clock.now());
}

/** Whether this device and a peer may write to each other in a place. */
export function mayExchange(
  context: SessionContext,
  direction: 'to' | 'from',
  peer: Party,
  conversation: Conversation | undefined,
): boolean {
  const { directory, certificate, clock } = context;
  const own = certificate.party(directory);
  const [from, to] = direction === 'to' ? [own, peer] : [peer, own];
  return mayWrite(directory.state, from, to, clock.now(), conversation);
}

/** The id by which two agents name the messages of their link. Undefined unless both are agents now. */
export function linkBetween(
  context: SessionContext,
  device: string,
  peerCertificate?: Uint8Array<ArrayBuffer>,
): string | undefined {
  const { directory, certificate, clock, own } = context;
  const party = partyOf(context, device, peerCertificate);
  const [mine, theirs] = [certificate.party(directory), party].map((one) =>
    one === undefined ? undefined : findParticipant(directory.state, one, clock.now()),
  );
  if (mine === undefined || theirs === undefined) return undefined;
  const [a = '', b = ''] = [mine.group, theirs.group].sort();
  return linkIdOf(own.org, a, b);
}
