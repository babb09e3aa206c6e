/** The clock of the service, for signatures whose time it checks. */
import { AnimaError } from '../shared/errors.ts';

export class ServiceClock {
  #offsetMs = 0;
  #observedOffsetMs: number | undefined;

  /** Seconds since 1970, as the service counts them. */
  seconds(): number {
    return Math.floor((Date.now() + this.#offsetMs) / 1000);
  }

  /** Receives the header `Date` of each response. */
  observeDate(date: string | null): void {
    const time = date === null ? Number.NaN : Date.parse(date);
    this.#observedOffsetMs = Number.isNaN(time) ? undefined : time - Date.now();
  }

  /** Sends a signed request; once more with the time of the service if it refuses the time of the signature. */
  async send<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      const isClock = error instanceof AnimaError && error.code === 'request_expired';
      if (!isClock || this.#observedOffsetMs === undefined) throw error;
      // Once: if the service refuses its own time, another correction would not help.
      this.#offsetMs = this.#observedOffsetMs;
      return await send();
    }
  }
}
