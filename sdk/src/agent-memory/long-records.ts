/**
 * Records with a text of any length up to some megabytes. A text that does not fit into one record is divided into
 * parts, each of which is a record. A reader sees the whole of one write, never parts of two.
 */

import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import type { MemoryRecord } from '../memory/memory-types.ts';
import { utf8Length } from '../shared/argument-validation.ts';
import { createError } from '../shared/errors.ts';
import { deleteAll, isVersionConflict, type MemoryCalls, mapConcurrent, objectOf } from './memory-calls.ts';

/** Maximum bytes of a text as JSON that stays in the record itself. The record holds up to 64 KiB with its fields. */
const inlineBytes = 48_000;
/** Maximum bytes of a part as JSON. */
const partBytes = 60_000;
/** Maximum number of parts: about 15 MB of text. */
const maxParts = 256;
/** Attempts to read or replace a record while others replace it. */
const maxAttempts = 10;
/** Maximum wait before the second attempt, milliseconds. */
const backoffMs = 50;

/** Where a record is. Its parts are in the namespace `parts`, in which no other records may be. */
export interface RecordPlace {
  readonly namespace: readonly string[];
  readonly key: string;
  readonly parts: readonly string[];
}

export interface LongRecord {
  /** Short members that are stored in the record itself. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface LongRecordOptions {
  /** Members of `fields` to filter by. */
  readonly index?: readonly string[];
}

export class LongRecords {
  readonly #memory: MemoryCalls;

  constructor(memory: MemoryCalls) {
    this.#memory = memory;
  }

  /**
   * Stores a record unless there is one.
   * @returns false if there is one, which is not changed
   * @throws AnimaError record_too_large
   */
  async create(place: RecordPlace, record: LongRecord, options: LongRecordOptions = {}): Promise<boolean> {
    const data = await this.#prepare(place, record);
    return (await this.#store(place, data, { ...options, ifVersion: 0 })) === undefined;
  }

  /**
   * Stores a record, or replaces it.
   * @param update from the stored record; undefined if there is none. Called again if another writer came in between.
   * Nothing is stored if it returns undefined
   * @throws AnimaError record_too_large; version_conflict if other writers always came in between
   */
  async update(
    place: RecordPlace,
    update: (stored: LongRecord | undefined) => LongRecord | undefined | Promise<LongRecord | undefined>,
    options: LongRecordOptions = {},
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#find(place);
      const next = await update(stored === undefined ? undefined : await this.open(place, stored));
      if (next === undefined) return;
      const data = await this.#prepare(place, next);
      const conflict = await this.#store(place, data, { ...options, ifVersion: stored?.version ?? 0 });
      if (conflict !== undefined && attempt >= maxAttempts) throw conflict;
      if (conflict === undefined) {
        if (stored !== undefined) await this.#removeParts(place, stored.data);
        return;
      }
      // Without a random wait, one of several writers can be too late each time.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * attempt * backoffMs));
    }
  }

  /** @throws AnimaError decryption_failed, if parts are missing */
  async get(place: RecordPlace): Promise<LongRecord | undefined> {
    const stored = await this.#find(place);
    return stored === undefined ? undefined : await this.open(place, stored);
  }

  /** Reads the text of a record that was found. If the record was replaced in the meantime, returns the new one. */
  async open(place: RecordPlace, found: MemoryRecord): Promise<LongRecord> {
    let stored: MemoryRecord | undefined = found;
    for (let attempt = 1; stored !== undefined && attempt <= maxAttempts; attempt++) {
      const { set, count, text, ...fields } = objectOf(stored.data) ?? {};
      if (typeof text === 'string') return { fields, text };
      const whole = await this.#readParts(place, String(set), Number(count));
      if (whole !== undefined) return { fields, text: whole };
      stored = await this.#find(place);
    }
    throw createError('decryption_failed', { detail: 'parts of the record are missing. Nothing was returned' });
  }

  /** Deletes a record and its parts. */
  async delete(place: RecordPlace): Promise<boolean> {
    const stored = await this.#find(place);
    return stored !== undefined && (await this.remove(place, stored));
  }

  /** Deletes a record that was found, and its parts. */
  async remove(place: Pick<RecordPlace, 'parts'>, found: MemoryRecord): Promise<boolean> {
    const deleted = await this.#memory.delete(found.id, {});
    await this.#removeParts(place, found.data);
    return deleted;
  }

  async #find(place: RecordPlace): Promise<MemoryRecord | undefined> {
    const { records, damaged = [] } = await this.#memory.find(locationOf(place)).page();
    const [id] = damaged;
    // Reading a damaged record fails with the error that says so.
    return records[0] ?? (id === undefined ? undefined : await this.#memory.get(id));
  }

  /** The data of the record. Stores the parts first, so that a record never names parts that are not there. */
  async #prepare(place: RecordPlace, { fields, text }: LongRecord): Promise<Record<string, unknown>> {
    if (utf8Length(JSON.stringify(text)) <= inlineBytes) return { ...fields, text };
    const parts = divide(text);
    if (parts.length > maxParts)
      throw createError('record_too_large', {
        detail: `the text has ${utf8Length(text)} bytes, more than ${maxParts} records hold. Nothing was stored`,
      });
    const set = createTimeId(Date.now(), crypto.getRandomValues(new Uint8Array(16)));
    await mapConcurrent(parts, async (part, at) => {
      await this.#memory.upsert({ at, part }, { namespace: [...place.parts, set], key: String(at) });
    });
    return { ...fields, set, count: parts.length };
  }

  /** Stores prepared data. Returns the error if the record has another version: its parts are removed then. */
  async #store(
    place: RecordPlace,
    data: Record<string, unknown>,
    options: LongRecordOptions & { ifVersion: number },
  ): Promise<Error | undefined> {
    try {
      await this.#memory.upsert(data, { ...locationOf(place), ...options });
      return undefined;
    } catch (error) {
      // After another failure, the record might have been stored: its parts must stay.
      if (!isVersionConflict(error)) throw error;
      await this.#removeParts(place, data);
      return error;
    }
  }

  async #readParts(place: RecordPlace, set: string, count: number): Promise<string | undefined> {
    const found = await this.#memory.find({ namespace: [...place.parts, set] }).toArray();
    const parts = found.map(({ data }) => objectOf(data) ?? {});
    parts.sort((a, b) => Number(a.at) - Number(b.at));
    return parts.length === count ? parts.map(({ part }) => String(part)).join('') : undefined;
  }

  /**
   * Removes parts that no record names. A failure is ignored: the write has succeeded, and nobody can find the parts.
   * They are deleted with the namespace.
   */
  async #removeParts(place: Pick<RecordPlace, 'parts'>, data: unknown): Promise<void> {
    const { set } = objectOf(data) ?? {};
    if (typeof set !== 'string') return;
    await deleteAll(this.#memory, [...place.parts, set]).catch(() => undefined);
  }
}

const locationOf = ({ namespace, key }: RecordPlace) => ({ namespace, key });

/** Divides a text into parts whose JSON fits into a record. No character is divided. */
export function divide(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + partBytes);
    while (utf8Length(JSON.stringify(text.slice(at, end))) > partBytes) end = at + Math.ceil((end - at) / 2);
    if (end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))) end--;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts;
}
