/** The effect of `suspend`, `resume` and `revoke` (docs/format-directory.md, section 3). */
import type { Bytes } from '../encoding/bytes.ts';
import { replaceSubject } from './apply-links.ts';
import {
  type Device,
  type DirectoryState,
  type Fleet,
  type FleetMember,
  type SubjectStatus,
  signingOwner,
  type VoidReason,
} from './directory-state.ts';
import type { DirectoryEntry } from './entry.ts';
import { readCertificate } from './fleet-certificate.ts';

type StatusBody =
  | { readonly op: 'suspend' | 'revoke'; readonly subject: string; readonly certificate: Bytes }
  | { readonly op: 'resume'; readonly subject: string };

type StatusSubject = Device | Fleet | FleetMember;

const statusAfter: Readonly<Record<StatusBody['op'], SubjectStatus>> = {
  suspend: 'suspended',
  resume: 'active',
  revoke: 'revoked',
};

export function applyStatus(
  state: DirectoryState,
  body: StatusBody,
  { seq, signer }: DirectoryEntry,
): DirectoryState | VoidReason {
  const subject = findSubject(state, body);
  if (subject === 'bad_certificate' || subject === 'unknown_subject') return subject;
  const owner = signingOwner(state, signer);
  if (owner !== undefined && !isAgentOf(state, subject, owner.person)) return 'forbidden';
  const problem = findStatusProblem(body.op, subject.status);
  if (problem !== undefined) return problem;
  const changed = { ...subject, status: statusAfter[body.op], changed: seq };
  return 'since' in changed
    ? replaceSubject(state, changed)
    : { ...state, members: state.members.set(changed.id, changed) };
}

/** The subject in the state, or the member of a fleet that the certificate makes known. */
function findSubject(state: DirectoryState, body: StatusBody): StatusSubject | 'bad_certificate' | 'unknown_subject' {
  const { subject: id } = body;
  const known = state.devices.get(id) ?? state.fleets.get(id) ?? state.members.get(id);
  if (body.op === 'resume' || body.certificate.length === 0) return known ?? 'unknown_subject';
  const certificate = readCertificate(state, body.certificate);
  if (certificate?.id !== id) return 'bad_certificate';
  return known ?? { id, fleet: certificate.fleet, status: 'active', changed: 0 };
}

/** Whether the subject is an agent, a fleet, or a member of a fleet of the person. */
function isAgentOf(state: DirectoryState, subject: StatusSubject, person: string): boolean {
  if ('role' in subject) return subject.role === 'agent' && subject.person === person;
  const fleet = 'fleet' in subject ? state.fleets.get(subject.fleet) : subject;
  return fleet?.person === person;
}

function findStatusProblem(op: StatusBody['op'], status: SubjectStatus): VoidReason | undefined {
  switch (op) {
    case 'suspend':
      return status === 'active' ? undefined : 'not_active';
    case 'resume':
      return status === 'suspended' ? undefined : 'not_suspended';
    case 'revoke':
      return status === 'revoked' ? 'revoked' : undefined;
  }
}
