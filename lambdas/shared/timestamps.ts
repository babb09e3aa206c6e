/** Comparison and arithmetic of RFC 3339 times. */

/**
 * Whether a time has been reached; false if it is undefined. An unparsable time counts as passed, because denying
 * access is the safe default.
 */
export const hasPassed = (time: string | undefined, now: Date): boolean =>
  time !== undefined && !(Date.parse(time) > now.getTime());

/** Adds seconds to a time. Returns RFC 3339. */
export const addSeconds = (time: Date, seconds: number): string =>
  new Date(time.getTime() + seconds * 1000).toISOString();
