/**
 * The difference between this machine's clock and that of AWS, which refuses signatures that differ from its time by
 * more than five minutes. One per process, because all clients use the same clock.
 */

/** Errors that a wrong time can cause (AWS SDK, `CLOCK_SKEW_ERROR_CODES`). */
const skewErrorNames = new Set([
  'AccessDeniedException',
  'AuthFailure',
  'InvalidSignatureException',
  'RequestExpired',
  'RequestInTheFuture',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
]);

/** A smaller difference is not the reason of a refusal (AWS SDK, `isClockSkewed`). Milliseconds. */
const minSkewMs = 4 * 60_000;

export class ClockOffset {
  #offsetMs = 0;

  /** The time of AWS, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /**
   * Corrects the offset after a refusal. Returns true if the time was wrong, so that the same request can now succeed.
   * @param signedAt the time of the signature, as from `now` @param serverDate the header `date` of the response
   */
  correct(errorName: string, signedAt: number, serverDate: string | undefined): boolean {
    if (!skewErrorNames.has(errorName)) return false;
    const serverTime = Date.parse(serverDate ?? '');
    // Compared with the signature: another call may have corrected the offset since.
    if (Number.isNaN(serverTime) || Math.abs(serverTime - signedAt) < minSkewMs) return false;
    this.#offsetMs = serverTime - Date.now();
    return true;
  }
}

export const processClock = new ClockOffset();
