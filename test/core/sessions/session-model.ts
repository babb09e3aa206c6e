/**
 * Random runs of several devices over a network that loses, repeats, delays and reorders messages, with crashes before
 * and after each write. What a device stores is only its `disk`. What was sent and what arrived is in lists of the model.
 *
 * The core opens messages in the order in which they arrive. It restores no order: it gives the counter with which the
 * order can be restored. So the model asserts that the counters put what a device opened into the order of the sender's
 * list. That applications get messages in this order is asserted of the SDK (test/sdk/session/order-model.test.ts).
 */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Bytes, toHex } from '../../../core/encoding/bytes.ts';
import { parseFrame } from '../../../core/sessions/message-frame.ts';
import { openMessage, preKeysNeeded } from '../../../core/sessions/open-message.ts';
import {
  beginSession,
  eraseReplacedSecrets,
  expireSessions,
  isHandshakeDue,
  noSessions,
  sealMessage,
} from '../../../core/sessions/peer-sessions.ts';
import { decodePeerSessions, encodePeerSessions } from '../../../core/sessions/peer-sessions-codec.ts';
import { findChain } from '../../../core/sessions/ratchet-state.ts';
import {
  createDevice,
  day,
  PreKeys,
  peerKeysOf,
  seededRandom,
  start,
  type TestDevice,
  textOf,
} from './session-devices.ts';

interface Envelope {
  readonly from: string;
  readonly to: string;
  /** Name at the relay. */
  readonly name: number;
  readonly bytes: Bytes;
  readonly sentAt: number;
}

/** What is on the disk of a device. Every write replaces all of it at once. */
interface Disk {
  readonly sets: ReadonlyMap<string, Bytes>;
  readonly outgoing: readonly Envelope[];
  /** Names of the messages that were processed, and the texts that were opened. */
  readonly processed: ReadonlySet<number>;
  readonly texts: readonly { readonly from: string; readonly text: string; readonly counter: number }[];
  readonly counters: ReadonlyMap<string, number>;
}

/** What the model remembers of a message, whatever its sender and its recipient store. */
interface Written {
  readonly name: number;
  readonly text: string;
}

class Crash extends Error {}

export interface ModelOptions {
  readonly seed: string;
  readonly devices: number;
  readonly steps: number;
  /** Share of the messages that are lost, from 0 to 1. */
  readonly loss: number;
}

class ModelDevice {
  readonly own: TestDevice;
  readonly preKeys: PreKeys;
  disk: Disk;

  constructor(own: TestDevice, random: (length: number) => Bytes) {
    this.own = own;
    this.preKeys = new PreKeys(random);
    this.disk = { sets: new Map(), outgoing: [], processed: new Set(), texts: [], counters: new Map() };
  }

  get id(): string {
    return this.own.device.id;
  }

  setFor(peer: ModelDevice) {
    const stored = this.disk.sets.get(peer.id);
    return stored === undefined ? noSessions(peerKeysOf(peer.own)) : decodePeerSessions(stored);
  }
}

