/** The prekeys of this device: publishes them, replaces them after 7 days, and deletes their secrets (section 1). */
import { maxBundleMs, maxOneTimePrekeys } from '../../../../core/directory/limits.ts';
import { signBundle, signOneTimePrekey } from '../../../../core/directory/prekeys.ts';
import { type Bytes, concatBytes, u64Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeU64Field } from '../../../../core/encoding/field-reader.ts';
import type { PreKeySecrets } from '../../../../core/sessions/device-keys.ts';
import { dhKeyOf, kemKeyOf, newDhSecret, newKemSeed, randomId16 } from '../../../../core/sessions/device-secrets.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { SessionContext, Settings } from '../session-context.ts';
import { Changes } from '../storage/session-store.ts';

const day = 86_400_000;
const rotateAfter = 7 * day;
const deleteAfter = 40 * day;
const checkAfter = 3_600_000;
/** Below this number, one-time prekeys are added. */
const lowWater = 10;
const lastUsableId = 0xffff_0000;

interface Prekeys {
  readonly spk: number;
  readonly kem: number;
  readonly created: number;
  readonly bundle: Bytes;
  readonly isPublished: boolean;
  /** Signed one-time prekeys that were not confirmed by the service. */
  readonly unconfirmed: readonly Bytes[];
  readonly nextOneTime: number;
  readonly replaced: readonly { readonly spk: number; readonly kem: number; readonly at: number }[];
  /** When the number of one-time prekeys was last asked for. */
  readonly checked: number;
}

const recordName = 'prekeys';
const spkName = (id: number): string => `prekey-spk/${id}`;
const kemName = (id: number): string => `prekey-kem/${id}`;
export const oneTimeName = (id: number): string => `prekey-opk/${id}`;
const idIn = (name: string): number => Number(name.split('/')[1]);

/** Random, so that a device that was restored from a backup does not use an id twice. */
const newId = (): number => new DataView(randomId16().buffer).getUint32(0);

export class PrekeyKeeper {
  readonly #context: SessionContext;
  #isCheckDue = false;
  #isReplacementDue = false;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** A one-time prekey was used: the number is to be checked. */
  noteUse(): void {
    this.#isCheckDue = true;
  }

  /** After a restore from a backup (section 8). */
  replaceSoon(): void {
    this.#isReplacementDue = true;
  }

  /** The secrets that a first message names; undefined unless this device has all of them. */
  async secrets(needed: {
    readonly spk: number;
    readonly kem: number;
    readonly opk: number | undefined;
  }): Promise<PreKeySecrets | undefined> {
    const { store } = this.#context;
    const [secret, seed] = [await store.bytes(spkName(needed.spk)), await store.bytes(kemName(needed.kem))];
    if (secret === undefined || seed === undefined) return undefined;
    const pair = { spk: { id: needed.spk, secret }, kem: { id: needed.kem, seed } };
    if (needed.opk === undefined) return pair;
    const oneTime = await store.bytes(oneTimeName(needed.opk));
    return oneTime && { ...pair, opk: { id: needed.opk, secret: oneTime.slice(0, 32) } };
  }

  /** Ids of the signed prekeys whose secrets are there. */
  async livingSignedPrekeys(): Promise<ReadonlySet<number>> {
    const names = await this.#context.store.names('prekey-spk/');
    return new Set(names.map(idIn));
  }

  /**
   * Publishes the first bundle as soon as the device is active: without it, nobody can write to this device.
   * @throws AnimaError of the request
   */
  async publishFirst(settings: Settings): Promise<void> {
    const keys = await this.#context.turn(() => this.#context.store.item<Prekeys>(recordName));
    if (keys?.isPublished !== true) await this.upkeep(settings);
  }

  /** Does what is due. @throws AnimaError of the request */
  async upkeep(settings: Settings): Promise<void> {
    const now = this.#context.clock.now();
    let keys = await this.#context.turn(() => this.#prepare(now));
    const isCheck = this.#isCheckDue || now - keys.checked >= checkAfter;
    if (keys.isPublished && keys.unconfirmed.length === 0 && !isCheck) return;
    keys = await this.#publish(keys, now, settings);
    if (keys.unconfirmed.length > 0) await this.#publish(keys, now, settings);
    this.#isCheckDue = false;
  }

