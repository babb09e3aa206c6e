/**
 * Removes deleted entries of ordinary tables from the files some time after the deletion. On AWS, the recovery data of
 * such tables keeps them for days, so no call waits for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreDatabase } from 'dynalite/db/index.js';
import { ExclusiveSections } from './exclusive-sections.ts';
import { KeyEraser, unpatched } from './key-eraser.ts';

const delayMs = 20_000;
const iteratorTimeoutMs = 1_000;

export interface BackgroundErasure {
  /** Every call to the database must run in this function. An erasure waits for running calls and delays new ones. */
  inCall<T>(run: () => Promise<T>): Promise<T>;
  /** Erases what is left. */
  close(): Promise<void>;
}

/** Patches the deletions of the database. @param openIterators counts the open iterators of the database */
export function eraseDeletedLater(db: StoreDatabase, openIterators: () => number): BackgroundErasure {
  const sections = new ExclusiveSections();
  const raw = unpatched(db);
  const eraser = new KeyEraser(raw, (run) =>
    sections.exclusive(async () => {
      // A call can be answered shortly before dynalite closes its iterator.
      for (const end = Date.now() + iteratorTimeoutMs; openIterators() > 0 && Date.now() < end; ) await sleep(5);
      await run();
    }),
  );
  let timer: NodeJS.Timeout | undefined;
  const note = (key: string) => {
    if (!/^(?:item|index)-/.test(key)) return;
    eraser.add(key);
    timer ??= setTimeout(() => {
      timer = undefined;
      // What fails stays pending, and the next deletion or the end of the process tries again.
      eraser.erase().catch(() => {});
    }, delayMs).unref();
  };
  Object.assign(db, {
    del: (key: string, ...rest: []) => {
      note(key);
      return raw.del(key, ...rest);
    },
    batch: (operations: readonly { readonly type: string; readonly key: string }[], ...rest: []) => {
      for (const { type, key } of operations) if (type === 'del') note(key);
      return raw.batch(operations, ...rest);
    },
  });
  return {
    inCall: (run) => sections.shared(run),
    async close() {
      clearTimeout(timer);
      await eraser.erase();
    },
  };
}
