import type { ListMessagesResponse, Message } from '../../../contract/conversations/wire.ts';
import { createError } from '../shared/errors.ts';
import { type FetchPage, List } from '../shared/paginated-list.ts';
import type { DamagedOptions, MemoryRecord, SearchMemoryOptions } from './memory-types.ts';

/** One page of records. */
export interface MemoryPage {
  records: MemoryRecord[];
  /** Ids of records of this page that could not be opened; absent when there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** One stretch of a search. */
export interface SearchPage extends MemoryPage {
  /** How many records this request opened. */
  searched: number;
}

/** Ids that an error names. */
const maxNamedIds = 10;

/** A list of what is opened during the request. What can't be opened is named at the end, and never left out in silence. */
export class OpenedList<T, P extends { damaged?: string[] | undefined; cursor?: string | undefined }> extends List<
  T,
  P
> {
  readonly #onDamaged: DamagedOptions['onDamaged'];

  constructor(fetchPage: FetchPage<P>, itemsOf: (page: P) => readonly T[], { onDamaged }: DamagedOptions) {
    super(fetchPage, itemsOf);
    this.#onDamaged = onDamaged;
  }

  override async *pages(): AsyncGenerator<P, void, undefined> {
    const ids: string[] = [];
    let count = 0;
    for await (const page of super.pages()) {
      yield page;
      for (const id of page.damaged ?? []) {
        if (this.#onDamaged !== undefined) this.#onDamaged(id);
        else if (count++ < maxNamedIds) ids.push(id);
      }
    }
    if (count === 0) return;
    const more = count > maxNamedIds ? ` and ${count - maxNamedIds} more` : '';
    throw createError('decryption_failed', { detail: `${ids.join(', ')}${more}; all else was given` });
  }
}

export type MessageList = OpenedList<Message, ListMessagesResponse>;

/** Records by id. */
export class MemoryList extends OpenedList<MemoryRecord, MemoryPage> {
  constructor(fetchPage: FetchPage<MemoryPage>, options: DamagedOptions) {
    super(fetchPage, ({ records }) => records, options);
  }

  /** The records as JSON Lines, without line ends. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    for await (const record of this) yield JSON.stringify(record);
  }
}

/** Records that contain a text, as they are found. */
export class MemorySearch extends OpenedList<MemoryRecord, SearchPage> {
  readonly #onProgress: SearchMemoryOptions['onProgress'];

  constructor(fetchPage: FetchPage<SearchPage>, options: SearchMemoryOptions) {
    super(fetchPage, ({ records }) => records, options);
    this.#onProgress = options.onProgress;
  }

  override async *pages(): AsyncGenerator<SearchPage, void, undefined> {
    let searched = 0;
    for await (const page of super.pages()) {
      searched += page.searched;
      this.#onProgress?.({ searched });
      yield page;
    }
  }
}