  /** Makes the first or the next bundle, and deletes old secrets. */
  async #prepare(now: number): Promise<Prekeys> {
    const last = await this.#context.store.item<Prekeys>(recordName);
    const changes = new Changes();
    let next = last;
    if (last === undefined || now - last.created >= rotateAfter || this.#isReplacementDue) {
      next = this.#replace(last, now, changes);
    }
    if (next === undefined) throw new RangeError('no prekeys');
    next = await this.#deleteOld(next, now, changes);
    if (next !== last) changes.put(recordName, next);
    await this.#context.store.write(changes);
    this.#isReplacementDue = false;
    return next;
  }

  #replace(last: Prekeys | undefined, now: number, changes: Changes): Prekeys {
    const { own } = this.#context;
    const [spk, kem] = [newId(), newId()];
    const [secret, seed] = [newDhSecret(), newKemSeed()];
    const facts = {
      // By the clock, so that it also rises after a restore from a backup.
      seq: now,
      signedPrekey: { id: spk, key: dhKeyOf(secret) },
      kemKey: { id: kem, key: kemKeyOf(seed) },
      created: now,
      expires: now + maxBundleMs,
    };
    const bundle = signBundle(own.org, own.ik, own.device.dh, facts);
    changes.putSecret(spkName(spk), secret).putSecret(kemName(kem), seed);
    const replaced = last === undefined ? [] : [...last.replaced, { spk: last.spk, kem: last.kem, at: now }];
    const rest = last ?? { unconfirmed: [], nextOneTime: 1, checked: 0 };
    return { ...rest, spk, kem, created: now, bundle, isPublished: false, replaced };
  }

  async #deleteOld(keys: Prekeys, now: number, changes: Changes): Promise<Prekeys> {
    const isOld = ({ at }: { at: number }) => now - at >= deleteAfter;
    for (const { spk, kem } of keys.replaced.filter(isOld)) changes.delete(spkName(spk)).delete(kemName(kem));
    const oldOneTime: string[] = [];
    for (const name of await this.#context.store.names('prekey-opk/')) {
      const made = decodeU64Field((await this.#context.store.bytes(name))?.slice(32)) ?? 0;
      if (now - made >= maxBundleMs) oldOneTime.push(name);
    }
    // Those of a claim whose answer was lost stay unused. The service has at most 50, and gives the lowest first. So those
    // below the newest 50 of the old ones left it that long ago, and no message that needs them is still under way.
    const last = Math.max(...oldOneTime.map(idIn));
    for (const name of oldOneTime) if (idIn(name) <= last - maxOneTimePrekeys) changes.delete(name);
    return keys.replaced.some(isOld) ? { ...keys, replaced: keys.replaced.filter((one) => !isOld(one)) } : keys;
  }

  /** Sends bundle and one-time prekeys. If too few are left then, more are made, which are not sent yet. */
  async #publish(keys: Prekeys, now: number, settings: Settings): Promise<Prekeys> {
    const { requests, store, turn } = this.#context;
    const answer = await requests.putBundle(keys.bundle, keys.unconfirmed, settings).catch(async (error: unknown) => {
      if (!(error instanceof AnimaError) || error.retryable || keys.unconfirmed.length === 0) throw error;
      // After a restore from a backup, the service knows their ids from before.
      return await requests.putBundle(keys.bundle, [], settings);
    });
    return await turn(async () => {
      const changes = new Changes();
      const first = Math.max(keys.nextOneTime, answer.highestId + 1);
      const missing = answer.left < lowWater && first < lastUsableId ? maxOneTimePrekeys - answer.left : 0;
      const unconfirmed = Array.from({ length: Math.max(0, missing) }, (_, at) =>
        this.#newOneTime(first + at, now, changes),
      );
      const nextOneTime = unconfirmed.length === 0 ? keys.nextOneTime : first + unconfirmed.length;
      const next = { ...keys, isPublished: true, unconfirmed, nextOneTime, checked: now };
      await store.write(changes.put(recordName, next));
      return next;
    });
  }

  #newOneTime(id: number, now: number, changes: Changes): Bytes {
    const { own } = this.#context;
    const secret = newDhSecret();
    const signed = signOneTimePrekey(own.org, own.ik, own.device.dh, { id, key: dhKeyOf(secret) });
    changes.putSecret(oneTimeName(id), concatBytes(secret, u64Bytes(now)));
    secret.fill(0);
    return signed;
  }
}
