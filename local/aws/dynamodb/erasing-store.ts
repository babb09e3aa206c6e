/**
 * A store for the items of tables that must not be copied: an entry that is replaced or deleted is removed from the
 * files before the call is answered. It has a database of its own, because the cost of that grows with the database.
 */
import type { DynaliteStore, StoreIterator } from 'dynalite/db/index.js';
import { ExclusiveSections } from './exclusive-sections.ts';
import { KeyEraser, unpatched } from './key-eraser.ts';

type Done = (error: unknown, value?: unknown) => void;

/** Patches the store's database and returns its eraser. */
export function makeErasing({ db }: Pick<DynaliteStore, 'db'>): KeyEraser {
  const sections = new ExclusiveSections();
  const raw = unpatched(db);
  const eraser = new KeyEraser(raw, (run) => sections.exclusive(run));
  const noteExisting = async (key: string) => {
    if ((await raw.get(key)) !== undefined) eraser.add(key);
  };
  const section = <T>(run: () => Promise<T>, done?: Done): Promise<T | undefined> => {
    const result = sections.shared(run);
    if (done === undefined) return result;
    return result.then(
      (value) => void setImmediate(done, null, value),
      (error: unknown) => void setImmediate(done, error),
    );
  };
  Object.assign(db, {
    get: (key: string, done?: Done) => section(() => raw.get(key), done),
    put: (key: string, value: unknown, done?: Done) =>
      section(async () => {
        await noteExisting(key);
        await raw.put(key, value);
      }, done),
    del: (key: string, done?: Done) =>
      section(async () => {
        await noteExisting(key);
        await raw.del(key);
      }, done),
    batch: (operations: readonly { readonly key: string }[], done?: Done) =>
      section(async () => {
        for (const { key } of operations) await noteExisting(key);
        await raw.batch(operations);
      }, done),
    keys: (options: object = {}) => listed(() => sections.shared(() => read(raw.keys(options)))),
    values: (options: object = {}) => listed(() => sections.shared(() => read(raw.values(options)))),
  });
  return eraser;
}

async function read(iterator: StoreIterator): Promise<unknown[]> {
  try {
    return await iterator.all();
  } finally {
    await iterator.close();
  }
}

/**
 * An iterator over a list that is read at once. An iterator of the database would keep old files open until dynalite
 * ends it, and its reader can start further reads meanwhile.
 */
function listed(load: () => Promise<unknown[]>): Pick<StoreIterator, 'close' | 'next'> & { return(): Promise<void> } {
  let rest: Promise<Iterator<unknown>> | undefined;
  return {
    async next() {
      rest ??= load().then((list) => list.values());
      return (await rest).next().value;
    },
    close: async () => {},
    // dynalite ends an iterator with `return()`.
    return: async () => {},
  };
}
