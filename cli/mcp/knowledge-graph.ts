/**
 * The knowledge graph of the MCP server "memory", in the memory of a user: one record for each entity and each relation.
 */
import {
  isVersionConflict,
  type MemoryCalls,
  mapConcurrent,
  objectOf,
  toPart,
} from '../../sdk/src/agent-memory/memory-calls.ts';
import type { CallOptions, MemoryRecord, RecordInfo } from '../../sdk/src/index.ts';
import { ToolRefusal } from './tool-refusal.ts';

export interface Entity {
  name: string;
  entityType: string;
  observations: string[];
}

export interface Relation {
  from: string;
  to: string;
  relationType: string;
}

export interface Graph {
  entities: Entity[];
  relations: Relation[];
}

/** An entity or a relation, with its place in the order of creation. */
interface Placed<T> {
  readonly order: number;
  readonly item: T;
}

/** Attempts to change an entity while others change it. */
const maxAttempts = 10;
/** The vault accepts texts of up to this many characters in a search. */
const maxSearchText = 256;

/** The last place in the order: the time in microseconds, or one more than the last. */
let lastOrder = 0;
function nextOrder(): number {
  lastOrder = Math.max(Date.now() * 1000, lastOrder + 1);
  return lastOrder;
}

export class KnowledgeGraph {
  readonly #memory: MemoryCalls;
  readonly #entities: readonly string[];
  readonly #relations: readonly string[];
  readonly #call: CallOptions;

  /** @param call ids of the caller and limits, for all requests */
  constructor(memory: MemoryCalls, namespace: readonly string[], call: CallOptions) {
    this.#memory = memory;
    this.#entities = [...namespace, 'entities'];
    this.#relations = [...namespace, 'relations'];
    this.#call = call;
  }

  /** @returns the entities whose names were new */
  async createEntities(entities: readonly Entity[]): Promise<Entity[]> {
    return await this.#createAll(this.#entities, entities, ({ name }) => name);
  }

  /** @returns the relations that were new */
  async createRelations(relations: readonly Relation[]): Promise<Relation[]> {
    return await this.#createAll(this.#relations, relations, relationName);
  }

