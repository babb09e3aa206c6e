/**
 * Ids that sort by time (docs/format.md, section 8): 48 bits of milliseconds since 1970 and 80 random bits, as 10 and 16
 * characters of lower-case Crockford base32. It is the ULID layout, in the alphabet of the other ids here.
 */

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const timeLength = 10;
const randomLength = 16;
/** 2^48 − 1 milliseconds: some day of the year 10889. */
const maxTimeMs = 2 ** 48 - 1;
const timeIdPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Whether a text is an id of this kind. */
export const isTimeId = (text: string): boolean => timeIdPattern.test(text);

/**
 * A new id.
 * @param time milliseconds since 1970
 * @param random 16 random bytes, of each of which 5 bits are used: 256 is a multiple of 32, so that is unbiased
 */
export function createTimeId(time: number, random: Uint8Array): string {
  if (random.length !== randomLength) throw new RangeError('an id takes 16 random bytes');
  let id = encodeTimePart(time);
  for (const byte of random) id += alphabet.charAt(byte & 31);
  return id;
}

/** The least id of a millisecond: where a range begins that includes that millisecond, or ends that does not. */
export const firstTimeIdAt = (time: number): string => encodeTimePart(time) + '0'.repeat(randomLength);

/** The greatest id of a millisecond. */
export const lastTimeIdAt = (time: number): string => encodeTimePart(time) + 'z'.repeat(randomLength);

/** The greatest id of all. */
export const greatestTimeId = lastTimeIdAt(maxTimeMs);

/** Milliseconds since 1970 that an id tells. Throws RangeError for what is no id. */
export function timeOfTimeId(id: string): number {
  if (!isTimeId(id)) throw new RangeError('not an id that sorts by time');
  let time = 0;
  for (const character of id.slice(0, timeLength)) time = time * 32 + alphabet.indexOf(character);
  return time;
}

function encodeTimePart(time: number): string {
  if (!Number.isSafeInteger(time) || time < 0 || time > maxTimeMs) throw new RangeError('not a time in milliseconds');
  let text = '';
  for (let rest = time; text.length < timeLength; rest = Math.floor(rest / 32))
    text = alphabet.charAt(rest % 32) + text;
  return text;
}
