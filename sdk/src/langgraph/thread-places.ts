/** Where the records of threads are: `[…root, thread, checkpoint namespace, kind …]`. */

import type { RecordPlace } from '../agent-memory/long-records.ts';
import { toPart } from '../agent-memory/memory-calls.ts';

/** Levels that are added to the root: thread, checkpoint namespace, kind, checkpoint or set of parts. */
export const threadLevels = 4;

export class ThreadPlaces {
  readonly thread: readonly string[];
  /** All records of one checkpoint namespace of the thread. */
  readonly all: readonly string[];
  readonly #parts: readonly string[];

  private constructor(thread: readonly string[], all: readonly string[]) {
    this.thread = thread;
    this.all = all;
    this.#parts = [...all, 'parts'];
  }

  static async of(root: readonly string[], thread: string, namespace: string): Promise<ThreadPlaces> {
    const home = [...root, await toPart(thread)];
    return new ThreadPlaces(home, [...home, await toPart(namespace)]);
  }

  /** The record that names the latest checkpoint. */
  get latest(): { namespace: readonly string[]; key: string } {
    return { namespace: [...this.all, 'latest'], key: 'latest' };
  }

  async checkpoint(id: string): Promise<RecordPlace> {
    return this.#place(['checkpoints'], await toPart(id));
  }

  async value(channel: string, version: string | number): Promise<RecordPlace> {
    return this.#place(['values'], await toPart(JSON.stringify([channel, version])));
  }

  async writesOf(checkpoint: string): Promise<readonly string[]> {
    return [...this.all, 'writes', await toPart(checkpoint)];
  }

  async write(checkpoint: string, task: string, index: number): Promise<RecordPlace> {
    return this.#place(['writes', await toPart(checkpoint)], await toPart(JSON.stringify([task, index])));
  }

  #place(below: readonly string[], key: string): RecordPlace {
    return { namespace: [...this.all, ...below], key, parts: this.#parts };
  }
}
