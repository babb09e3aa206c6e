/**
 * What KMS computes HMACs of (docs/format.md, section 12). Three keys, which never leave KMS: of the custody key comes what opens slots of
 * identities, of the code key what opens those of passwords and codes, of the routing key what finds them all. So who may look for a
 * user can't thereby open anything, and who may check passwords can't open by a name alone.
 */
import { timingSafeEqual } from 'node:crypto';
import { encodeFields, u64 } from '../encoding/length-prefixed-fields.ts';
import { hmac } from '../hazmat/node-primitives.ts';
import type { Owner, Umk } from './key-slot.ts';

/** For the custody key: the MAC is the secret of an `identity` slot. */
export function identityMessage(org: string, identity: string): Buffer {
  // These are found like identities, and open by more than their name: no slot may open by that alone.
  if (/^(?:login|link):/.test(identity)) throw new RangeError('a login or a code is no identity');
  return encodeFields('anima:identity:v1:kek', org, identity);
}

/**
 * For the code key: the MAC is the secret of a `password` slot. So whoever has a copy of the table and not the use of the key can't
 * even try out passwords.
 * @param stretched the password by Argon2id, 32 bytes
 */
export const passwordMessage = ({ org, user }: Owner, slot: string, stretched: Uint8Array): Buffer =>
  encodeFields('anima:password:v1:kek', org, user, slot, stretched);

/** For the code key: the MAC is the secret of a `link` slot. @param code as {@link parseLinkCode} gives it */
export const linkMessage = (org: string, code: string): Buffer => encodeFields('anima:link:v1:kek', org, code);

/** For the routing key: the MAC, in base64url, is the locator. @param name an identity, a login, or `link:` and the handle of a code */
export const locatorMessage = (org: string, name: string): Buffer =>
  encodeFields('anima:identity:v1:locator', org, name);

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const codeLength = 12;
const handleLength = 4;

/** A code for linking, as it is shown: `7H3K-9QWE-RTY2`. @param random 12 random bytes, of each of which 5 bits are used */
export function linkCode(random: Uint8Array): string {
  if (random.length !== codeLength) throw new RangeError('a code takes 12 random bytes');
  const text = [...random].map((byte) => alphabet.charAt(byte & 31)).join('');
  return (text.match(/.{4}/g) ?? []).join('-').toUpperCase();
}

/** A code as it is used, from what a person typed: case, spaces and hyphens do not matter, nor what is easily misread. */
export const parseLinkCode = (typed: string): string | undefined => parseCode(typed, codeLength);

function parseCode(typed: string, length: number): string | undefined {
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replace(/[il]/g, '1').replace(/o/g, '0');
  return code.length === length && [...code].every((character) => alphabet.includes(character)) ? code : undefined;
}

/** By which the slot of a code is found; the other eight characters, 40 bits, are its secret. */
export const linkHandle = (code: string): string => `link:${code.slice(0, handleLength)}`;

const deletionCodeLength = 6;
const quarterOfAnHour = 900_000;

/**
 * What a person sends to delete an account by a message, as it is shown (`7H3K9Q`): whoever can send in that person's name and not
 * receive has not got it. Nothing of it is stored: it follows from the UMK, the keyring as it is now, and the time.
 * @param quarter quarters of an hour since 1970
 */
function deletionCode(umk: Umk, generation: number, quarter: number): string {
  const fields = [umk.org, umk.user, u64(generation), u64(quarter)] as const;
  const mac = hmac(umk.mac, encodeFields('anima:deletion-code:v1', ...fields));
  const code = [...mac.subarray(0, deletionCodeLength)].map((byte) => alphabet.charAt(byte & 31)).join('');
  mac.fill(0);
  return code.toUpperCase();
}

/** @param generation of the user's keyring @param at when it was asked for */
export const deletionCodeAt = (umk: Umk, generation: number, at: Date): string =>
  deletionCode(umk, generation, quarterOf(at));

/** Whether a person typed the code of that time, or that of the quarter of an hour before. Compared in constant time. */
export function isDeletionCode(umk: Umk, generation: number, at: Date, typed: string): boolean {
  const code = parseCode(typed, deletionCodeLength);
  if (code === undefined) return false;
  const given = Buffer.from(code.toUpperCase());
  const quarter = quarterOf(at);
  const matches = [quarter, quarter - 1].map((one) =>
    timingSafeEqual(given, Buffer.from(deletionCode(umk, generation, one))),
  );
  return matches.includes(true);
}

const quarterOf = (at: Date): number => Math.floor(at.getTime() / quarterOfAnHour);
