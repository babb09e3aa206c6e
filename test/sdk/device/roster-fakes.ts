/** A service and an engine in memory: what pairing, device management and recovery need of them. */
import { expect } from 'vitest';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { isRosterKind, parseSignedEntry, signEntry } from '../../../core/devices/chain-entry.ts';
import { type ChainState, initialState } from '../../../core/devices/chain-state.ts';
import { type DeviceKeys, generateDeviceKeys } from '../../../core/devices/device-keys.ts';
import { type EpochKey, openEarlierUmk } from '../../../core/devices/epoch-keys.ts';
import { openKeyWraps, readKeyWraps } from '../../../core/devices/key-wraps.ts';
import { parseRosterBody } from '../../../core/devices/roster-body.ts';
import { draftEntry, draftRoster, nextEpochKey } from '../../../core/devices/write-entry.ts';
import { type Bytes, equalBytes } from '../../../core/encoding/bytes.ts';
import type {
  ApproverRequests,
  NewDeviceRequests,
  PairingClock,
  PairingPlace,
} from '../../../sdk/src/device/pairing/pairing-ports.ts';
import type { ApprovalMessage } from '../../../sdk/src/device/pending-entry.ts';
import type { AppendedEntry, EngineView, EntryDraft, VaultEngine } from '../../../sdk/src/device/vault-engine-types.ts';
import type { CallSettings } from '../../../sdk/src/shared/client-options.ts';
import { createError } from '../../../sdk/src/shared/errors.ts';
import { memberOf, scope, time } from '../../core/devices/vault-simulator.ts';

export const settings: CallSettings = {
  signal: undefined,
  timeout: 30_000,
  maxRetries: 0,
  callerHeaders: {},
  outcomeHint: '',
};

export interface StoredEntry {
  readonly signed: Bytes;
  readonly wraps: Bytes | undefined;
}

type Reader = 'new' | 'approver';

/** Keeps the log and the messages of pairings, and counts requests. `alter…` make it hostile. */
export class MemoryService {
  readonly log: StoredEntry[] = [];
  recoveryBox: Bytes | undefined;
  readonly pairings = new Map<string, { expiresAt: string; new: Bytes[]; approver: Bytes[] }>();
  /** Names of all requests, in their order. */
  readonly requests: string[] = [];
  alterLog: (log: readonly StoredEntry[]) => readonly StoredEntry[] | Promise<readonly StoredEntry[]> = (log) => log;
  alterPairing: (place: PairingPlace, reader: Reader) => PairingPlace | Promise<PairingPlace> = (place) => place;
  /** Whether it also answers devices that are no members. */
  answersAll = false;
  /** Runs before an entry is appended: another device that is faster. */
  beforeAppend: (() => Promise<void>) | undefined;

