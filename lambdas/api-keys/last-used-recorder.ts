/** The last use of API keys, as coarse as an hour: what tells a forgotten key from one in use, and costs next to nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../shared/ports.ts';
import type { LastUseStore, StoredApiKey } from './api-key-ports.ts';

const hour = 3_600_000;
/** Keys of which this process remembers that it has noted their hour. */
const remembered = 1_000;
/** Milliseconds for which an answer waits for the note, which is under way beside it: a frozen function sends nothing. */
const patience = 100;

/** Notes uses: at most one write an hour for each key, beside the request, whose outcome does not depend on it. */
export class LastUse {
  readonly #store: LastUseStore;
  readonly #clock: Clock;
  /** The hour noted last, by key. Until the note is stored, many requests would read that it is missing. */
  readonly #noted = new Map<string, string>();

  constructor(store: LastUseStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Begins to note a use, by the record that was read anyway. What it returns never rejects, and soon resolves. */
  note({ org, id, lastUsedAt }: StoredApiKey): Promise<void> {
    const now = new Date(Math.floor(this.#clock().getTime() / hour) * hour).toISOString();
    const key = `${org} ${id}`;
    if ((lastUsedAt !== undefined && lastUsedAt >= now) || this.#noted.get(key) === now) return Promise.resolve();
    this.#remember(key, now);
    const stored = this.#store.touch(org, id, now).catch(() => void this.#noted.delete(key));
    // Unreferenced: the timer alone must not keep a process alive.
    return Promise.race([stored, sleep(patience, undefined, { ref: false })]);
  }

  #remember(key: string, now: string): void {
    this.#noted.delete(key);
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined && this.#noted.size >= remembered) this.#noted.delete(oldest);
    this.#noted.set(key, now);
  }
}
