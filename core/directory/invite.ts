/** Invites (docs/format-directory.md, section 5): `anmi_<org>_<id>_<secret><check>.<pin>`. */
import { encodeKeySecret, keyChecksum } from '../api-keys/api-key.ts';
import { type Bytes, encodeFieldBytes, equalBytes, fromBase64Url, toBase64Url, utf8Bytes } from '../encoding/bytes.ts';
import { toBase32 } from '../encoding/crockford-base32.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type RandomSource, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256 } from '../hazmat/portable-hash.ts';
import { hashLength, isOpaqueName } from './directory-ids.ts';

export interface Invite {
  readonly org: string;
  readonly id: string;
  /** 43 characters of base62. Only the inviting and the invited device have it. */
  readonly secret: string;
  /** Pin of the directory at the inviting device, 32 bytes. */
  readonly pin: Bytes;
}

const secretBytes = 32;
const idBytes = 10;
const derivedLength = 32;
const invitePattern = /^anmi_([0-9a-z]{16})_([0-9a-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})\.([A-Za-z0-9_-]{43})$/;

/** A new invite. @param random replaced only by tests and worked examples */
export function createInvite(org: string, pin: Uint8Array, random: RandomSource = randomBytes): Invite {
  if (!isOpaqueName(org) || pin.length !== hashLength) throw new RangeError('not an org and a pin');
  const secret = random(secretBytes);
  const invite = { org, id: toBase32(random(idBytes)), secret: encodeKeySecret(secret), pin: new Uint8Array(pin) };
  secret.fill(0);
  return invite;
}

/** The text before the check characters, and the text after them. */
const partsOf = ({ org, id, secret, pin }: Invite) => [`anmi_${org}_${id}_${secret}`, `.${toBase64Url(pin)}`] as const;

/** The text of an invite, which is a secret. */
export function formatInvite(invite: Invite): string {
  const [start, end] = partsOf(invite);
  return start + keyChecksum(start + end) + end;
}

/** Parses an invite; undefined for any other text. */
export function parseInvite(text: string): Invite | undefined {
  const [, org, id, secret, , pinText] = invitePattern.exec(text) ?? [];
  const pin = fromBase64Url(pinText ?? '');
  if (org === undefined || id === undefined || secret === undefined || pin?.length !== hashLength) return undefined;
  const invite = { org, id, secret, pin };
  // The check characters follow from the rest, so an ordinary comparison leaks nothing.
  return formatInvite(invite) === text ? invite : undefined;
}

const derive = ({ org, id, secret }: Omit<Invite, 'pin'>, purpose: 'lookup' | 'enroll'): Promise<Bytes> =>
  portableHkdfSha256(
    utf8Bytes(secret),
    new Uint8Array(0),
    encodeFieldBytes('anima:invite:v1', purpose, org, id),
    derivedLength,
  );

/** The value by which the service recognizes the invite: 32 bytes. The secret does not follow from it. */
export const inviteLookup = (invite: Omit<Invite, 'pin'>): Promise<Bytes> => derive(invite, 'lookup');

/** The key of the proof that the service never sees: 32 bytes, which the caller zeroes. */
export const inviteProofKey = (invite: Omit<Invite, 'pin'>): Promise<Bytes> => derive(invite, 'enroll');

/** What the service stores of an invite: BLAKE2b-256 of the lookup value. */
export const storedLookup = (lookup: Uint8Array): Bytes => blake2b256(lookup);

/** Whether the lookup value is the one of a stored invite. Both sides are hashes, so the time reveals nothing of use. */
export const isStoredLookup = (stored: Uint8Array, lookup: Uint8Array): boolean =>
  lookup.length === derivedLength && equalBytes(stored, storedLookup(lookup));