  #place(pairing: string): { expiresAt: string; new: Bytes[]; approver: Bytes[] } {
    const place = this.pairings.get(pairing);
    if (place === undefined) throw createError('pairing_not_found', {});
    return place;
  }

  async #seenBy(reader: Reader, pairing: string): Promise<PairingPlace> {
    const place = this.#place(pairing);
    const copy = { pairing, expiresAt: place.expiresAt, new: [...place.new], approver: [...place.approver] };
    return await this.alterPairing(copy, reader);
  }

  #put(side: Reader, pairing: string, step: number, message: Bytes): Promise<PairingPlace> {
    expect(message.length).toBeLessThanOrEqual(1_024);
    if (step === 1 && !this.pairings.has(pairing))
      this.pairings.set(pairing, { expiresAt: time, new: [], approver: [] });
    const messages = this.#place(pairing)[side];
    const before = messages[step - 1];
    const isRoom = before === undefined ? messages.length === step - 1 : equalBytes(before, message);
    if (!isRoom) throw createError('pairing_conflict', {});
    messages[step - 1] = message;
    return this.#seenBy(side, pairing);
  }

  /** Stores an entry, and the message that came with it. */
  store(entry: StoredEntry, approval: ApprovalMessage | undefined): void {
    const messages = approval && this.#place(approval.pairing).approver;
    const [before] = messages ?? [];
    if (before !== undefined && approval !== undefined && !equalBytes(before, approval.message))
      throw createError('pairing_conflict', {});
    this.log.push(entry);
    if (messages === undefined || approval === undefined) return;
    expect(approval.message.length).toBeLessThanOrEqual(1_024);
    messages[0] = approval.message;
  }

  readonly newDevice: NewDeviceRequests = {
    put: async (pairing, step, message) => {
      this.requests.push(`new put ${step}`);
      return await this.#put('new', pairing, step, message);
    },
    get: async (pairing) => {
      this.requests.push('new get');
      return await this.#seenBy('new', pairing);
    },
  };

  readonly approver: ApproverRequests = {
    list: async () => {
      this.requests.push('approver list');
      return await Promise.all([...this.pairings.keys()].map((pairing) => this.#seenBy('approver', pairing)));
    },
    put: async (pairing, message) => {
      this.requests.push('approver put 1');
      return await this.#put('approver', pairing, 1, message);
    },
    delete: async (pairing) => {
      this.requests.push('approver delete');
      this.pairings.delete(pairing);
    },
  };
}

/** A verifier and writer without storage. */
export class MemoryEngine implements VaultEngine {
  readonly scope = scope;
  readonly keys: DeviceKeys;
  readonly service: MemoryService;
  state: ChainState = initialState(scope);
  readonly epochKeys = new Map<number, EpochKey>();
  readonly #entries: StoredEntry[] = [];

  constructor(service: MemoryService, keys: DeviceKeys) {
    this.service = service;
    this.keys = keys;
  }

  get view(): EngineView {
    return {
      state: this.state,
      key: (epoch) => this.epochKeys.get(epoch),
      currentKey: () => this.epochKeys.get(this.state.epoch) ?? expect.fail('no key'),
    };
  }

  async pull(): Promise<readonly never[]> {
    this.service.requests.push(`${this.keys.id.slice(0, 4)} log`);
    const log = await this.service.alterLog([...this.service.log]);
    const isMember = (state: ChainState) => state.members.has(this.keys.id);
    const stored = await replay(this.service.log);
    if (!this.service.answersAll && !isMember(stored)) throw createError('device_refused', {});
    await this.#apply(log.slice(this.state.head.seq));
    return [];
  }

  /** Reads the log of a service that ignores who asks. */
  pullAll(): Promise<void> {
    return this.#apply(this.service.log.slice(this.state.head.seq));
  }

  async #apply(entries: readonly StoredEntry[]): Promise<void> {
    let { state } = this;
    const accepted: StoredEntry[] = [];
    for (const entry of entries) {
      const outcome = await applyEntry(state, entry.signed);
      // The engine of the SDK has a code for this; here any error that is none of pairing.
      if (outcome.result === 'stop') throw new Error(`bad_envelope ${outcome.reason}`);
      ({ state } = outcome);
      accepted.push(entry);
    }
    this.state = state;
    for (const entry of accepted) {
      this.#entries.push(entry);
      await this.#open(entry);
    }
  }

  async #open({ signed, wraps }: StoredEntry): Promise<void> {
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string' || !isRosterKind(entry.kind) || wraps === undefined) return;
    const body = await parseRosterBody(entry.kind, entry.body);
    if (body === undefined || !('wraps' in body)) return;
    const epoch = body.kind === 'add' ? entry.epoch : entry.epoch + 1;
    const expected = { epoch, commitment: body.commitment, hash: body.wraps };
    const opened = await openKeyWraps(scope, this.keys, wraps, expected).catch(() => undefined);
    if (opened === undefined) return;
    this.epochKeys.set(epoch, opened.key);
    await this.#openHistory(opened.key);
  }

  async #openHistory(key: EpochKey): Promise<void> {
    const facts = this.state.epochs[key.epoch - 1];
    const before = this.state.epochs[key.epoch - 2];
    if (facts === undefined || before === undefined) return;
    for (const { wraps } of this.#entries) {
      const read = wraps && (await readKeyWraps(scope, wraps, facts.wraps).catch(() => undefined));
      if (read?.history === undefined || this.epochKeys.has(read.history.epoch)) continue;
      const commitment = this.state.epochs[read.history.epoch - 1]?.commitment ?? expect.fail();
      const earlier = await openEarlierUmk(key, read.history.epoch, read.history.box, commitment);
      this.epochKeys.set(earlier.epoch, earlier);
      await this.#openHistory(earlier);
    }
  }

  async append(draft: (view: EngineView) => Promise<EntryDraft>): Promise<AppendedEntry> {
    for (let attempt = 0; attempt < 8; attempt++) {
      const { kind, body, wraps, recoveryBox, key, approval } = await draft(this.view);
      const signed = await signEntry(
        draftEntry(this.state, this.keys.id, kind, body, time),
        this.keys.ecdsa.privateKey,
      );
      const faster = this.service.beforeAppend;
      this.service.beforeAppend = undefined;
      await faster?.();
      this.service.requests.push(`${this.keys.id.slice(0, 4)} append`);
      const outcome = await applyEntry(this.state, signed);
      if (outcome.result === 'stop') throw createError('entry_refused', { detail: outcome.reason });
      if (this.service.log.length !== this.state.head.seq) {
        await this.pull();
        continue;
      }
      this.service.store({ signed, wraps }, approval);
      this.#entries.push({ signed, wraps });
      if (recoveryBox !== undefined) this.service.recoveryBox = recoveryBox;
      this.state = outcome.state;
      if (key !== undefined && outcome.result === 'accept') this.epochKeys.set(key.epoch, key);
      const voidReason = outcome.result === 'void' ? outcome.reason : undefined;
      return { ...this.state.head, voidReason };
    }
    return expect.fail('eight races lost');
  }

  /** Takes over what another engine verified. */
  copyFrom(other: MemoryEngine): void {
    this.state = other.state;
    this.#entries.push(...other.#entries);
    for (const [epoch, key] of other.epochKeys) this.epochKeys.set(epoch, key);
  }

  async entry(seq: number): Promise<Bytes | undefined> {
    return this.#entries[seq - 1]?.signed;
  }
}

