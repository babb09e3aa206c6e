/** What the devices of the model were promised: contents that are stored, and conflicts that wait for a person. */
import { expect } from 'vitest';
import type { DeviceRecord, RecordData, RecordType } from '../../sdk/src/device/device-types.ts';
import type { ArchivedLog } from './archived-log.ts';
import type { ModelDevice, SeededRandom } from './model-device.ts';

export const recordTypes = ['memory', 'session', 'todo', 'provider'] as const satisfies RecordType[];
export const recordIds = ['a', 'b', 'c'] as const;

/** A content by the token in it, which occurs in no other. */
export interface Promised {
  readonly type: RecordType;
  readonly id: string;
  readonly token: string;
}

const keyOf = ({ type, id }: Omit<Promised, 'token'>): string => `${type}:${id}`;
const has = (data: unknown, token: string): boolean => JSON.stringify(data ?? null).includes(token);

/** The content that a device writes after another one. */
export function nextData({ type, token }: Promised, before: RecordData | undefined, random: SeededRandom): RecordData {
  const old = Object(before);
  if (type === 'provider') return { key: token };
  if (type === 'session') return { turns: [...(Array.isArray(old.turns) ? old.turns.slice(-5) : []), token] };
  return { ...old, [random.pick(['x', 'y', 'z'])]: token };
}

export class Promises {
  readonly #archive: ArchivedLog;
  readonly #synced: Promised[] = [];
  /** The last content that each device has queued, by record. */
  readonly #queued = new Map<ModelDevice, Map<string, Promised>>();
  /** This device's content in each conflict that it has, by the id of the provider. */
  readonly #conflicts = new Map<ModelDevice, Map<string, RecordData | undefined>>();

  constructor(archive: ArchivedLog) {
    this.#archive = archive;
  }

  /** The contents of a record at a device, and those that were pruned. */
  async #allOf(device: ModelDevice, type: RecordType, id: string) {
    const history = await device.vault.records(type).history(id);
    return [...history, ...(await this.#archive.versions(device, { type, id }))].map(({ data }) => data);
  }

  #queuedOf(device: ModelDevice): Map<string, Promised> {
    const queued = this.#queued.get(device) ?? new Map();
    this.#queued.set(device, queued);
    return queued;
  }

  /** The device changes this record again, and decides itself what becomes of what it had queued. */
  forgetQueued(device: ModelDevice, record: Omit<Promised, 'token'>): void {
    this.#queuedOf(device).delete(keyOf(record));
  }

  forgetConflict(device: ModelDevice, id: string): void {
    this.#conflicts.get(device)?.delete(id);
  }

  /** What `put` answered. */
  note(device: ModelDevice, promised: Promised, { state, data }: DeviceRecord): void {
    // Of a todo, a member that another device wrote later stays.
    if (!has(data, promised.token)) expect(promised.type, 'the type of which other content is shown').toBe('todo');
    else if (state === 'synced') this.#synced.push(promised);
    else this.#queuedOf(device).set(keyOf(promised), promised);
  }

  /** A conflict ends by a decision, or because the content of this device is in the vault. */
  async noteConflicts(device: ModelDevice): Promise<void> {
    const provider = device.vault.records('provider');
    const now = new Map((await provider.conflicts()).map(({ id, mine }) => [id, mine]));
    for (const [id, mine] of this.#conflicts.get(device) ?? []) {
      if (now.has(id) || mine === undefined) continue;
      const kept = [(await provider.get(id))?.data, ...(await this.#allOf(device, 'provider', id))];
      expect(kept, `the conflict of ${id} at ${device.name}`).toContainEqual(mine);
    }
    this.#conflicts.set(device, now);
  }

  async check(devices: readonly ModelDevice[]): Promise<void> {
    const [first] = devices;
    if (first === undefined) return;
    for (const type of recordTypes) {
      const expected = await first.vault.records(type).list();
      for (const { vault } of devices) {
        expect(await vault.records(type).list()).toEqual(expected);
      }
    }
    for (const device of devices) for (const type of recordTypes) await this.#checkHistory(device, type);
    for (const { type, id, token } of this.#synced)
      expect(has(await this.#allOf(first, type, id), token), `${type} ${id} ${token}`).toBe(true);
    for (const device of devices) await this.#checkQueued(device);
  }

  /** A device lacks versions only before one that comes from a checkpoint, and has the newest one. */
  async #checkHistory(device: ModelDevice, type: RecordType): Promise<void> {
    for (const id of recordIds) {
      const history = await device.vault.records(type).history(id);
      const archived = await this.#archive.versions(device, { type, id });
      expect(history[0]?.version ?? 0, `${type} ${id} at ${device.name}`).toBe(archived.at(-1)?.version ?? 0);
      for (const { version, data } of history) expect(data).toEqual(archived[version - 1]?.data);
      const oldest = history.at(-1);
      if (!history.some(({ isFromCheckpoint }) => isFromCheckpoint)) expect(oldest?.version ?? 1).toBe(1);
      const missing = archived.filter(({ version }) => !history.some((one) => one.version === version));
      for (const { version } of missing)
        expect(history.some((one) => one.isFromCheckpoint && one.version > version)).toBe(true);
    }
  }

  async #checkQueued(device: ModelDevice): Promise<void> {
    for (const { type, id, token } of this.#queuedOf(device).values()) {
      // What became of it depends on when others wrote.
      if (type === 'todo') continue;
      const records = device.vault.records(type);
      const mine = (await records.conflicts())
        .filter((conflict) => conflict.id === id)
        .map((conflict) => conflict.mine);
      expect(has([await this.#allOf(device, type, id), mine], token), `${type} ${id} ${token} at ${device.name}`).toBe(
        true,
      );
    }
  }
}
