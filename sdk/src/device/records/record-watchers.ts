/** Delivers changes of records to those who watch them. */

import type { Signal } from '../../shared/client-options.ts';
import type { RecordChange, RecordType } from '../device-types.ts';

/** Changes that wait to be read. Only the newest change of a record is kept. */
class Watcher {
  readonly type: RecordType;
  readonly #waiting = new Map<string, RecordChange>();
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(type: RecordType) {
    this.type = type;
  }

  add(change: RecordChange): void {
    this.#waiting.delete(change.id);
    this.#waiting.set(change.id, change);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** The next change; undefined after the end. */
  async next(): Promise<RecordChange | undefined> {
    while (this.#waiting.size === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    for (const [id, change] of this.#waiting) {
      this.#waiting.delete(id);
      return change;
    }
    return undefined;
  }
}

export class RecordWatchers {
  readonly #watchers = new Set<Watcher>();

  emit(change: RecordChange): void {
    for (const watcher of this.#watchers) if (watcher.type === change.type) watcher.add(change);
  }

  /** Ends all watching. */
  close(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  /** Changes from this call on, until the signal fires or the vault is closed. */
  watch(type: RecordType, signal: Signal | undefined): AsyncIterable<RecordChange> {
    const watcher = new Watcher(type);
    const stop = () => watcher.end();
    this.#watchers.add(watcher);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const finish = () => {
      this.#watchers.delete(watcher);
      signal?.removeEventListener('abort', stop);
    };
    return deliver(watcher, finish);
  }
}

async function* deliver(watcher: Watcher, finish: () => void): AsyncGenerator<RecordChange, void, undefined> {
  try {
    for (let change = await watcher.next(); change !== undefined; change = await watcher.next()) yield change;
  } finally {
    finish();
  }
}
