import type { ApiKeyInfo, ListKeysResponse } from '../../../contract/api-keys/wire.ts';
import type { AuditRecord, ExportAuditResponse, QueryAuditResponse } from '../../../contract/audit/wire.ts';
import type { ListValuesResponse } from '../../../contract/values/wire.ts';
import { createError } from './errors.ts';

/** Fetches the page after a cursor, or the first page without one. */
export type FetchPage<P> = (cursor: string | undefined) => Promise<P>;

/**
 * A list that is fetched page by page during iteration: `for await (const item of list)`. No request is sent before
 * that, and each iteration fetches again.
 */
export class List<T, P extends { cursor?: string | undefined }> implements AsyncIterable<T> {
  readonly #fetchPage: FetchPage<P>;
  readonly #itemsOf: (page: P) => readonly T[];

  constructor(fetchPage: FetchPage<P>, itemsOf: (page: P) => readonly T[]) {
    this.#fetchPage = fetchPage;
    this.#itemsOf = itemsOf;
  }

  /** One page: the first, or the one after a cursor of the same list. `cursor` is present if there are more pages. */
  page(cursor?: string): Promise<P> {
    return this.#fetchPage(cursor);
  }

  /** Iterates over the pages. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: P = await this.page(cursor);
      yield page;
      // Otherwise a server that repeats a cursor would cause an endless loop.
      if (page.cursor !== undefined && page.cursor === cursor) {
        throw createError('unexpected_response', { detail: 'the same cursor came twice; the list is not complete' });
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** All items as an array. */
  async toArray(): Promise<T[]> {
    const all: T[] = [];
    for await (const page of this.pages()) all.push(...this.#itemsOf(page));
    return all;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* this.#itemsOf(page);
  }
}

/** One page of a list of values. */
export type Page = ListValuesResponse;

export type KeyList = List<ApiKeyInfo, ListKeysResponse>;

export type AuditList = List<AuditRecord, QueryAuditResponse>;

/** A seal and the records it covers, in order. */
export type SealedRecords = ExportAuditResponse['seals'][number];

/** An export of the audit: seals with their records, oldest first. */
export class AuditExport extends List<SealedRecords, ExportAuditResponse> {
  /**
   * The export as JSON Lines, in the form for offline verification (docs/format.md, section 8): one line for each record,
   * and a line `{"seal": …}` after the records of each seal. Each line ends with `\n`, so a file is their concatenation.
   */
  async *lines(): AsyncGenerator<string, void, undefined> {
    for await (const { seal, records } of this) {
      for (const record of records) yield `${JSON.stringify(record)}\n`;
      yield `${JSON.stringify({ seal })}\n`;
    }
  }
}
