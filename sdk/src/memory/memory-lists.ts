import type { ListMessagesResponse, Message } from '../../../contract/conversations/wire.ts';
import { createError } from '../shared/errors.ts';
import { type FetchPage, List } from '../shared/paginated-list.ts';
import type { DamagedOptions, MemoryRecord, SearchMemoryOptions } from './memory-types.ts';

/** One page of records. */
export interface MemoryPage {
  records: MemoryRecord[];
  /** Ids of records on this page that could not be decrypted; absent if there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

/** One page of a search. */
export interface SearchPage extends MemoryPage {
  /** Records decrypted by this request. */
  searched: number;
}

/** Maximum ids listed in an error. */
const maxNamedIds = 10;

/**
 * A list of items that the vault decrypts during the request. Items that cannot be decrypted are reported at the end;
 * they are never silently omitted.
 */
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
    throw createError('decryption_failed', { detail: `${ids.join(', ')}${more}; all others were returned` });
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
