/** What an admin sees of the verified directory besides the devices. */
import type { DirectoryState, SubjectStatus } from '../../../../core/directory/directory-state.ts';
import { toBase32, toCodeGroups } from '../../../../core/encoding/crockford-base32.ts';

const headCodeBytes = 20;

export interface DirectorySummary {
  /** The newest entry, as `SessionClient.head` shows it. Entry 0 means that there is no directory. */
  readonly head: { readonly seq: number; readonly code: string };
  /** Public keys. */
  readonly authorities: readonly Uint8Array[];
  readonly recovery: Uint8Array;
  readonly fleets: readonly {
    readonly fleet: string;
    readonly person: string;
    readonly can: readonly string[];
    /** `pending` until a device of the person countersigned it. */
    readonly status: 'pending' | 'expired' | SubjectStatus;
    readonly expiresAt: Date;
  }[];
  /** Members of fleets that were suspended or revoked. */
  readonly members: readonly { readonly member: string; readonly fleet: string; readonly status: SubjectStatus }[];
  readonly links: readonly {
    readonly link: string;
    readonly a: string;
    readonly b: string;
    /** Persons whose countersignature is missing. */
    readonly waiting: readonly string[];
  }[];
}

export function directorySummary(state: DirectoryState, now: number): DirectorySummary {
  const { head, authorities, recovery, fleets, members, links } = state;
  return {
    head: { seq: head.seq, code: toCodeGroups(toBase32(head.hash.subarray(0, headCodeBytes))) },
    authorities: authorities.map((key) => key.slice()),
    recovery: recovery.slice(),
    fleets: [...fleets.values()].map(({ id, person, can, status, confirmed, expires }) => ({
      ...{ fleet: id, person, can, expiresAt: new Date(expires) },
      status: status !== 'active' ? status : !confirmed ? 'pending' : expires <= now ? 'expired' : 'active',
    })),
    members: members.values().map(({ id, fleet, status }) => ({ member: id, fleet, status })),
    links: [...links.values()].map(({ id, a, b, waiting }) => ({ link: id, a, b, waiting })),
  };
}