/** The state after a log that may be altered. */
export async function replay(log: readonly StoredEntry[]): Promise<ChainState> {
  let state = initialState(scope);
  for (const { signed } of log) {
    const outcome = await applyEntry(state, signed);
    if (outcome.result === 'stop') return state;
    ({ state } = outcome);
  }
  return state;
}

/** A vault with one admin device. */
export async function beginVault(service = new MemoryService()): Promise<MemoryEngine> {
  const engine = new MemoryEngine(service, await generateDeviceKeys(false));
  const key = await nextEpochKey(engine.state);
  const member = memberOf(engine.keys, 'admin');
  const drafted = await draftRoster(engine.state, { kind: 'genesis', member }, key, undefined);
  await engine.append(async () => ({ kind: 'genesis', ...drafted, key }));
  return engine;
}

/** A device that is not a member yet. */
export async function newCandidate(service: MemoryService) {
  const keys = await generateDeviceKeys(false);
  return { scope, keys, engine: new MemoryEngine(service, keys) };
}

/** A clock that a wait moves forward. Waiting yields, so that the other device goes on. */
export class FakeClock implements PairingClock {
  #now = 0;
  now(): number {
    return this.#now;
  }
  async wait(ms: number, { signal }: CallSettings): Promise<void> {
    if (signal?.aborted) throw createError('aborted', {});
    this.#now += ms / 3;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}
