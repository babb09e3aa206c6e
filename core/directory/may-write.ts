/** Who may write to whom (docs/format-directory.md, section 7). */
import type { Conversation } from './conversation.ts';
import { type DirectoryKeys, linkIdOf } from './directory-ids.ts';
import type { Device, DirectoryState } from './directory-state.ts';
import type { DirectoryRole } from './entry-bodies.ts';
import { type FleetCertificate, isCurrentCertificate } from './fleet-certificate.ts';

/** A device of the directory by its id, or a member of a fleet by its certificate, which was accepted before. */
export type Party = string | FleetCertificate;

/** A device that may take part in messages now. */
export interface Participant extends DirectoryKeys {
  readonly id: string;
  readonly person: string;
  readonly role: DirectoryRole;
  readonly can: readonly string[];
  /** What links name: the device itself, or its fleet. */
  readonly group: string;
}

const isUsable = (device: Device, now: number): boolean =>
  device.confirmed && device.status === 'active' && (device.expires === 0 || now < device.expires);

/**
 * The device behind a party; undefined unless messages may go to it and come from it now: it is confirmed, active and not
 * expired.
 * @param now milliseconds since 1970
 */
export function findParticipant(state: DirectoryState, party: Party, now: number): Participant | undefined {
  if (typeof party !== 'string') return findMember(state, party, now);
  const device = state.devices.get(party);
  if (device === undefined || !isUsable(device, now)) return undefined;
  const { id, person, role, can, ik, dh } = device;
  return { id, person, role, can, ik, dh, group: id };
}

function findMember(state: DirectoryState, certificate: FleetCertificate, now: number): Participant | undefined {
  const fleet = state.fleets.get(certificate.fleet);
  if (fleet === undefined || !isCurrentCertificate(state, certificate, now)) return undefined;
  const { id, can, ik, dh } = certificate;
  return { id, person: fleet.person, role: 'agent', can, ik, dh, group: fleet.id };
}

/** Whether the statement counts: it is of this org, and all its signers may still write. */
export const isCurrentConversation = (state: DirectoryState, { org, signers }: Conversation, now: number): boolean =>
  org === state.org && signers.every((signer) => findParticipant(state, signer, now) !== undefined);

/** Whether the device takes part. An agent does only if an owner's device of its person signed. */
function takesPart(state: DirectoryState, conversation: Conversation, { id, person, role }: Participant): boolean {
  if (role === 'owner') return conversation.persons.includes(person);
  return (
    conversation.agents.includes(id) &&
    conversation.signers.some((signer) => state.devices.get(signer)?.person === person)
  );
}

function areLinked({ org, links }: DirectoryState, from: Participant, to: Participant): boolean {
  if (from.role !== 'agent' || to.role !== 'agent') return false;
  const [a, b] = from.group <= to.group ? [from.group, to.group] : [to.group, from.group];
  return links.get(linkIdOf(org, a, b))?.waiting.length === 0;
}

/**
 * Whether `from` may write to `to`. The sender asks before it seals a message, the receiver before it shows one.
 * @param now milliseconds since 1970
 * @param conversation the newest statement of the conversation; without one, a link is required
 */
export function mayWrite(
  state: DirectoryState,
  from: Party,
  to: Party,
  now: number,
  conversation?: Conversation,
): boolean {
  const [sender, receiver] = [findParticipant(state, from, now), findParticipant(state, to, now)];
  if (sender === undefined || receiver === undefined || sender.id === receiver.id) return false;
  if (conversation === undefined) return areLinked(state, sender, receiver);
  return (
    isCurrentConversation(state, conversation, now) &&
    takesPart(state, conversation, sender) &&
    takesPart(state, conversation, receiver)
  );
}
