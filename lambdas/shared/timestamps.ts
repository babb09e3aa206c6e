/** Times as texts (RFC 3339), compared and made. */

/** From the instant itself on; a time that can't be read has passed, since denying is the safe reading of it. */
export const hasPassed = (time: string | undefined, now: Date): boolean =>
  time !== undefined && !(Date.parse(time) > now.getTime());

/** The time so many seconds after another. */
export const addSeconds = (time: Date, seconds: number): string =>
  new Date(time.getTime() + seconds * 1000).toISOString();
