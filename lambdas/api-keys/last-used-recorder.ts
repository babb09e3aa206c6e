/** The last use of API keys, as coarse as an hour: what tells a forgotten key from one in use, and costs next to nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../shared/ports.ts';
import type { LastUsedStore, StoredApiKey } from './api-key-ports.ts';

const hourMs = 3_600_000;
/** Keys of which this process remembers that it has noted their hour. */
const maxRememberedKeys = 1_000;
/** Milliseconds for which an answer waits for the note, which is under way beside it: a frozen function sends nothing. */
const maxWaitMs = 100;

/** Notes uses: at most one write an hour for each key, beside the request, whose outcome does not depend on it. */
export class LastUsedRecorder {
  readonly #store: LastUsedStore;
  readonly #clock: Clock;
  /** The hour noted last, by key. Until the note is stored, many requests would read that it is missing. */
  readonly #recordedHours = new Map<string, string>();

  constructor(store: LastUsedStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Begins to note a use, by the record that was read anyway. What it returns never rejects, and soon resolves. */
  record({ org, id, lastUsedAt }: StoredApiKey): Promise<void> {
    const currentHour = new Date(Math.floor(this.#clock().getTime() / hourMs) * hourMs).toISOString();
    const key = `${org} ${id}`;
    if ((lastUsedAt !== undefined && lastUsedAt >= currentHour) || this.#recordedHours.get(key) === currentHour)
      return Promise.resolve();
    this.#remember(key, currentHour);
    const stored = this.#store.recordHour(org, id, currentHour).catch(() => void this.#recordedHours.delete(key));
    // Unreferenced: the timer alone must not keep a process alive.
    return Promise.race([stored, sleep(maxWaitMs, undefined, { ref: false })]);
  }

  #remember(key: string, currentHour: string): void {
    this.#recordedHours.delete(key);
    const [oldest] = this.#recordedHours.keys();
    if (oldest !== undefined && this.#recordedHours.size >= maxRememberedKeys) this.#recordedHours.delete(oldest);
    this.#recordedHours.set(key, currentHour);
  }
}
