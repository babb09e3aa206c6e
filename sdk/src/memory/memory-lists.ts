import type { ListMessagesResponse, Message } from '../../../contract/conversations/wire.ts';
import { OpenedList } from '../shared/opened-list.ts';
import type { FetchPage } from '../shared/paginated-list.ts';
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

export type MessageList = OpenedList<Message, ListMessagesResponse>;

/** Records by id. */
export class MemoryList extends OpenedList<MemoryRecord, MemoryPage> {
  constructor(fetchPage: FetchPage<MemoryPage>, options: DamagedOptions) {
    super(fetchPage, ({ records }) => records, options);
  }

  /** The records as JSON Lines. Each line ends with `\n`. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    for await (const record of this) yield `${JSON.stringify(record)}\n`;
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
