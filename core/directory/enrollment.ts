/** Enrollment of a device by an invite (docs/format-directory.md, section 5). */
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { type Ed25519KeyPair, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { portableHmacSha256, verifyPortableHmacSha256 } from '../hazmat/portable-hash.ts';
import { areDirectoryKeys, type DirectoryKeys } from './directory-ids.ts';
import type { DirectoryRole } from './entry-bodies.ts';
import { type Invite, inviteProofKey } from './invite.ts';

/** As what the device is invited. */
export interface InviteGrant {
  readonly person: string;
  readonly role: DirectoryRole;
}

/** What a device sends to enroll, beside the lookup value. */
export interface Enrollment extends DirectoryKeys {
  readonly invite: string;
  /** HMAC by which the inviting device recognizes the keys. */
  readonly proof: Bytes;
  /** Signature of ik over the challenge. */
  readonly possession: Bytes;
}

export const challengeLength = 32;

const proofMessage = ({ org, id, pin }: Invite, { person, role }: InviteGrant, { ik, dh }: DirectoryKeys): Bytes =>
  encodeFieldBytes('anima:enroll-proof:v1', org, id, pin, person, role, ik, dh);

const possessionMessage = (org: string, invite: string, challenge: Uint8Array, { ik, dh }: DirectoryKeys): Bytes =>
  encodeFieldBytes('anima:enroll:v1', org, invite, challenge, ik, dh);

/** Runs `use` with the key of the proof, and zeroes its bytes. */
async function withProofKey<T>(invite: Invite, use: (key: Bytes) => Promise<T>): Promise<T> {
  const key = await inviteProofKey(invite);
  try {
    return await use(key);
  } finally {
    key.fill(0);
  }
}

/**
 * Makes an enrollment on the device that was invited.
 * @param grant person and role that the service told
 * @param dh X25519 public key of the device
 * @param challenge 32 bytes of the service
 */
export async function createEnrollment(
  invite: Invite,
  grant: InviteGrant,
  ik: Ed25519KeyPair,
  dh: Bytes,
  challenge: Uint8Array,
): Promise<Enrollment> {
  const keys = { ik: ik.publicKey, dh };
  const proof = await withProofKey(invite, (key) => portableHmacSha256(key, proofMessage(invite, grant, keys)));
  const possession = signEd25519(ik.seed, possessionMessage(invite.org, invite.id, challenge, keys));
  return { invite: invite.id, ...keys, proof, possession };
}

/** Whether the device has the private key of ik. The service checks it, and the inviting device once more. */
export const isPossessed = (org: string, enrollment: Enrollment, challenge: Uint8Array): boolean =>
  challenge.length === challengeLength &&
  areDirectoryKeys(enrollment) &&
  verifyEd25519(enrollment.ik, possessionMessage(org, enrollment.invite, challenge, enrollment), enrollment.possession);

/**
 * Whether the enrollment is that of the invited device, as the inviting device must know before it signs `admit`. Every
 * failure is the same `false`.
 * @param invite kept by the inviting device
 * @param expires end of the invite, in milliseconds since 1970
 * @param now in milliseconds since 1970
 */
export async function isProvenEnrollment(
  invite: Invite,
  grant: InviteGrant,
  expires: number,
  enrollment: Enrollment,
  challenge: Uint8Array,
  now: number,
): Promise<boolean> {
  const message = proofMessage(invite, grant, enrollment);
  const isProven = await withProofKey(invite, (key) => verifyPortableHmacSha256(key, message, enrollment.proof));
  const isOfInvite = enrollment.invite === invite.id && now < expires;
  return isProven && isOfInvite && isPossessed(invite.org, enrollment, challenge);
}
