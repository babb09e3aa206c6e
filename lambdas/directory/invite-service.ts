/** Invites and the enrollment of devices (docs/session-service.md, section 3). Every failure of an invite is one error. */
import { randomBytes } from 'node:crypto';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type {
  BeginEnrollmentResponse,
  CreateInviteResponse,
  DeleteInviteResponse,
  ListInvitesResponse,
  PutEnrollmentResponse,
  SessionRole,
} from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueName } from '../../core/directory/directory-ids.ts';
import { challengeLength, isPossessed } from '../../core/directory/enrollment.ts';
import { isStoredLookup } from '../../core/directory/invite.ts';
import { equalBytes, toNonSharedBytes } from '../../core/encoding/bytes.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import type { InviteStore, StoredEnrollment, StoredInvite } from './directory-ports.ts';

export interface NewInvite {
  readonly invite: string;
  readonly person: string;
  readonly role: SessionRole;
  readonly stored: Uint8Array;
}

/** A read invite with the keyring of its org. */
export interface PresentedInvite {
  readonly org: string;
  readonly orgKeyring: unknown;
  readonly invite: StoredInvite;
}

/** More than an org can have at a time, since expired ones can still be stored. */
const listLimit = 2 * sessionLimits.invites;

export class InviteService {
  readonly #store: InviteStore;
  readonly #clock: Clock;

  constructor(store: InviteStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Makes an invite. The same request again gets the same answer.
   * @throws VaultError `invite_exists`, `too_many_invites`, `unavailable`
   */
  async create(org: string, { invite, person, role, stored }: NewInvite): Promise<CreateInviteResponse> {
    const existing = (await this.#store.read(org, invite)).invite;
    if (existing !== undefined) return answerTo(existing, { invite, person, role, stored });
    if ((await this.#listValid(org)).length >= sessionLimits.invites) throw new VaultError('too_many_invites');
    const expiresAt = addSeconds(this.#clock(), sessionLimits.inviteSeconds);
    const made: StoredInvite = { invite, person, role, stored, challenge: randomBytes(challengeLength), expiresAt };
    if (await this.#store.create(org, made)) return { invite, expiresAt };
    const other = (await this.#store.read(org, invite)).invite;
    return answerTo(other ?? made, { invite, person, role, stored });
  }

  /** @throws VaultError `unavailable` */
  async list(org: string): Promise<ListInvitesResponse> {
    const invites = await this.#listValid(org);
    return {
      invites: invites.map(({ invite, person, role, expiresAt, challenge, enrollment }) => ({
        invite,
        person,
        role,
        expiresAt,
        challenge: encodeBase64Field(challenge),
        ...(enrollment && {
          enrollment: {
            ik: encodeBase64Field(enrollment.ik),
            dh: encodeBase64Field(enrollment.dh),
            proof: encodeBase64Field(enrollment.proof),
            possession: encodeBase64Field(enrollment.possession),
          },
        }),
      })),
    };
  }

  /** @throws VaultError `unavailable` */
  async delete(org: string, invite: string): Promise<DeleteInviteResponse> {
    return { deleted: isOpaqueName(invite) && (await this.#store.delete(org, invite)) };
  }

  /** Finds the invite of a lookup value. @throws VaultError `invite_refused`, `unavailable` */
  async present(org: string, id: string, lookup: Uint8Array): Promise<PresentedInvite> {
    if (!isOpaqueName(org) || !isOpaqueName(id)) throw new VaultError('invite_refused');
    const { orgKeyring, invite } = await this.#store.read(org, id);
    const isValid = invite !== undefined && isStoredLookup(invite.stored, lookup);
    if (!isValid || hasPassed(invite.expiresAt, this.#clock())) throw new VaultError('invite_refused');
    return { org, orgKeyring, invite };
  }

  /** What the device needs for its proofs. @throws VaultError `invite_refused` if another device has used the invite */
  begin({ invite }: PresentedInvite): BeginEnrollmentResponse {
    const { person, role, challenge, expiresAt } = invite;
    return { person, role, challenge: encodeBase64Field(challenge), expiresAt };
  }

  /**
   * Stores what the device sends, once. The same bytes again get the same answer.
   * @throws VaultError `invite_refused`, `unavailable`
   */
  async enroll({ org, invite }: PresentedInvite, sent: StoredEnrollment): Promise<PutEnrollmentResponse> {
    const { invite: id, challenge } = invite;
    const enrollment = {
      invite: id,
      ik: toNonSharedBytes(sent.ik),
      dh: toNonSharedBytes(sent.dh),
      proof: toNonSharedBytes(sent.proof),
      possession: toNonSharedBytes(sent.possession),
    };
    if (!isPossessed(org, enrollment, challenge)) throw new VaultError('invite_refused');
    const expiresAt = addSeconds(this.#clock(), sessionLimits.enrollmentSeconds);
    if (invite.enrollment === undefined && (await this.#store.enroll(org, id, sent, expiresAt))) return { expiresAt };
    const stored = invite.enrollment === undefined ? (await this.#store.read(org, id)).invite : invite;
    if (stored?.enrollment === undefined || !isSame(stored.enrollment, sent)) throw new VaultError('invite_refused');
    return { expiresAt: stored.expiresAt };
  }

  async #listValid(org: string): Promise<readonly StoredInvite[]> {
    const now = this.#clock();
    return (await this.#store.list(org, listLimit)).filter(({ expiresAt }) => !hasPassed(expiresAt, now));
  }
}

function answerTo(existing: StoredInvite, { invite, person, role, stored }: NewInvite): CreateInviteResponse {
  const isSameInvite = existing.person === person && existing.role === role && equalBytes(existing.stored, stored);
  if (!isSameInvite) throw new VaultError('invite_exists');
  return { invite, expiresAt: existing.expiresAt };
}

const isSame = (one: StoredEnrollment, other: StoredEnrollment): boolean =>
  (['ik', 'dh', 'proof', 'possession'] as const).every((field) => equalBytes(one[field], other[field]));
