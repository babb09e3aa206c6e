import { createError } from './errors.ts';
import { type FetchPage, List } from './paginated-list.ts';

/** What to do with items that could not be decrypted. */
export interface OnDamaged<Id> {
  readonly onDamaged?: ((id: Id) => void) | undefined;
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
  readonly #onDamaged: OnDamaged<string>['onDamaged'];

  constructor(fetchPage: FetchPage<P>, itemsOf: (page: P) => readonly T[], { onDamaged }: OnDamaged<string>) {
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
