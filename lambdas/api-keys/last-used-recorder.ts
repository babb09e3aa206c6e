/**
 * Records the last use of API keys to the hour. That is enough to identify unused keys, and it costs at most one write
 * per key and hour.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../shared/ports.ts';
import type { LastUsedStore, StoredApiKey } from './api-key-ports.ts';

const hourMs = 3_600_000;
/** Maximum number of keys whose recorded hour this process remembers. */
const maxRememberedKeys = 1_000;
/**
 * Maximum time in milliseconds that a response waits for this write. Lambda may freeze the process after the response,
 * so a write that is still pending might not be sent.
 */
const maxWaitMs = 100;

/** Records key uses. The write runs in parallel with the request, whose outcome does not depend on it. */
export class LastUsedRecorder {
  readonly #store: LastUsedStore;
  readonly #clock: Clock;
  /** Last recorded hour by key. Prevents repeated writes while the first one is not stored yet. */
  readonly #recordedHours = new Map<string, string>();

  constructor(store: LastUsedStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Starts recording a use, based on the key record that was read for the request. The promise never rejects and
   * resolves within `maxWaitMs`.
   */
  record({ org, id, lastUsedAt }: StoredApiKey): Promise<void> {
    const currentHour = new Date(Math.floor(this.#clock().getTime() / hourMs) * hourMs).toISOString();
    const key = `${org} ${id}`;
    if ((lastUsedAt !== undefined && lastUsedAt >= currentHour) || this.#recordedHours.get(key) === currentHour)
      return Promise.resolve();
    this.#remember(key, currentHour);
    const stored = this.#store.recordHour(org, id, currentHour).catch(() => void this.#recordedHours.delete(key));
    // Unreferenced, so that the timer does not keep the process alive.
    return Promise.race([stored, sleep(maxWaitMs, undefined, { ref: false })]);
  }

  #remember(key: string, currentHour: string): void {
    this.#recordedHours.delete(key);
    const [oldest] = this.#recordedHours.keys();
    if (oldest !== undefined && this.#recordedHours.size >= maxRememberedKeys) this.#recordedHours.delete(oldest);
    this.#recordedHours.set(key, currentHour);
  }
}
