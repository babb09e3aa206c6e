/**
 * The keys of all epochs that this device has (docs/format-devices.md, sections 3 and 5). They come from the wraps of the
 * entries that began the epochs, and from the wraps of the entry that added this device.
 */
import type { ChainState } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { destroyEpochKey, type EpochKey, openEarlierUmk, openEpochKey } from '../../../core/devices/epoch-keys.ts';
import { keyWrapsHash, openKeyWraps, readKeyWraps } from '../../../core/devices/key-wraps.ts';
import { parseRosterBody } from '../../../core/devices/roster-body.ts';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes, u64Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes, decodeU32Field, decodeU64Field } from '../../../core/encoding/field-reader.ts';
import { stopError } from './device-errors.ts';
import type { SyncNotice } from './device-types.ts';
import { paddedNumber, StoreBatch, stored, type VaultStore } from './vault-store.ts';
import type { AppliedEntry } from './verified-page.ts';

/** Wraps that this device keeps. Their hash was verified; empty if the service did not have them. */
interface KeptWraps {
  readonly seq: number;
  readonly epoch: number;
  readonly hash: Bytes;
  readonly wraps: Bytes;
}

const encodeKept = ({ seq, epoch, hash, wraps }: KeptWraps): Bytes =>
  encodeFieldBytes(u64Bytes(seq), u32Bytes(epoch), hash, wraps);

function decodeKept(bytes: Bytes): KeptWraps {
  const [seq, epoch, hash, wraps] = decodeFieldBytes(bytes) ?? [];
  return {
    seq: stored(decodeU64Field(seq)),
    epoch: stored(decodeU32Field(epoch)),
    hash: stored(hash),
    wraps: stored(wraps),
  };
}

const wrapsName = (epoch: number): string => `wraps/${paddedNumber(epoch)}`;
const joinName = 'wraps/join';
const keyPrefix = 'umk/';
const keyName = (epoch: number): string => keyPrefix + paddedNumber(epoch);
const noBytes = new Uint8Array(0);

export class EpochKeyring {
  readonly #scope: VaultScope;
  readonly #device: DeviceKeys;
  readonly #keys: ReadonlyMap<number, EpochKey>;
  /** By name. */
  readonly #kept: ReadonlyMap<string, KeptWraps>;

  constructor(
    scope: VaultScope,
    device: DeviceKeys,
    keys: ReadonlyMap<number, EpochKey> = new Map(),
    kept: ReadonlyMap<string, KeptWraps> = new Map(),
  ) {
    this.#scope = scope;
    this.#device = device;
    this.#keys = keys;
    this.#kept = kept;
  }

  /** @throws DeviceVaultError storage_damaged, also for a key that the verified chain does not know */
  static async load(store: VaultStore, device: DeviceKeys, state: ChainState): Promise<EpochKeyring> {
    const { scope } = state;
    const keys = new Map<number, EpochKey>();
    for await (const [name, umk] of store.items(keyPrefix)) {
      const epoch = Number(name.slice(keyPrefix.length));
      const { commitment } = stored(state.epochs[epoch - 1]);
      keys.set(epoch, stored(await openEpochKey(scope, epoch, umk, commitment).catch(() => undefined)));
    }
    const kept = new Map<string, KeptWraps>();
    for await (const [name, bytes] of store.items('wraps/')) kept.set(name, decodeKept(bytes));
    return await new EpochKeyring(scope, device, keys, kept).#withKeptWraps(store, state);
  }

