/** A checkpointer of LangGraph. */

import type { RunnableConfig } from '@langchain/core/runnables';
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP,
  writesSortKey,
} from '@langchain/langgraph-checkpoint';
import { type LongRecord, LongRecords, type RecordPlace } from '../agent-memory/long-records.ts';
import {
  checkRoot,
  deleteAll,
  isVersionConflict,
  type MemoryCalls,
  mapConcurrent,
  objectOf,
} from '../agent-memory/memory-calls.ts';
import type { MemoryRecord } from '../memory/memory-types.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { type PackedValue, packValue, unpackValue } from './packed-value.ts';
import { ThreadPlaces, threadLevels } from './thread-places.ts';

export interface AnimaSaverOptions {
  /** Where the checkpoints are stored. Default: `['langgraph-threads']`. At most 4 levels. */
  namespace?: readonly string[] | undefined;
  /** Default: the serializer of LangGraph for JSON. */
  serde?: SerializerProtocol | undefined;
}

/** Where a checkpoint belongs. */
interface CheckpointRef {
  readonly thread: string;
  readonly ns: string;
  readonly id: string;
}

/** What is stored of a checkpoint, without the values of its channels. */
interface StoredCheckpoint extends CheckpointRef {
  readonly parent: string | undefined;
  /** Channels that have values. */
  readonly channels: readonly string[];
  readonly packed: { readonly checkpoint: PackedValue; readonly metadata: PackedValue };
}

/** Attempts to name the latest checkpoint while others do. */
const maxAttempts = 20;

/**
 * Stores the checkpoints of threads in the memory of one user: `graph.compile({ checkpointer: new
 * AnimaSaver(client.memory) })`. Several processes can use one thread. Values of any size up to about 15 MB are divided
 * into records.
 */
export class AnimaSaver extends BaseCheckpointSaver {
  readonly #memory: MemoryCalls;
  readonly #records: LongRecords;
  readonly #root: readonly string[];

