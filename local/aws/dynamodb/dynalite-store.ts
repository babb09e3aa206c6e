/**
 * dynalite without its HTTP server. This emulator calls the actions as functions on dynalite's store. It uses internal
 * modules of dynalite, so the version is pinned. The benefits: iterators of the store can be closed, and an error of an
 * action does not become an uncaught error of the process.
 */
import { createRequire } from 'node:module';
import { create, type DynaliteStore, type StoreDatabase, type StoreIterator } from 'dynalite/db/index.js';
import { type ActionValidation, checkTypes, checkValidations, toLowerFirst } from 'dynalite/validations/index.js';
import type { EngineReply } from '../endpoint/service-engine.ts';
import { errorMessageOf, LocalError } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';

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
  close(): Promise<void>;
}

/** @param path folder of the tables; null keeps them in memory @throws LocalError if the tables cannot be opened */
export async function openTables(path: string | null): Promise<DynaliteTables> {
  const timing = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const store = create(path === null ? timing : { ...timing, path });
  closeIterators(store.db);
  await store.db.open(path === null ? {} : levelOptions).catch((error: unknown) => {
    const { cause } = error instanceof Error ? error : {};
    throw new LocalError(
      `The tables in ${path ?? 'memory'} cannot be opened: ${errorMessageOf(cause ?? error)}. Nothing was started. ` +
        `If another vault uses that folder, stop it, or choose another folder: npm start -- --data DIR`,
    );
  });
  return { call: (action, input) => call(store, action, input), close: () => store.db.close() };
}

/**
 * Adds the method `return()` to the store's iterators. dynalite ends an iterator with `return()`, but iterators of
 * abstract-level have only `close()`. An open iterator keeps all files that existed when it was opened, so each query
 * would retain a snapshot of the whole database.
 */
function closeIterators(db: StoreDatabase): void {
  const [keys, values] = [db.keys.bind(db), db.values.bind(db)];
  const closable = (iterator: StoreIterator) => Object.assign(iterator, { return: () => iterator.close() });
  Object.assign(db, {
    keys: (options: object = {}) => closable(keys(options)),
    values: (options: object = {}) => closable(values(options)),
  });
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
