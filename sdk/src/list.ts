import type { ListValuesResponse, ValueInfo } from '../../contract/wire.ts';
import { errorOf } from './errors.ts';

/** One page of a list; `cursor` is present when there is more. */
export type Page = ListValuesResponse;

/**
 * A list of values, fetched page by page while it is iterated: `for await (const info of list)`. Nothing is asked
 * before that, and each iteration asks anew. Values themselves are never in a list.
 */
export class ValueList implements AsyncIterable<ValueInfo> {
  readonly #fetchPage: (cursor: string | undefined) => Promise<Page>;

  constructor(fetchPage: (cursor: string | undefined) => Promise<Page>) {
    this.#fetchPage = fetchPage;
  }

  /** One page: the first, or the one behind a cursor of the same list. */
  page(cursor?: string): Promise<Page> {
    return this.#fetchPage(cursor);
  }

  /** Page after page. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: Page = await this.page(cursor);
      yield page;
      // A server that repeats itself would otherwise be asked for ever.
      if (page.cursor !== undefined && page.cursor === cursor) {
        throw errorOf('unexpected_response', { detail: 'the same cursor came twice; the list is not complete' });
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** All of it as an array. */
  async toArray(): Promise<ValueInfo[]> {
    const all: ValueInfo[] = [];
    for await (const page of this.pages()) all.push(...page.values);
    return all;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ValueInfo, void, undefined> {
    for await (const page of this.pages()) yield* page.values;
  }
}
