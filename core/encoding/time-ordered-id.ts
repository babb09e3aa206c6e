/**
 * Ids that sort by time (docs/format.md, section 8): 48 bits of milliseconds since 1970 and 80 random bits, as 10 and
 * 16 characters of lower-case Crockford base32. This is the ULID layout, in the alphabet of the other ids.
 */
import { crockfordAlphabet } from './crockford-base32.ts';

const timeLength = 10;
const randomLength = 16;
/** 2^48 − 1 milliseconds: a time in the year 10889. */
const maxTimeMs = 2 ** 48 - 1;
const timeIdPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Whether a text is an id of this form. */
export const isTimeId = (text: string): boolean => timeIdPattern.test(text);

/**
 * Creates an id.
 * @param time milliseconds since 1970
 * @param random 16 random bytes. The low 5 bits of each are used; they are unbiased because 256 is a multiple of 32
 * @throws RangeError for another number of bytes, or a time out of range
 */
export function createTimeId(time: number, random: Uint8Array): string {
  if (random.length !== randomLength) throw new RangeError('an id needs 16 random bytes');
  let id = encodeTimePart(time);
  for (const byte of random) id += crockfordAlphabet.charAt(byte & 31);
  return id;
}

/**
 * The least id of a millisecond. As the start of a range it includes that millisecond; as an exclusive end it does not.
 */
export const firstTimeIdAt = (time: number): string => encodeTimePart(time) + '0'.repeat(randomLength);

/** The greatest id of a millisecond. */
export const lastTimeIdAt = (time: number): string => encodeTimePart(time) + 'z'.repeat(randomLength);

/** The greatest possible id. */
export const greatestTimeId = lastTimeIdAt(maxTimeMs);

/**
 * The time of an id, milliseconds since 1970.
 * @throws RangeError when the text is not an id of this form
 */
export function timeOfTimeId(id: string): number {
  if (!isTimeId(id)) throw new RangeError('not a time-ordered id');
  let time = 0;
  for (const character of id.slice(0, timeLength)) time = time * 32 + crockfordAlphabet.indexOf(character);
  return time;
}

function encodeTimePart(time: number): string {
  if (!Number.isSafeInteger(time) || time < 0 || time > maxTimeMs)
    throw new RangeError('not a time in milliseconds, or out of range');
  let text = '';
  for (let rest = time; text.length < timeLength; rest = Math.floor(rest / 32))
    text = crockfordAlphabet.charAt(rest % 32) + text;
  return text;
}
