/** The table of values in memory: current versions and history slots in one map, by sort key. */
import { isDeepStrictEqual } from 'node:util';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseSlotKey, slotKey, slotOf } from '../../core/values/history-slots.ts';
import type { ScannedItem, ValueScanStore } from '../../lambdas/rotation/rotation-ports.ts';
import {
  isMalformed,
  type MalformedItem,
  type ReadSlot,
  type ReadValue,
  type StoredValue,
  type StoredVersion,
} from '../../lambdas/shared/ports.ts';
import type { ValueHistoryStore, ValueStore } from '../../lambdas/values/value-ports.ts';

/** The outcome of a write: done, done but the reply is lost, or rejected without effect. */
export type WriteOutcome = 'done' | 'lost' | 'refused';

type Read = StoredVersion | MalformedItem;

const isUnchanged = (now: Read | undefined, before: Read): boolean => {
  if (now === undefined || isMalformed(now) || isMalformed(before)) return isDeepStrictEqual(now, before);
  return (['life', 'version', 'writeId', 'info'] as const).every((field) => now[field] === before[field]);
};

const isSameVersion = (now: Read | undefined, before: Read): boolean =>
  now !== undefined && !isMalformed(now) && !isMalformed(before)
    ? now.life === before.life && now.version === before.version
    : isUnchanged(now, before);

export class InMemoryValueItems {
  readonly items = new Map<string, ReadValue>();
  /** Outcomes of the next writes of current items. */
  writeOutcomes: WriteOutcome[] = [];
  /** Runs before the next write of a current item. */
  beforePut: (() => Promise<void>) | undefined;
  /** Runs before the next write of a slot. */
  beforeSlotPut: (() => Promise<void>) | undefined;

  async #withOutcome(change: () => boolean): Promise<boolean> {
    const intrude = this.beforePut;
    this.beforePut = undefined;
    await intrude?.();
    const fate = this.writeOutcomes.shift() ?? 'done';
    if (fate === 'refused') throw new VaultError('unavailable');
    const held = change();
    // The AWS client repeats a write if the reply was lost. The condition then fails because of the first write.
    return fate === 'lost' ? false : held;
  }

  #deleteIfSame(key: string, before: Read): boolean {
    return isSameVersion(this.items.get(key), before) && this.items.delete(key);
  }

  readonly values: ValueStore = {
    readCurrent: async (_org, name) => this.items.get(name),
    putIfUnchanged: (_org, next, before) =>
      this.#withOutcome(() => {
        const now = this.items.get(next.name);
        if (before === undefined ? now !== undefined : !isUnchanged(now, before)) return false;
        this.items.set(next.name, next);
        return true;
      }),
    delete: async (_org, name) => this.items.delete(name),
    deleteIfSame: (_org, name, before) => this.#withOutcome(() => this.#deleteIfSame(name, before)),
    list: async (_org, prefix, after, limit) => {
      const isName = (key: string) => key >= '-' && key.startsWith(prefix) && key > (after ?? '');
      const names = [...this.items.keys()].filter(isName).sort();
      const items = names.slice(0, limit).map((name) => {
        const stored = this.items.get(name);
        return { name, stored: stored === undefined || isMalformed(stored) ? undefined : stored };
      });
      return { items, more: names.length > limit };
    },
  };

  readonly history: ValueHistoryStore = {
    put: async (_org, name, version) => {
      const intrude = this.beforeSlotPut;
      this.beforeSlotPut = undefined;
      await intrude?.();
      const key = slotKey(name, slotOf(version.version));
      const now = this.items.get(key);
      if (now !== undefined && isMalformed(now)) return false;
      const isEarlier = now?.life === version.life ? now.version <= version.version : (now?.life ?? '') < version.life;
      if (isEarlier) this.items.set(key, { ...version, name: key });
      return isEarlier;
    },
    read: async (_org, name, slots) =>
      slots.flatMap((slot): ReadSlot[] => {
        const content = this.items.get(slotKey(name, slot));
        return content === undefined ? [] : [{ slot, content }];
      }),
    deleteIfSame: async (_org, name, { slot, content }) => this.#deleteIfSame(slotKey(name, slot), content),
  };

  readonly scan: ValueScanStore = {
    scan: async (_org, after, limit) => {
      const keys = this.#keysAfter(after);
      const items = keys.slice(0, limit).map((key) => this.#scanned(key) ?? expectItem(key));
      return { items, more: keys.length > limit };
    },
    get: async (_org, key) => this.#scanned(key),
    countAfter: async (_org, after) => {
      const keys = this.#keysAfter(after);
      return { count: Math.min(keys.length, 400), last: keys.length > 400 ? keys[399] : undefined };
    },
    replaceCiphertext: async (_org, key, { value, info }, before) => {
      const now = this.items.get(key);
      if (now === undefined || isMalformed(now) || (now.info !== before.info && now.info !== info)) return false;
      this.items.set(key, { ...now, value, info });
      return true;
    },
  };

  #scanned(key: string): ScannedItem | undefined {
    const content = this.items.get(key);
    const slot = parseSlotKey(key);
    if (content === undefined) return undefined;
    return slot === undefined ? { key, name: key, slot: undefined, content } : { key, ...slot, content };
  }

  #keysAfter(after = ''): string[] {
    return [...this.items.keys()].filter((key) => key > after).sort();
  }

  /** An item that has the documented form. */
  stored(key: string): StoredValue {
    const found = this.items.get(key);
    if (found === undefined || isMalformed(found)) throw new Error(`no item ${key}`);
    return found;
  }
}

function expectItem(key: string): never {
  throw new Error(`no item ${key}`);
}
