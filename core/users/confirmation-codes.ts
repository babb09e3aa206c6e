/** Codes that a user types, to link a channel or to delete the account (docs/format.md, section 12). */
import { timingSafeEqual } from 'node:crypto';
import { crockfordAlphabet, normalizeTypedCode, toCodeGroups } from '../encoding/crockford-base32.ts';
import { encodeLengthPrefixedFields, u64 } from '../encoding/length-prefixed-fields.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';
import type { Umk } from './user-root-key.ts';

const linkCodeLength = 12;

const linkCodeHandleLength = 4;

/**
 * Creates a link code in the displayed form: `7H3K-9QWE-RTY2`.
 * @param random 12 random bytes; the low 5 bits of each are used
 */
export function createLinkCode(random: Uint8Array): string {
  if (random.length !== linkCodeLength) throw new RangeError('a code needs 12 random bytes');
  return toCodeGroups([...random].map((byte) => crockfordAlphabet.charAt(byte & 31)).join(''));
}

/**
 * Normalizes a typed link code. The case of ASCII letters, spaces and hyphens are ignored, and characters that are
 * easily misread are corrected. Returns undefined when the text does not have the form of a code.
 */
export const parseLinkCode = (typed: string): string | undefined => parseCode(typed, linkCodeLength);

function parseCode(typed: string, length: number): string | undefined {
  const code = normalizeTypedCode(typed);
  return code.length === length && [...code].every((character) => crockfordAlphabet.includes(character))
    ? code
    : undefined;
}

/** The handle by which the slot of a code is found. The other eight characters (40 bits) are the secret of the code. */
export const linkCodeHandle = (code: string): string => `link:${code.slice(0, linkCodeHandleLength)}`;

const deletionCodeLength = 6;

const quarterHourMs = 900_000;

/**
 * The code that a user sends to delete the account by message, in the displayed form (`7H3K9Q`). An attacker who can
 * send in the user's name but not receive does not know it. Nothing is stored: the code is derived from the UMK, the
 * generation of the keyring, and the time.
 * @param quarter quarters of an hour since 1970
 */
function deletionCodeForQuarter(umk: Umk, generation: number, quarter: number): string {
  const fields = [umk.org, umk.user, u64(generation), u64(quarter)] as const;
  const mac = hmacSha256(umk.macKey, encodeLengthPrefixedFields('anima:deletion-code:v1', ...fields));
  const code = [...mac.subarray(0, deletionCodeLength)].map((byte) => crockfordAlphabet.charAt(byte & 31)).join('');
  mac.fill(0);
  return code.toUpperCase();
}

/**
 * The deletion code to display.
 * @param generation current generation of the user's keyring
 * @param at time at which the code was requested
 */
export const deletionCodeAt = (umk: Umk, generation: number, at: Date): string =>
  deletionCodeForQuarter(umk, generation, quarterHourOf(at));

/** Whether the typed text is the code of that time or of the previous quarter of an hour. Compared in constant time. */
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
