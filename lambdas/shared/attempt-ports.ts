/** Ports of counters of attempts. */

/** A limit on attempts in a window of time. */
export interface AttemptLimit {
  readonly attempts: number;
  readonly windowSeconds: number;
}

/** Counters of attempts, stored under an organization or under {@link addressCounters}. */
export interface AttemptStore {
  /**
   * Counts an attempt, whether or not it is within the limit. Returns 0 if it is, or the seconds until the window ends.
   * @param counter any text; each counter is used with one limit
   */
  countAttempt(org: string, counter: string, limit: AttemptLimit, now: Date): Promise<number>;
  /** Resets a counter after a successful login. */
  resetAttempts(org: string, counter: string): Promise<void>;
}

/**
 * Stands for the organization in the keys of counters by source address: an address is counted before it is known
 * whether the organization exists. No organization can have this id.
 */
export const addressCounters = 'addresses';
