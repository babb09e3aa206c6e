/** dynalite has no types of its own; these are the parts in use. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  interface DynaliteOptions {
    /** LevelDB folder; in memory when absent. */
    path?: string;
    /** Milliseconds that tables stay in a state of passage. */
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }

  function dynalite(options: DynaliteOptions): Server;
  export = dynalite;
}
