/** What the person allowed, as the audit has it. It is kept for when there is no connection. */
import type { Activity, ActivityPage, SessionClient } from '../../../../sdk/src/session/index.ts';
import type { Notes } from '../device/notes.ts';

/** An entry, whose times are text if it was kept. */
export type LoadedEntry = Activity extends infer Entry
  ? Entry extends Activity
    ? Omit<Entry, 'time' | 'answered'> & { readonly time: Date | string }
    : never
  : never;

export interface LoadedActivity {
  /** Milliseconds since 1970. */
  readonly loaded: number;
  readonly entries: readonly LoadedEntry[];
  /** Entries that do not verify, and are left out. */
  readonly unverified: number;
  /** For the entries before these; undefined if there are none. */
  readonly cursor?: string | undefined;
}

const note = 'activity';
/** As long as answers of this device are kept. */
const shownMs = 90 * 86_400_000;
/** Entries that are kept. More are shown if the person asks for them. */
const keptEntries = 200;
/** Pages of one look: each is a part of the audit, which can have no entry. */
const pagesOfLook = 5;

export class ActivityBook {
  readonly #client: SessionClient;
  readonly #notes: Notes;
  #from = new Date();

  constructor(client: SessionClient, notes: Notes) {
    this.#client = client;
    this.#notes = notes;
  }

  /** What was loaded last. It cannot be continued, because its cursor belongs to its time. */
  async kept(): Promise<LoadedActivity | undefined> {
    const found = await this.#notes.get<LoadedActivity>(note);
    return found && { ...found, cursor: undefined };
  }

  /** The newest entries. @throws SessionError, AnimaError */
  async load(): Promise<LoadedActivity> {
    this.#from = new Date(Date.now() - shownMs);
    const loaded = await this.#look({ loaded: Date.now(), entries: [], unverified: 0 });
    await this.#notes.put(note, { ...loaded, entries: loaded.entries.slice(0, keptEntries) });
    return loaded;
  }

  /** The same with older entries. @throws SessionError, AnimaError */
  more(before: LoadedActivity): Promise<LoadedActivity> {
    return this.#look(before);
  }

  async #look(before: LoadedActivity): Promise<LoadedActivity> {
    let { entries, unverified, cursor } = before;
    for (let pages = 0; pages < pagesOfLook; pages++) {
      const page: ActivityPage = await this.#client.approvals.activityPage({ from: this.#from, cursor });
      entries = [...entries, ...page.entries];
      unverified += page.unverified;
      cursor = page.cursor;
      if (cursor === undefined || page.entries.length > 0) break;
    }
    return { ...before, entries, unverified, cursor };
  }
}