/** One run. @returns what happened, for the assertions of the caller */
export class SessionModel {
  readonly devices: readonly ModelDevice[];
  readonly counts = { sent: 0, lost: 0, delivered: 0, repeated: 0, crashes: 0, handshakes: 0, refused: 0 };
  readonly #random: (length: number) => Bytes;
  readonly #options: ModelOptions;
  #network: Envelope[] = [];
  #now = start;
  #name = 0;
  /** What each device sent to each other one, in the order in which it did. */
  readonly #written = new Map<string, Written[]>();
  /** Names of the messages that the network gave to their recipients, of those that expired first, and of those that were refused. */
  readonly #reached = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #refused = new Set<number>();

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.devices = Array.from(
      { length: options.devices },
      () => new ModelDevice(createDevice(this.#random), this.#random),
    );
  }

  #below(limit: number): number {
    return Buffer.from(createHash('sha256').update(this.#random(8)).digest()).readUInt32BE() % limit;
  }

  #chance(share: number): boolean {
    return this.#below(1_000_000) < share * 1_000_000;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] ?? expect.fail('nothing to pick');
  }

  run(): this {
    for (let step = 0; step < this.#options.steps; step++) this.#step();
    // At the end, the network delivers what is left.
    for (const device of this.devices) this.#flush(device);
    while (this.#network.length > 0) this.#attempt(() => this.#deliver(0));
    return this;
  }

  #step(): void {
    const action = this.#below(100);
    if (action < 40) this.#attempt(() => this.#send(this.#pick(this.devices)));
    else if (action < 94) this.#deliverSome();
    else if (action < 97) this.#flush(this.#pick(this.devices));
    else if (action < 99) this.#now += this.#below(3_600_000);
    else this.#sleep();
  }

  #sleep(): void {
    this.#now += this.#below(6 * day);
    // The relay deletes messages after 30 days.
    const living = this.#network.filter(({ sentAt }) => this.#now - sentAt < 30 * day);
    this.#expire(this.#network.filter((one) => !living.includes(one)));
    this.#network = living;
    for (const device of this.devices) {
      const sets = new Map(device.disk.sets);
      for (const peer of this.devices) {
        if (!sets.has(peer.id)) continue;
        const expired = expireSessions(device.setFor(peer), new Set([1]), this.#now);
        sets.set(peer.id, encodePeerSessions(expired));
      }
      device.disk = { ...device.disk, sets };
    }
  }

  /** Counts the messages that nobody has opened. A message that was opened can be in the network a second time. */
  #expire(envelopes: readonly Envelope[]): void {
    for (const { name, to } of envelopes) {
      if (!this.#deviceOf(to).disk.processed.has(name)) this.#gone.add(name);
    }
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.counts.crashes++;
    }
  }

  #crashHere(): void {
    if (this.#chance(0.04)) throw new Crash();
  }

  #send(device: ModelDevice): void {
    const peer = this.#pick(this.devices.filter((one) => one !== device));
    const before = device.setFor(peer);
    let set = before;
    if (isHandshakeDue(set, this.#now)) {
      set = beginSession(set, device.own, peer.preKeys.bundle(this.#chance(0.7)), this.#now, this.#random);
      this.counts.handshakes++;
    }
    const counter = (device.disk.counters.get(peer.id) ?? 0) + 1;
    // Says nothing of its place: only the counter does.
    const text = toHex(this.#random(8));
    const content = {
      ...{
        id: this.#random(16),
        conversation: '0123456789abcdef'.repeat(2),
        counter,
        time: this.#now,
        type: 'text/plain',
      },
      ...{ head: { seq: 1, hash: new Uint8Array(32) }, body: new Uint8Array(Buffer.from(text)) },
    };
    const sealed = sealMessage(set, content, this.#now, this.#random);
    this.#crashHere();
    const name = ++this.#name;
    const envelope = { from: device.id, to: peer.id, name, bytes: sealed.bytes, sentAt: this.#now };
    device.disk = {
      ...device.disk,
      sets: new Map(device.disk.sets).set(peer.id, encodePeerSessions(sealed.set)),
      outgoing: [...device.disk.outgoing, envelope],
      counters: new Map(device.disk.counters).set(peer.id, counter),
    };
    this.#writtenBy(device, peer).push({ name, text });
    this.counts.sent++;
    eraseReplacedSecrets(before, sealed.set);
    this.#crashHere();
    this.#flush(device);
  }

  /** Sends what is stored until the relay has it. */
  #flush(device: ModelDevice): void {
    for (const envelope of device.disk.outgoing) {
      if (this.#chance(this.#options.loss)) this.counts.lost++;
      else this.#network.push(envelope);
    }
    device.disk = { ...device.disk, outgoing: [] };
  }

  #deliverSome(): void {
    if (this.#network.length === 0) return;
    this.#attempt(() => this.#deliver(this.#chance(0.4) ? this.#below(this.#network.length) : 0));
  }

  #deliver(index: number): void {
    const [envelope] = this.#network.splice(index, 1);
    if (envelope === undefined) return;
    if (this.#chance(0.1)) this.#network.push(envelope);
    const [device, peer] = [this.#deviceOf(envelope.to), this.#deviceOf(envelope.from)];
    this.#reached.add(envelope.name);
    if (device.disk.processed.has(envelope.name)) this.#repeat(device, peer, envelope);
    else this.#openOrRefuse(device, peer, envelope);
  }

  #openOrRefuse(device: ModelDevice, peer: ModelDevice, envelope: Envelope): void {
    try {
      this.#open(device, peer, envelope);
    } catch (error) {
      if (this.#isBeyondLimits(device, peer, envelope) && error instanceof DecryptionError) {
        this.#refuse(device, envelope);
        return;
      }
      // Not acknowledged, so the relay delivers it again.
      if (error instanceof Crash) this.#network.push(envelope);
      throw error;
    }
  }

  /** Whether the key of a late message was deleted: it was skipped 7 days ago, or in the sixth chain. */
  #isBeyondLimits(device: ModelDevice, peer: ModelDevice, { bytes, sentAt }: Envelope): boolean {
    const dh = parseFrame(bytes)?.dh ?? bytes;
    const hasChain = device.setFor(peer).sessions.some(({ ratchet }) => findChain(ratchet, dh) !== undefined);
    return !hasChain || this.#now - sentAt >= 7 * day;
  }

  #refuse(device: ModelDevice, { name }: Envelope): void {
    device.disk = { ...device.disk, processed: new Set(device.disk.processed).add(name) };
    this.#gone.delete(name);
    this.#refused.add(name);
    this.counts.refused++;
  }

  #open(device: ModelDevice, peer: ModelDevice, { name, bytes }: Envelope): void {
    const before = device.setFor(peer);
    const preKeys = device.preKeys.load(preKeysNeeded(before, bytes));
    const opened = openMessage(before, device.own, bytes, this.#now, preKeys);
    this.#crashHere();
    const text = { from: peer.id, text: textOf(opened.content), counter: opened.content.counter };
    device.disk = {
      ...device.disk,
      sets: new Map(device.disk.sets).set(peer.id, encodePeerSessions(opened.set)),
      processed: new Set(device.disk.processed).add(name),
      texts: [...device.disk.texts, text],
    };
    device.preKeys.delete(opened.usedOneTimeKey);
    this.#gone.delete(name);
    this.counts.delivered++;
    eraseReplacedSecrets(before, opened.set);
    this.#crashHere();
  }

  /** A message that was processed does not open again, even if the device forgot its name. */
  #repeat(device: ModelDevice, peer: ModelDevice, { bytes }: Envelope): void {
    this.counts.repeated++;
    const set = device.setFor(peer);
    const preKeys = device.preKeys.load(preKeysNeeded(set, bytes));
    expect(() => openMessage(set, device.own, bytes, this.#now, preKeys)).toThrow('could not be decrypted');
  }

  #deviceOf(id: string): ModelDevice {
    return this.devices.find((device) => device.id === id) ?? expect.fail('no device');
  }

  #writtenBy(from: ModelDevice, to: ModelDevice): Written[] {
    const pair = `${from.id}/${to.id}`;
    const written = this.#written.get(pair) ?? [];
    this.#written.set(pair, written);
    return written;
  }

  /** Texts of one device that must have opened at another one, in the order in which they were sent. */
  #expectedOf(from: ModelDevice, to: ModelDevice): string[] {
    return this.#writtenBy(from, to)
      .filter(({ name }) => this.#reached.has(name) && !this.#gone.has(name) && !this.#refused.has(name))
      .map(({ text }) => text);
  }

  /** Every message that the network delivered was opened exactly once, by its recipient, and no other was. */
  assertEachOpenedOnce(): void {
    for (const device of this.devices) {
      const expected = this.devices.flatMap((peer) => this.#expectedOf(peer, device));
      expect(device.disk.texts.map(({ text }) => text).toSorted()).toEqual(expected.toSorted());
    }
  }

  /** Every message that was sent was lost, expired, refused for its age, or opened. */
  assertNoneMissing(): void {
    const { sent, delivered, lost, refused } = this.counts;
    expect(delivered + lost + refused + this.#gone.size).toBe(sent);
    expect(refused).toBeLessThanOrEqual(sent * 0.02);
  }

  /** By the counters inside, what opened is in the order of its sender's list, whatever the order of arrival. */
  assertOrderOfSenders(): void {
    for (const device of this.devices)
      for (const peer of this.devices) {
        const opened = device.disk.texts.filter(({ from }) => from === peer.id);
        const ordered = opened.toSorted((a, b) => a.counter - b.counter).map(({ text }) => text);
        expect(ordered).toEqual(this.#expectedOf(peer, device));
      }
  }

  /** Whether the network changed the order in which messages opened: otherwise their order proves nothing. */
  get hasReordered(): boolean {
    return this.devices.some(({ disk: { texts } }) =>
      this.devices.some(({ id }) => {
        const counters = texts.filter(({ from }) => from === id).map(({ counter }) => counter);
        return counters.some((counter, at) => counter < (counters[at - 1] ?? 0));
      }),
    );
  }
}
