/**
 * dynalite without its HTTP server. This emulator calls the actions as functions on dynalite's store. It uses internal
 * modules of dynalite, so the version is pinned. The benefits: iterators of the store can be closed, and an error of an
 * action does not become an uncaught error of the process.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { create, type DynaliteStore, type StoreDatabase, type StoreIterator } from 'dynalite/db/index.js';
import { type ActionValidation, checkTypes, checkValidations, toLowerFirst } from 'dynalite/validations/index.js';
import type { EngineReply } from '../endpoint/service-engine.ts';
import { makePrivateFolder } from '../shared/durable-files.ts';
import { errorMessageOf, LocalError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { eraseDeletedLater } from './background-erasure.ts';
import { makeErasing } from './erasing-store.ts';
import { checkPlaces, routeEntries } from './table-routing.ts';

type Done = (error: unknown, result?: unknown) => void;
type Action = (store: DynaliteStore, input: object, done: Done) => void;

const operations = [
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'DescribeTimeToLive',
  'GetItem',
  'ListTables',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'ListTagsOfResource',
  'UpdateItem',
  'UpdateTable',
] as const;

/**
 * LevelDB maps open files into memory. The minimum number of open files and a small file size limit this memory to 64
 * MiB, independent of the data size.
 */
const levelOptions = { maxOpenFiles: 74, maxFileSize: 1024 * 1024 };

const require = createRequire(import.meta.url);
const actions: ReadonlyMap<string, { readonly run: Action; readonly validation: ActionValidation }> = new Map(
  operations.map((name) => {
    const file = toLowerFirst(name);
    return [name, { run: require(`dynalite/actions/${file}`), validation: require(`dynalite/validations/${file}`) }];
  }),
);

export interface DynaliteTables {
  /** Returns a reply if DynamoDB would refuse the call. Rejects only for unexpected errors. */
  call(action: string, input: unknown): Promise<EngineReply>;
  /**
   * Sets the tables of which no file keeps an entry that was replaced or deleted once the call is answered. Must be
   * called before their first item. Other tables lose deleted entries within a minute. @throws LocalError
   */
  eraseAtOnce(tables: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

/** @param path folder of the tables; null keeps them in memory @throws LocalError if the tables cannot be opened */
export async function openTables(path: string | null): Promise<DynaliteTables> {
  const store = await openStore(path);
  const openIterators = closeIterators(store.db);
  if (path === null) {
    return {
      call: (action, input) => call(store, action, input),
      eraseAtOnce: async () => {},
      close: () => store.db.close(),
    };
  }
  const { inCall, close: closeErasure } = eraseDeletedLater(store.db, openIterators);
  const erasedPath = join(path, 'erased-at-once');
  makePrivateFolder(erasedPath);
  const erased = await openStore(erasedPath);
  const eraser = makeErasing(erased);
  let erasedTables: ReadonlySet<string> = new Set();
  return {
    async call(action, input) {
      const answer = await inCall(() => call(store, action, input));
      // Also after a refusal: a batch can have been written in part.
      if (eraser.hasPending && tablesOf(input).some((table) => erasedTables.has(table))) await eraser.erase();
      return answer;
    },
    async eraseAtOnce(tables) {
      await checkPlaces(store, erased, tables, path);
      routeEntries(store, erased, tables);
      erasedTables = tables;
      // An earlier process can have been killed before it erased what it replaced.
      await eraser.eraseAll();
    },
    async close() {
      await closeErasure();
      await erased.db.close();
      await store.db.close();
    },
  };
}

/** The tables that a call names, alone or in a batch. */
export function tablesOf(input: unknown): string[] {
  if (!isObject(input)) return [];
  if (typeof input.TableName === 'string') return [input.TableName];
  return isObject(input.RequestItems) ? Object.keys(input.RequestItems) : [];
}

async function openStore(path: string | null): Promise<DynaliteStore> {
  const timing = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const store = create(path === null ? timing : { ...timing, path });
  await store.db.open(path === null ? {} : levelOptions).catch((error: unknown) => {
    const { cause } = error instanceof Error ? error : {};
    throw new LocalError(
      `The tables in ${path ?? 'memory'} cannot be opened: ${errorMessageOf(cause ?? error)}. Nothing was started. ` +
        `If another vault uses that folder, stop it, or choose another folder: npm start -- --data DIR`,
    );
  });
  return store;
}

/**
 * Adds the method `return()` to the store's iterators. dynalite ends an iterator with `return()`, but iterators of
 * abstract-level have only `close()`. An open iterator keeps all files that existed when it was opened, so each query
 * would retain a snapshot of the whole database. Returns a function that counts the open iterators.
 */
function closeIterators(db: StoreDatabase): () => number {
  const [keys, values] = [db.keys.bind(db), db.values.bind(db)];
  let open = 0;
  const closable = (iterator: StoreIterator) => {
    open += 1;
    const close = iterator.close.bind(iterator);
    let closing: Promise<void> | undefined;
    const closeOnce = () => (closing ??= close().finally(() => (open -= 1)));
    return Object.assign(iterator, { close: closeOnce, return: closeOnce });
  };
  Object.assign(db, {
    keys: (options: object = {}) => closable(keys(options)),
    values: (options: object = {}) => closable(values(options)),
  });
  return () => open;
}

async function call(store: DynaliteStore, name: string, input: unknown): Promise<EngineReply> {
  const action = actions.get(name);
  if (action === undefined) {
    return reply({ __type: 'com.amazon.coral.service#UnknownOperationException' }, 400);
  }
  const { run, validation } = action;
  try {
    // dynalite modifies its input, so it receives a copy.
    const data = checkTypes(JSON.parse(JSON.stringify(input)), validation.types);
    checkValidations(data, validation.types, validation.custom, store);
    return reply(
      await new Promise((resolve, reject) => {
        run(store, data, (error, result) => (error ? reject(error) : resolve(result)));
      }),
    );
  } catch (error) {
    if (isObject(error) && typeof error.statusCode === 'number') return reply(error.body, error.statusCode);
    throw error;
  }
}

const reply = (body: unknown, status = 200): EngineReply => ({ status, body: JSON.stringify(body) });
