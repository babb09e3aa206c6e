/** The effect of countersignatures and links (docs/format-directory.md, section 3). */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { linkIdOf } from './directory-ids.ts';
import {
  type Device,
  type DirectoryState,
  type Fleet,
  type Link,
  signingOwner,
  type VoidReason,
} from './directory-state.ts';
import type { DirectoryEntry } from './entry.ts';

type HashedEntry = DirectoryEntry & { readonly hash: Bytes };

/** An owner's device confirms what an authority added to its person. */
export function applyCountersign(
  state: DirectoryState,
  { subject, entry: confirmed }: { readonly subject: string; readonly entry: Bytes },
  entry: HashedEntry,
): DirectoryState | VoidReason {
  const person = signingOwner(state, entry.signer)?.person ?? '';
  const link = state.links.get(subject);
  if (link !== undefined) return confirmLink(state, link, confirmed, person);
  const found = state.devices.get(subject) ?? state.fleets.get(subject);
  if (found === undefined) return 'unknown_subject';
  if (found.confirmed || found.status === 'revoked') return 'not_pending';
  if (!equalBytes(found.entry, confirmed)) return 'other_entry';
  if (found.person !== person) return 'forbidden';
  return replaceSubject(state, { ...found, confirmed: true, changed: entry.seq });
}

function confirmLink(state: DirectoryState, link: Link, confirmed: Bytes, person: string): DirectoryState | VoidReason {
  if (link.waiting.length === 0) return 'not_pending';
  if (!equalBytes(link.entry, confirmed)) return 'other_entry';
  if (!link.waiting.includes(person)) return 'forbidden';
  const waiting = link.waiting.filter((one) => one !== person);
  return { ...state, links: new Map(state.links).set(link.id, { ...link, waiting }) };
}

/** The state with a device or a fleet in place of the one with the same id. */
export const replaceSubject = (state: DirectoryState, subject: Device | Fleet): DirectoryState =>
  'role' in subject
    ? { ...state, devices: state.devices.set(subject.id, subject) }
    : { ...state, fleets: new Map(state.fleets).set(subject.id, subject) };

interface Ends {
  readonly a: string;
  readonly b: string;
}

/** The person of an agent or a fleet that can be linked. */
function personOfEnd(state: DirectoryState, id: string): string | undefined {
  const device = state.devices.get(id);
  const end = device?.role === 'agent' ? device : state.fleets.get(id);
  return end === undefined || end.status === 'revoked' ? undefined : end.person;
}

export function applyLink(
  state: DirectoryState,
  { a, b }: Ends,
  { seq, hash }: HashedEntry,
): DirectoryState | VoidReason {
  const [personA, personB] = [personOfEnd(state, a), personOfEnd(state, b)];
  if (personA === undefined || personB === undefined) return 'unknown_subject';
  if (a === b && !state.fleets.has(a)) return 'unknown_subject';
  const id = linkIdOf(state.org, a, b);
  if (state.links.has(id)) return 'already_linked';
  const waiting = [...new Set([personA, personB])].toSorted();
  return { ...state, links: new Map(state.links).set(id, { id, a, b, since: seq, entry: hash, waiting }) };
}

export function applyUnlink(state: DirectoryState, { a, b }: Ends): DirectoryState | VoidReason {
  const links = new Map(state.links);
  return links.delete(linkIdOf(state.org, a, b)) ? { ...state, links } : 'not_linked';
}
