/** Which of two stores has the entries of a table. */
import type { DynaliteStore } from 'dynalite/db/index.js';
import { LocalError } from '../shared/errors.ts';

/** Lets dynalite keep the entries of some tables in another store. The descriptions of all tables stay in the first. */
export function routeEntries(store: DynaliteStore, other: DynaliteStore, tables: ReadonlySet<string>): void {
  const { getItemDb, deleteItemDb, getIndexDb, deleteIndexDb } = store;
  Object.assign(store, {
    getItemDb: (table) => (tables.has(table) ? other.getItemDb(table) : getItemDb(table)),
    deleteItemDb: (table, done) => (tables.has(table) ? other : { deleteItemDb }).deleteItemDb(table, done),
    getIndexDb: (type, table, index) => (tables.has(table) ? other : { getIndexDb }).getIndexDb(type, table, index),
    deleteIndexDb: (type, table, index, done) =>
      (tables.has(table) ? other : { deleteIndexDb }).deleteIndexDb(type, table, index, done),
  } satisfies Partial<DynaliteStore>);
}

/** Items in the wrong store would be invisible, and the table would look empty. */
export async function checkPlaces(
  store: DynaliteStore,
  erased: DynaliteStore,
  tables: ReadonlySet<string>,
  path: string,
): Promise<void> {
  const [inStore, inErased] = await Promise.all([tablesWithItems(store), tablesWithItems(erased)]);
  const moved = [...inStore].find((table) => tables.has(table)) ?? [...inErased].find((table) => !tables.has(table));
  if (moved === undefined) return;
  throw new LocalError(
    `The template now has another rule about copies of the table ${moved}, which has items in ${path}. Nothing was ` +
      `started or changed. Start with a new folder (--data), or move the old folder elsewhere.`,
  );
}

async function tablesWithItems({ db }: DynaliteStore): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  // One read per table: `item-<table>~` is the prefix of its keys, and no table name contains `~`.
  for (let gt = 'item-'; ; ) {
    const iterator = db.keys({ gt, lt: 'item.', limit: 1 });
    const key = await iterator.next();
    await iterator.close();
    if (typeof key !== 'string') return found;
    const table = key.slice('item-'.length).split('~', 1)[0] ?? '';
    found.add(table);
    gt = `item-${table}~\uffff`;
  }
}