  /**
   * Opens kept wraps that another member could not open: the recovery member can have read the entry that replaced it by
   * this device.
   */
  async #withKeptWraps(store: VaultStore, state: ChainState): Promise<EpochKeyring> {
    if (this.#keys.has(state.epoch)) return this;
    const batch = new StoreBatch();
    const keys = new Map(this.#keys);
    for (const wraps of this.#kept.values()) await this.#open(wraps, state, keys, []);
    const opened = await this.#completed(state, keys, this.#kept, batch, []);
    if (batch.puts.size > 0) await store.write(batch);
    return opened;
  }

  key(epoch: number): EpochKey | undefined {
    return this.#keys.get(epoch);
  }

  /** Zeroes all keys. */
  destroy(): void {
    for (const key of this.#keys.values()) destroyEpochKey(key);
  }

  /**
   * The keyring after these entries. Stages new keys and wraps.
   * @param made the keys of an epoch that this device began itself
   * @throws DeviceVaultError bad_envelope if wraps are not those of their entry
   */
  async after(
    applied: readonly AppliedEntry[],
    batch: StoreBatch,
    notices: SyncNotice[],
    made?: EpochKey,
  ): Promise<EpochKeyring> {
    const last = applied.at(-1);
    if (last === undefined) return this;
    const kept = new Map(this.#kept);
    const fresh: KeptWraps[] = [];
    for (const one of applied) {
      const found = await this.#wrapsOf(one);
      if (found === undefined) continue;
      kept.set(found.name, found);
      fresh.push(found);
      batch.put(found.name, encodeKept(found));
    }
    const keys = new Map(this.#keys);
    const { after: state } = last;
    const commitment = made === undefined ? undefined : state.epochs[made.epoch - 1]?.commitment;
    if (made !== undefined && commitment !== undefined && equalBytes(commitment, made.commitment))
      keys.set(made.epoch, made);
    for (const wraps of fresh) await this.#open(wraps, state, keys, notices);
    return await this.#completed(state, keys, kept, batch, notices);
  }

  /** Wraps that the service did not have, and that would open keys. */
  missing(): readonly Pick<KeptWraps, 'seq' | 'epoch'>[] {
    const isUseful = ({ epoch }: KeptWraps) => !this.#keys.has(epoch) || (epoch > 1 && !this.#keys.has(epoch - 1));
    return [...this.#kept.values()].filter((one) => one.wraps.length === 0 && isUseful(one));
  }

  /** The keyring with wraps that the service has now. Wraps with another hash are ignored. */
  async withWraps(seq: number, wraps: Bytes, state: ChainState, batch: StoreBatch): Promise<EpochKeyring> {
    const hash = await keyWrapsHash(wraps);
    const kept = new Map(this.#kept);
    const keys = new Map(this.#keys);
    for (const [name, one] of this.#kept) {
      if (one.seq !== seq || !equalBytes(one.hash, hash)) continue;
      const found = { ...one, wraps };
      kept.set(name, found);
      batch.put(name, encodeKept(found));
      await this.#open(found, state, keys, []);
    }
    return await this.#completed(state, keys, kept, batch, []);
  }

  /** The wraps of an entry, if this device needs them. */
  async #wrapsOf(one: AppliedEntry): Promise<(KeptWraps & { readonly name: string }) | undefined> {
    const { before, after, entry } = one;
    const { seq } = entry;
    if (one.voidReason !== undefined) return undefined;
    if (after.epoch > before.epoch) {
      const { epoch } = after;
      const hash = stored(after.epochs[epoch - 1]).wraps;
      return { name: wrapsName(epoch), seq, epoch, hash, wraps: await verifiedWraps(one, hash) };
    }
    const isOwn = after.members.has(this.#device.id) && !before.members.has(this.#device.id);
    if (entry.kind !== 'add' || !isOwn) return undefined;
    const body = await parseRosterBody('add', entry.body);
    if (body?.kind !== 'add') return undefined;
    return { name: joinName, seq, epoch: after.epoch, hash: body.wraps, wraps: await verifiedWraps(one, body.wraps) };
  }

  /** Opens the wrap of this device. */
  async #open(
    { seq, epoch, hash, wraps }: KeptWraps,
    state: ChainState,
    keys: Map<number, EpochKey>,
    notices: SyncNotice[],
  ): Promise<void> {
    const commitment = state.epochs[epoch - 1]?.commitment;
    if (keys.has(epoch) || commitment === undefined) return;
    const expected = { epoch, commitment, hash };
    const opened =
      wraps.length === 0
        ? undefined
        : await openKeyWraps(this.#scope, this.#device, wraps, expected).catch(() => undefined);
    const since = state.members.get(this.#device.id)?.since;
    if (opened !== undefined) keys.set(epoch, opened.key);
    // Epochs from before this device joined have no wrap for it; their keys come from the history boxes.
    else if (since !== undefined && seq >= since)
      notices.push({ seq, kind: 'no_key', detail: `this device has no key of epoch ${epoch}` });
  }

  /** Opens earlier keys by the history boxes, stages new keys, and makes the new keyring. */
  async #completed(
    state: ChainState,
    keys: Map<number, EpochKey>,
    kept: ReadonlyMap<string, KeptWraps>,
    batch: StoreBatch,
    notices: SyncNotice[],
  ): Promise<EpochKeyring> {
    for (let epoch = state.epoch; epoch > 1; epoch--) {
      const [key, wraps] = [keys.get(epoch), kept.get(wrapsName(epoch))];
      // Known boxes were opened when they came.
      const isKnown = this.#keys.has(epoch) && this.#kept.get(wrapsName(epoch)) === wraps;
      if (key === undefined || wraps === undefined || wraps.wraps.length === 0 || isKnown) continue;
      if (!(await this.#openEarlier(key, wraps, state, keys))) {
        const detail = `the key of epoch ${epoch} does not open that of epoch ${epoch - 1} for new members`;
        notices.push({ seq: wraps.seq, kind: 'history_missing', detail });
      }
    }
    for (const [epoch, { umk }] of keys) if (!this.#keys.has(epoch)) batch.putSecret(keyName(epoch), umk.slice());
    return new EpochKeyring(this.#scope, this.#device, keys, kept);
  }

  /** @returns whether the key opens that of the epoch before, as members that join later need it */
  async #openEarlier(
    key: EpochKey,
    wraps: KeptWraps,
    { epochs }: ChainState,
    keys: Map<number, EpochKey>,
  ): Promise<boolean> {
    try {
      const { epoch, history } = await readKeyWraps(this.#scope, wraps.wraps, wraps.hash);
      if (epoch !== key.epoch || history === undefined) return false;
      const { commitment } = stored(epochs[history.epoch - 1]);
      const earlier = await openEarlierUmk(key, history.epoch, history.box, commitment);
      if (keys.has(history.epoch)) destroyEpochKey(earlier);
      else keys.set(history.epoch, earlier);
      return history.epoch === key.epoch - 1;
    } catch {
      return false;
    }
  }
}

/** @returns empty bytes if the service has no wraps @throws DeviceVaultError bad_envelope for other wraps */
async function verifiedWraps({ entry, wraps }: AppliedEntry, hash: Bytes): Promise<Bytes> {
  if (wraps === undefined) return noBytes;
  if (!equalBytes(await keyWrapsHash(wraps), hash)) throw stopError('other_wraps', entry.seq);
  return wraps;
}