  /** @param memory `client.memory` of a client with a user key or a session */
  constructor(memory: MemoryCalls, options: AnimaSaverOptions = {}) {
    checkOptions(options, ['namespace', 'serde']);
    super(options.serde);
    this.#memory = memory;
    this.#records = new LongRecords(memory);
    this.#root = checkRoot(options.namespace ?? ['langgraph-threads'], threadLevels);
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const thread = optionalText(config, 'thread_id');
    if (thread === undefined) return undefined;
    const ns = optionalText(config, 'checkpoint_ns') ?? '';
    const places = await ThreadPlaces.of(this.#root, thread, ns);
    const id = optionalText(config, 'checkpoint_id') || (await this.#latest(places))?.id;
    if (id === undefined) return undefined;
    const record = await this.#records.get(await places.checkpoint(id));
    return record === undefined ? undefined : await this.#toTuple(readCheckpoint(record));
  }

  /** Checkpoints in descending order of their ids. Reads all checkpoints that the configuration selects, then sorts. */
  async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { before, filter = {}, limit = Number.POSITIVE_INFINITY } = options;
    const thread = optionalText(config, 'thread_id');
    const only = optionalText(config, 'checkpoint_id');
    const until = before === undefined ? undefined : optionalText(before, 'checkpoint_id');
    const found = (await this.#findCheckpoints(thread, optionalText(config, 'checkpoint_ns')))
      .map((record) => ({ record, ref: readRef(objectOf(record.data) ?? {}) }))
      .filter(({ ref: { id } }) => (!only || id === only) && (!until || id < until))
      .sort((a, b) => (a.ref.id < b.ref.id ? 1 : -1));
    let left = limit;
    for (const { record, ref } of found) {
      if (left <= 0) return;
      const stored = readCheckpoint(await this.#records.open(await this.#placeOf(ref), record));
      const metadata = objectOf(await unpackValue(this.serde, stored.packed.metadata)) ?? {};
      if (!Object.entries(filter).every(([name, value]) => metadata[name] === value)) continue;
      left--;
      yield await this.#toTuple(stored);
    }
  }

  /** Stores a checkpoint, and the values of the channels in `newVersions`. */
  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const [thread, ns] = [requiredText(config, 'thread_id'), optionalText(config, 'checkpoint_ns') ?? ''];
    const places = await ThreadPlaces.of(this.#root, thread, ns);
    const { channel_values: values, ...rest } = checkpoint;
    const channels = Object.keys(values).filter((name) => values[name] !== undefined);
    // The values come first, so that no checkpoint lacks any of them.
    const changed = channels.filter((name) => Object.hasOwn(newVersions, name));
    await mapConcurrent(changed, async (name) => {
      const { type, text } = await packValue(this.serde, values[name]);
      await this.#records.create(await places.value(name, newVersions[name] ?? 0), { fields: { type }, text });
    });
    const packed = {
      checkpoint: await packValue(this.serde, { ...rest, channel_values: {} }),
      metadata: await packValue(this.serde, metadata),
    };
    const parent = optionalText(config, 'checkpoint_id');
    const fields = { kind: 'checkpoint', thread, ns, id: checkpoint.id, parent, channels };
    const record = { fields, text: JSON.stringify(packed) };
    const place = await places.checkpoint(checkpoint.id);
    const index = { index: ['kind'] };
    if (!(await this.#records.create(place, record, index))) await this.#records.update(place, () => record, index);
    await this.#nameLatest(places, checkpoint.id);
    return configOf({ thread, ns, id: checkpoint.id });
  }

  /** Stores writes of a task. A repeated write is stored once, except for errors, interrupts and resumptions. */
  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ''): Promise<void> {
    const [thread, id] = [requiredText(config, 'thread_id'), requiredText(config, 'checkpoint_id')];
    const places = await ThreadPlaces.of(this.#root, thread, optionalText(config, 'checkpoint_ns') ?? '');
    await mapConcurrent(writes, async ([channel, value], at) => {
      const index = WRITES_IDX_MAP[channel] ?? at;
      const { type, text } = await packValue(this.serde, value);
      const record = { fields: { task: taskId, path: taskPath, index, channel, type }, text };
      const place = await places.write(id, taskId, index);
      if (!(await this.#records.create(place, record)) && index < 0) await this.#records.update(place, () => record);
    });
  }

  /** Deletes the checkpoints and writes of a thread. A checkpoint that is stored at the same time might remain. */
  async deleteThread(threadId: string): Promise<void> {
    const { thread } = await ThreadPlaces.of(this.#root, checkText('thread_id', threadId), '');
    await deleteAll(this.#memory, thread);
  }

  /**
   * The whole part is the number of the step. The fraction is random: two branches of a thread never give the same
   * version to different values.
   */
  override getNextVersion(current: number | undefined): number {
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    return Math.floor(current ?? 0) + 1 + random / 2 ** 32;
  }

  async #findCheckpoints(thread: string | undefined, ns: string | undefined): Promise<MemoryRecord[]> {
    const filter = { kind: 'checkpoint' };
    if (thread !== undefined) {
      const places = await ThreadPlaces.of(this.#root, thread, ns ?? '');
      return await this.#memory.find({ namespace: ns === undefined ? places.thread : places.all, filter }).toArray();
    }
    const all = await this.#memory.find({ namespace: this.#root, filter }).toArray();
    return ns === undefined ? all : all.filter(({ data }) => objectOf(data)?.ns === ns);
  }

  async #placeOf({ thread, ns, id }: CheckpointRef): Promise<RecordPlace> {
    return await (await ThreadPlaces.of(this.#root, thread, ns)).checkpoint(id);
  }

  async #toTuple({ packed, channels, parent, ...ref }: StoredCheckpoint): Promise<CheckpointTuple> {
    const places = await ThreadPlaces.of(this.#root, ref.thread, ref.ns);
    const [checkpoint, metadata, writes] = await Promise.all([
      unpackValue(this.serde, packed.checkpoint) as Promise<Checkpoint>,
      unpackValue(this.serde, packed.metadata) as Promise<CheckpointMetadata>,
      this.#readWrites(places, ref.id),
    ]);
    checkpoint.channel_values = await this.#readValues(places, channels, checkpoint.channel_versions);
    if (checkpoint.v < 4 && parent !== undefined) await this.#migrateSends(checkpoint, places, parent);
    return {
      config: configOf(ref),
      checkpoint,
      metadata,
      pendingWrites: writes,
      ...(parent === undefined ? {} : { parentConfig: configOf({ ...ref, id: parent }) }),
    };
  }

  async #readValues(
    places: ThreadPlaces,
    channels: readonly string[],
    versions: ChannelVersions,
  ): Promise<Record<string, unknown>> {
    const entries = await mapConcurrent(channels, async (name) => {
      const version = versions[name];
      const record = version === undefined ? undefined : await this.#records.get(await places.value(name, version));
      return record === undefined ? [] : [[name, await unpackValue(this.serde, packedOf(record))] as const];
    });
    return Object.fromEntries(entries.flat());
  }

  async #readWrites(places: ThreadPlaces, checkpoint: string): Promise<CheckpointPendingWrite[]> {
    const found = await this.#memory.find({ namespace: await places.writesOf(checkpoint) }).toArray();
    const writes = await mapConcurrent(found, async (stored) => {
      const { task, index } = objectOf(stored.data) ?? {};
      const record = await this.#records.open(await places.write(checkpoint, String(task), Number(index)), stored);
      const { path, channel } = record.fields;
      const value = await unpackValue(this.serde, packedOf(record));
      const write: CheckpointPendingWrite = [String(task), String(channel), value];
      return { order: writesSortKey(String(path), String(task), Number(index)), write };
    });
    return writes.sort((a, b) => compareWritesSortKeys(a.order, b.order)).map(({ write }) => write);
  }

  /** Checkpoints before version 4 kept what was sent to tasks as writes of the parent. */
  async #migrateSends(checkpoint: Checkpoint, places: ThreadPlaces, parent: string): Promise<void> {
    const writes = await this.#readWrites(places, parent);
    checkpoint.channel_values[TASKS] = writes.filter(([, channel]) => channel === TASKS).map(([, , value]) => value);
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_versions[TASKS] = versions.length > 0 ? maxChannelVersion(...versions) : 1;
  }

  async #latest(places: ThreadPlaces): Promise<{ id: string; version: number } | undefined> {
    const { records, damaged = [] } = await this.#memory.find(places.latest).page();
    // Reading a damaged record fails with the error that says so.
    const record = records[0] ?? (damaged[0] === undefined ? undefined : await this.#memory.get(damaged[0]));
    const { id } = objectOf(record?.data) ?? {};
    return record === undefined || typeof id !== 'string' ? undefined : { id, version: record.version };
  }

  /** Names a checkpoint as the latest, unless a later one is named. */
  async #nameLatest(places: ThreadPlaces, id: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const latest = await this.#latest(places);
      if (latest !== undefined && latest.id >= id) return;
      try {
        await this.#memory.upsert({ id }, { ...places.latest, ifVersion: latest?.version ?? 0 });
        return;
      } catch (error) {
        if (!isVersionConflict(error) || attempt >= maxAttempts) throw error;
      }
    }
  }
}

const configOf = ({ thread, ns, id }: CheckpointRef): RunnableConfig => ({
  configurable: { thread_id: thread, checkpoint_ns: ns, checkpoint_id: id },
});

/** @throws AnimaError invalid_argument */
function checkText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw notSentError('invalid_argument', `configurable.${name} must be a string`);
}

function optionalText(config: RunnableConfig, name: string): string | undefined {
  const value: unknown = config.configurable?.[name];
  return value === undefined || value === null ? undefined : checkText(name, value);
}

const requiredText = (config: RunnableConfig, name: string): string => checkText(name, config.configurable?.[name]);

const readRef = ({ thread, ns, id }: Readonly<Record<string, unknown>>): CheckpointRef => ({
  thread: String(thread),
  ns: String(ns),
  id: String(id),
});

function readCheckpoint({ fields, text }: LongRecord): StoredCheckpoint {
  const { parent, channels } = fields;
  return {
    ...readRef(fields),
    parent: typeof parent === 'string' ? parent : undefined,
    channels: Array.isArray(channels) ? channels.map(String) : [],
    packed: JSON.parse(text),
  };
}

const packedOf = ({ fields, text }: LongRecord): PackedValue => ({ type: String(fields.type), text });
