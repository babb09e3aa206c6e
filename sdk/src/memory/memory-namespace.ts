import type { RecordInfo } from '../../../contract/memory/wire.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { MemorySearch } from './memory-lists.ts';
import type { FindMemoryOptions, MemoryRecord, PutMemoryOptions } from './memory-types.ts';

/** The calls of `client.memory` that this module uses. */
interface RecordCalls {
  upsert(data: unknown, options: PutMemoryOptions): Promise<RecordInfo>;
  find(options: FindMemoryOptions): MemorySearch;
  get(id: string, options: CallOptions): Promise<MemoryRecord>;
  delete(id: string, options: CallOptions): Promise<boolean>;
}

/** The records of one namespace, by keys instead of ids. The vault stores neither in the clear. */
export class MemoryNamespace {
  readonly #memory: RecordCalls;
  readonly #parts: readonly string[];

  /** @internal */
  constructor(memory: RecordCalls, parts: readonly string[]) {
    this.#memory = memory;
    this.#parts = [...parts];
  }

  /** Stores a record under a key, whether or not there is one. */
  async put(
    key: string,
    data: unknown,
    options: Omit<PutMemoryOptions, 'id' | 'key' | 'namespace'> = {},
  ): Promise<RecordInfo> {
    return this.#memory.upsert(data, { ...options, key, namespace: this.#parts });
  }

  /** The record of a key; undefined if there is none. */
  async get(key: string, options: CallOptions = {}): Promise<MemoryRecord | undefined> {
    const { records, damaged = [] } = await this.#memory.find({ ...options, namespace: this.#parts, key }).page();
    // A damaged record is reported as such, not as missing.
    const [id] = damaged;
    return records[0] ?? (id === undefined ? undefined : await this.#memory.get(id, options));
  }

  /** Deletes the record of a key, in two requests. False if there was none. */
  async delete(key: string, options: CallOptions = {}): Promise<boolean> {
    const { records, damaged = [] } = await this.#memory.find({ ...options, namespace: this.#parts, key }).page();
    const id = records[0]?.id ?? damaged[0];
    return id !== undefined && (await this.#memory.delete(id, options));
  }

  /** Finds records in this namespace and those below it. */
  find(options: Omit<FindMemoryOptions, 'namespace' | 'key'> = {}): MemorySearch {
    return this.#memory.find({ ...options, namespace: this.#parts });
  }
}
