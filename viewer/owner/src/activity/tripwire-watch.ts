/**
 * Tripwires that the person has not seen yet. A push notice says only that something waits, so the page must say what: it
 * looks when it opens, when it is shown, and when the socket is woken.
 */
import type { DeviceEvents } from '../device/device-events.ts';
import type { Notes } from '../device/notes.ts';
import type { ActivityBook, LoadedActivity } from './activity-book.ts';

const note = 'tripwires-seen';
/** Each look is a request that the audit records. */
const leastMs = 60_000;

export class TripwireWatch {
  readonly #book: Pick<ActivityBook, 'load'>;
  readonly #events: Pick<DeviceEvents, 'emit' | 'subscribe'>;
  readonly #notes: Pick<Notes, 'get' | 'put'>;
  readonly #mayLook: () => boolean;
  /** Number that the navigation shows. */
  unseen = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onVisible = () => this.#lookSoon();
  #unsubscribe: () => void = () => undefined;

  /** @param mayLook whether the page is shown, and its device may read the activity */
  constructor(
    book: Pick<ActivityBook, 'load'>,
    events: Pick<DeviceEvents, 'emit' | 'subscribe'>,
    notes: Pick<Notes, 'get' | 'put'>,
    mayLook: () => boolean,
  ) {
    this.#book = book;
    this.#events = events;
    this.#notes = notes;
    this.#mayLook = mayLook;
  }

  begin(): void {
    document.addEventListener('visibilitychange', this.#onVisible);
    this.#unsubscribe = this.#events.subscribe((change) => {
      if (change === 'wake') this.#lookSoon();
    });
    this.#lookSoon();
  }

  end(): void {
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#unsubscribe();
    clearTimeout(this.#timer);
  }

  /** The person sees these entries now. */
  async markSeen(shown: LoadedActivity): Promise<void> {
    const newest = newestOf(shown);
    if (newest === '' || newest <= (await this.#seen())) return;
    await this.#notes.put(note, newest);
    this.#set(0);
  }

  /** At once, or when the time between two looks is over: what a wake announces is then there. */
  #lookSoon(): void {
    if (!this.#mayLook() || this.#timer !== undefined) return;
    const look = async () => {
      this.#timer = undefined;
      if (this.#mayLook()) await this.#look();
    };
    this.#timer = setTimeout(() => void look(), Math.max(0, this.#lookedAt + leastMs - Date.now()));
  }

  async #look(): Promise<void> {
    this.#lookedAt = Date.now();
    try {
      const { entries } = await this.#book.load();
      const seen = await this.#seen();
      this.#set(entries.filter(({ kind, id }) => kind === 'tripwire' && id > seen).length);
    } catch {
      // The view of the activity says why it cannot be loaded.
    }
  }

  #set(unseen: number): void {
    if (unseen === this.unseen) return;
    this.unseen = unseen;
    this.#events.emit('tripwires');
  }

  /** Id of the newest tripwire that was shown. Ids sort by time. */
  async #seen(): Promise<string> {
    return (await this.#notes.get<string>(note)) ?? '';
  }
}

const newestOf = ({ entries }: LoadedActivity): string =>
  entries.reduce((newest, { kind, id }) => (kind === 'tripwire' && id > newest ? id : newest), '');
