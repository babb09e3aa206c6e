/** Types of the used parts of dynalite, which has no type declarations. */

declare module 'dynalite' {
  import type { Server } from 'node:http';

  function dynalite(options: { createTableMs?: number }): Server;
  export = dynalite;
}

declare module 'dynalite/db/index.js' {
  interface StoreOptions {
    /** LevelDB folder. If undefined, data is kept in memory. */
    path?: string;
    /** How long tables stay in a transitional state such as CREATING, in milliseconds. */
    createTableMs: number;
    deleteTableMs: number;
    updateTableMs: number;
  }

  interface StoreIterator {
    /** Undefined after the last entry. */
    next(): Promise<unknown>;
    all(): Promise<unknown[]>;
    close(): Promise<void>;
  }

  /** An abstract-level database. Its methods also accept callbacks, and it provides streams over its iterators. */
  interface StoreDatabase {
    open(options: object): Promise<void>;
    close(): Promise<void>;
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
    del(key: string): Promise<void>;
    batch(operations: readonly object[]): Promise<void>;
    /** Only databases on disk have it. */
    compactRange(start: string, end: string): Promise<void>;
    keys(options: object): StoreIterator;
    values(options: object): StoreIterator;
  }

  interface DynaliteStore {
    readonly db: StoreDatabase;
    /** The entries of a table or of an index. The delete functions call back when all entries are deleted. */
    getItemDb(table: string): unknown;
    deleteItemDb(table: string, done: (error?: unknown) => void): void;
    getIndexDb(type: string, table: string, index: string): unknown;
    deleteIndexDb(type: string, table: string, index: string, done: (error?: unknown) => void): void;
  }

  export function create(options: StoreOptions): DynaliteStore;
}

declare module 'dynalite/validations/index.js' {
  import type { DynaliteStore } from 'dynalite/db/index.js';

  /** The input types of an action, and a check of constraints that the types do not express. */
  interface ActionValidation {
    readonly types: object;
    readonly custom?: unknown;
  }

  /** Both throw an Error with `statusCode` and `body` if DynamoDB would refuse the input. */
  export function checkTypes(data: unknown, types: object): object;
  export function checkValidations(data: object, types: object, custom: unknown, store: DynaliteStore): void;
  export function toLowerFirst(action: string): string;
}
