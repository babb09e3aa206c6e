/** Codes that a user types: for linking a channel, and for deleting the account (docs/format.md, section 12). */
import { timingSafeEqual } from 'node:crypto';
import { encodeLengthPrefixedFields, u64 } from '../encoding/length-prefixed-fields.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';
import type { Umk } from './user-root-key.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

const linkCodeLength = 12;

const linkCodeHandleLength = 4;

/** A code for linking, as it is shown: `7H3K-9QWE-RTY2`. @param random 12 random bytes, of each of which 5 bits are used */
export function createLinkCode(random: Uint8Array): string {
  if (random.length !== linkCodeLength) throw new RangeError('a code takes 12 random bytes');
  const text = [...random].map((byte) => alphabet.charAt(byte & 31)).join('');
  return (text.match(/.{4}/g) ?? []).join('-').toUpperCase();
}

/** A code as it is used, from what a person typed: case, spaces and hyphens do not matter, nor what is easily misread. */
export const parseLinkCode = (typed: string): string | undefined => parseCode(typed, linkCodeLength);

function parseCode(typed: string, length: number): string | undefined {
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replace(/[il]/g, '1').replace(/o/g, '0');
  return code.length === length && [...code].every((character) => alphabet.includes(character)) ? code : undefined;
}

/** By which the slot of a code is found; the other eight characters, 40 bits, are its secret. */
export const linkCodeHandle = (code: string): string => `link:${code.slice(0, linkCodeHandleLength)}`;

const deletionCodeLength = 6;

const quarterHourMs = 900_000;

/**
 * What a person sends to delete an account by a message, as it is shown (`7H3K9Q`): whoever can send in that person's name and not
 * receive has not got it. Nothing of it is stored: it follows from the UMK, the keyring as it is now, and the time.
 * @param quarter quarters of an hour since 1970
 */
function deletionCodeForQuarter(umk: Umk, generation: number, quarter: number): string {
  const fields = [umk.org, umk.user, u64(generation), u64(quarter)] as const;
  const mac = hmacSha256(umk.macKey, encodeLengthPrefixedFields('anima:deletion-code:v1', ...fields));
  const code = [...mac.subarray(0, deletionCodeLength)].map((byte) => alphabet.charAt(byte & 31)).join('');
  mac.fill(0);
  return code.toUpperCase();
}

/** @param generation of the user's keyring @param at when it was asked for */
export const deletionCodeAt = (umk: Umk, generation: number, at: Date): string =>
  deletionCodeForQuarter(umk, generation, quarterHourOf(at));

/** Whether a person typed the code of that time, or that of the quarter of an hour before. Compared in constant time. */
export function isDeletionCode(umk: Umk, generation: number, at: Date, typed: string): boolean {
  const code = parseCode(typed, deletionCodeLength);
  if (code === undefined) return false;
  const given = Buffer.from(code.toUpperCase());
  const quarter = quarterHourOf(at);
  const matches = [quarter, quarter - 1].map((one) =>
    timingSafeEqual(given, Buffer.from(deletionCodeForQuarter(umk, generation, one))),
  );
  return matches.includes(true);
}

const quarterHourOf = (at: Date): number => Math.floor(at.getTime() / quarterHourMs);