  /**
   * Adds observations that the entities do not have.
   * @throws ToolRefusal if an entity does not exist; nothing is stored
   */
  async addObservations(additions: readonly { entityName: string; contents: readonly string[] }[]) {
    const names = [...new Set(additions.map(({ entityName }) => entityName))];
    const stored = await mapConcurrent(names, async (name) => await this.#findEntity(name));
    const missing = names.find((_, at) => stored[at] === undefined);
    if (missing !== undefined) throw notFound(missing);
    const added = new Map<unknown, string[]>();
    for (const name of names) {
      const own = additions.filter(({ entityName }) => entityName === name);
      const isChanged = await this.#changeEntity(name, (before) => {
        let after = before;
        for (const addition of own) {
          const fresh = addition.contents.filter((content) => !after.includes(content));
          added.set(addition, fresh);
          after = [...after, ...fresh];
        }
        return after;
      });
      if (!isChanged) throw notFound(name);
    }
    return additions.map((addition) => ({
      entityName: addition.entityName,
      addedObservations: added.get(addition) ?? [],
    }));
  }

  /** Deletes entities, then the relations that name them. */
  async deleteEntities(names: readonly string[]): Promise<void> {
    await mapConcurrent([...new Set(names)], async (name) => await this.#delete(this.#entities, name));
    const relations = await this.#allRelations();
    const stale = relations.filter(({ item: { from, to } }) => names.includes(from) || names.includes(to));
    await this.deleteRelations(stale.map(({ item }) => item));
  }

  async deleteObservations(deletions: readonly { entityName: string; observations: readonly string[] }[]) {
    for (const { entityName, observations } of deletions)
      await this.#changeEntity(entityName, (before) => before.filter((one) => !observations.includes(one)));
  }

  async deleteRelations(relations: readonly Relation[]): Promise<void> {
    const names = [...new Set(relations.map(relationName))];
    await mapConcurrent(names, async (name) => await this.#delete(this.#relations, name));
  }

  async read(): Promise<Graph> {
    const [entities, relations] = await Promise.all([this.#allEntities(), this.#allRelations()]);
    return graphOf(entities, relations);
  }

  /** Entities with a text in the name, the type or an observation, ignoring case; and the relations that name them. */
  async search(query: string): Promise<Graph> {
    const text = query !== '' && query.length <= maxSearchText && query.isWellFormed() ? query : undefined;
    const [found, relations] = await Promise.all([this.#allEntities(text), this.#allRelations()]);
    const wanted = foldCase(query);
    // The vault also finds names of members.
    const entities = found.filter(({ item: { name, entityType, observations } }) =>
      [name, entityType, ...observations].some((one) => foldCase(one).includes(wanted)),
    );
    return graphOf(entities, relations, entities);
  }

  /** Entities with these names, and the relations that name them. */
  async open(names: readonly string[]): Promise<Graph> {
    const [found, relations] = await Promise.all([
      mapConcurrent([...new Set(names)], async (name) => await this.#findEntity(name)),
      this.#allRelations(),
    ]);
    const entities = found.flatMap((one) => one?.placed ?? []);
    return graphOf(entities, relations, entities);
  }

  async #createAll<T extends Entity | Relation>(
    namespace: readonly string[],
    items: readonly T[],
    nameOf: (item: T) => string,
  ): Promise<T[]> {
    const names = items.map(nameOf);
    const fresh = items.filter((_, at) => names.indexOf(names[at] ?? '') === at);
    const ordered = fresh.map((item) => ({ item, order: nextOrder() }));
    const isNew = await mapConcurrent(ordered, async ({ item, order }) => {
      const place = { namespace, key: await toPart(nameOf(item)) };
      return await unlessConflict(this.#memory.upsert({ ...item, order }, { ...place, ifVersion: 0, ...this.#call }));
    });
    return fresh.filter((_, at) => isNew[at]);
  }

  /** @returns false if there is no such entity */
  async #changeEntity(name: string, change: (observations: string[]) => string[]): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#findEntity(name);
      if (stored === undefined) return false;
      const { item, order } = stored.placed;
      const observations = change(item.observations);
      if (observations.length === item.observations.length) return true;
      const place = { namespace: this.#entities, key: await toPart(name), ifVersion: stored.version };
      if (await unlessConflict(this.#memory.upsert({ ...item, observations, order }, { ...place, ...this.#call })))
        return true;
      if (attempt >= maxAttempts) throw new ToolRefusal(`Others changed ${name} all the time. It was not changed`);
    }
  }

  async #findEntity(name: string): Promise<{ placed: Placed<Entity>; version: number } | undefined> {
    const record = await this.#find(this.#entities, name);
    const placed = record === undefined ? undefined : readEntity(record);
    return record === undefined || placed === undefined ? undefined : { placed, version: record.version };
  }

  async #find(namespace: readonly string[], name: string): Promise<MemoryRecord | undefined> {
    const place = { namespace, key: await toPart(name) };
    const { records, damaged = [] } = await this.#memory.find({ ...place, ...this.#call }).page();
    const [id] = damaged;
    // Reading a damaged record fails with the error that says so.
    return records[0] ?? (id === undefined ? undefined : await this.#memory.get(id, this.#call));
  }

  async #delete(namespace: readonly string[], name: string): Promise<void> {
    const record = await this.#find(namespace, name);
    if (record !== undefined) await this.#memory.delete(record.id, this.#call);
  }

  async #allEntities(text?: string): Promise<Placed<Entity>[]> {
    const found = this.#memory.find({ namespace: this.#entities, text, ...this.#call });
    return (await found.toArray()).flatMap((record) => readEntity(record) ?? []);
  }

  async #allRelations(): Promise<Placed<Relation>[]> {
    const found = this.#memory.find({ namespace: this.#relations, ...this.#call });
    return (await found.toArray()).flatMap((record) => readRelation(record) ?? []);
  }
}

const relationName = ({ from, to, relationType }: Relation): string => JSON.stringify([from, to, relationType]);

const notFound = (name: string) => new ToolRefusal(`Entity with name ${name} not found`);

/** The comparison of the vault. */
const foldCase = (text: string): string => text.normalize('NFKC').toLowerCase();

/** False if the record had another version. */
async function unlessConflict(write: Promise<RecordInfo>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isVersionConflict(error)) return false;
    throw error;
  }
}

/** @param ends the relations are those that name at least one of these entities. Default: all relations */
function graphOf(
  entities: readonly Placed<Entity>[],
  relations: readonly Placed<Relation>[],
  ends?: readonly Placed<Entity>[],
): Graph {
  const names = new Set(ends?.map(({ item }) => item.name));
  const shown = relations.filter(({ item: { from, to } }) => ends === undefined || names.has(from) || names.has(to));
  return { entities: inOrder(entities), relations: inOrder(shown) };
}

const inOrder = <T>(items: readonly Placed<T>[]): T[] =>
  items.toSorted((a, b) => a.order - b.order).map(({ item }) => item);

function readEntity({ data }: MemoryRecord): Placed<Entity> | undefined {
  const { name, entityType, observations, order } = objectOf(data) ?? {};
  if (typeof name !== 'string' || typeof entityType !== 'string' || !Array.isArray(observations)) return undefined;
  return { item: { name, entityType, observations: observations.map(String) }, order: Number(order) };
}

function readRelation({ data }: MemoryRecord): Placed<Relation> | undefined {
  const { from, to, relationType, order } = objectOf(data) ?? {};
  if (typeof from !== 'string' || typeof to !== 'string' || typeof relationType !== 'string') return undefined;
  return { item: { from, to, relationType }, order: Number(order) };
}
