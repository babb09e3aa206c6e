/** dynalite has no types of its own; these are the parts in use. */

declare module 'dynalite' {
  import type { Server } from 'node:http';

  function dynalite(options: { createTableMs?: number }): Server;
  export = dynalite;
}

declare module 'dynalite/db/index.js' {
  interface StoreOptions {
    /** LevelDB folder; in memory when absent. */
    path?: string;
    /** Milliseconds that tables stay in a state of passage. */
    createTableMs: number;
    deleteTableMs: number;
    updateTableMs: number;
  }

  interface StoreIterator {
    close(): Promise<void>;
  }

  /** A database of abstract-level, whose methods take callbacks too. It has streams over its iterators. */
  interface StoreDatabase {
    open(options: object): Promise<void>;
    close(): Promise<void>;
    keys(options: object): StoreIterator;
    values(options: object): StoreIterator;
  }

  interface DynaliteStore {
    readonly db: StoreDatabase;
  }

  export function create(options: StoreOptions): DynaliteStore;
}

declare module 'dynalite/validations/index.js' {
  import type { DynaliteStore } from 'dynalite/db/index.js';

  /** What an action takes: its types, and a check of what they do not tell. */
  interface ActionValidation {
    readonly types: object;
    readonly custom?: unknown;
  }

  /** Both throw an Error with `statusCode` and `body` for what DynamoDB refuses. */
  export function checkTypes(data: unknown, types: object): object;
  export function checkValidations(data: object, types: object, custom: unknown, store: DynaliteStore): void;
  export function toLowerFirst(action: string): string;
}
