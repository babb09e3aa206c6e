/**
 * Random runs of devices of the SDK over a relay that drops, delays, repeats and reorders messages, and loses requests and
 * answers, while devices crash at any of their writes, restart and sleep. What each device sent is in a list of the model,
 * not of the devices.
 */
import { expect } from 'vitest';
import type { IncomingMessage } from '../../../sdk/src/session/requests/session-requests.ts';
import { ann, bob, day, fullWorld, type Given, SessionWorld, type WorldDevice } from './session-world.ts';

/** Share of the messages that a recipient never sees, and of those that it sees later. */
const dropped = 0.02;
const delayed = 0.1;
const longestDelay = 150_000;
/** A later message waits this long for one that is missing. */
const gapWait = 30_000;

/** Small deterministic numbers. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A device, and what its application did and saw. */
class Party {
  readonly device: WorldDevice;
  /** Whether the relay drops messages to this device, and delays them for longer than others wait for them. */
  readonly isWronged: boolean;
  /** Texts in the order in which the application sent them. */
  readonly written: string[] = [];
  readonly given: Given[] = [];
  /** Until when the relay hides a message of this mailbox, by its name there. */
  readonly hidden = new Map<string, number>();
  /** Names of the messages that were dropped, or delayed for long. */
  readonly wronged = new Set<string>();
  /** Messages that the device saw, to be shown again. */
  readonly seen: IncomingMessage[] = [];
  /** Whether the last message was given, but its confirmation perhaps not stored. */
  mayRepeat = false;

  constructor(device: WorldDevice, isWronged: boolean) {
    this.device = device;
    this.isWronged = isWronged;
  }

  /** Names of what is stored of sent messages. */
  get stored(): ReadonlySet<string> {
    return new Set([...this.device.storage.items.keys()].filter((name) => name.startsWith('sent/')));
  }

  take(got: readonly Given[], hasCrashed: boolean): void {
    const last = this.given.at(-1);
    const isRepeated = this.mayRepeat && got[0] !== undefined && got[0].text === last?.text;
    this.given.push(...got.slice(isRepeated ? 1 : 0));
    if (got.length > 0 || hasCrashed) this.mayRepeat = hasCrashed;
  }

  /** Whether this device told that it misses this message of a sender. */
  hasReported(from: string, counter: number): boolean {
    return this.device.notices.some(({ kind, detail }) => {
      const [, first, last, sender] = /^(\d+) to (\d+) of device (\w+) /.exec(detail) ?? [];
      return kind === 'messages_missing' && sender === from && Number(first) <= counter && counter <= Number(last);
    });
  }
}

export class OrderModel {
  readonly counts = { steps: 0, sent: 0, crashes: 0, late: 0, missing: 0, hidden: 0, repeated: 0, reordered: 0 };
  readonly #world: SessionWorld;
  readonly #parties: readonly Party[];
  readonly #conversation: string;
  readonly #random: () => number;

  constructor(world: SessionWorld, devices: readonly WorldDevice[], conversation: string, seed: number) {
    this.#world = world;
    this.#parties = devices.map((device, at) => new Party(device, at % 2 === 0));
    this.#conversation = conversation;
    this.#random = numbers(seed);
  }

  async run(steps: number): Promise<this> {
    const { relay } = this.#world;
    relay.onStored = (to, message) => this.#hide(to, message);
    relay.onReceive = (to, messages) => this.#show(to, messages);
    relay.fault = () => (this.#chance(0.06) ? 'lost_request' : this.#chance(0.06) ? 'lost_answer' : undefined);
    for (; this.counts.steps < steps; this.counts.steps++) await this.#step();
    await this.#end();
    return this;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #partyOf(id: string): Party {
    return this.#parties.find(({ device }) => device.id === id) ?? expect.fail('no device');
  }

  async #step(): Promise<void> {
    const { clock } = this.#world;
    const party = this.#parties[this.#below(this.#parties.length)] ?? expect.fail();
    const { storage } = party.device;
    this.#forget(party);
    // Loses power at one of its next writes.
    if (this.#chance(0.06))
      storage.failAt = { write: storage.writes + 1 + this.#below(8), when: this.#chance(0.5) ? 'before' : 'after' };
    const action = this.#below(100);
    if (action < 60) await this.#send(party);
    else if (action < 94) await this.#read(party);
    else if (action < 96) await this.#world.reopen(party.device);
    else if (action < 99) clock.time += this.#below(longestDelay);
    else clock.time += this.#below(3 * day);
    storage.failAt = undefined;
    clock.time += this.#below(8_000);
  }

  /** The relay needs no place for what it never shows again. */
  #forget({ device, hidden }: Party): void {
    const { order, messages } = this.#world.relay.mailbox(device.id);
    const left = order.filter((name) => messages.has(name) && hidden.get(name) !== Number.POSITIVE_INFINITY);
    order.splice(0, order.length, ...left);
  }

  #hide(to: string, { name }: IncomingMessage): void {
    const { hidden, wronged, isWronged } = this.#partyOf(to);
    const isDropped = isWronged && this.#chance(dropped);
    if (!isDropped && !this.#chance(delayed)) return;
    const delay = isDropped ? Number.POSITIVE_INFINITY : this.#below(isWronged ? longestDelay : gapWait);
    hidden.set(name, this.#world.clock.time + delay);
    if (delay >= gapWait) wronged.add(name);
    this.counts.hidden++;
  }

  #isVisible(to: string, name: string): boolean {
    return (this.#partyOf(to).hidden.get(name) ?? 0) <= this.#world.clock.time;
  }

  #show(to: string, messages: readonly IncomingMessage[]): IncomingMessage[] {
    const { seen } = this.#partyOf(to);
    const visible = messages.filter(({ name }) => this.#isVisible(to, name));
    // Messages that were acknowledged do not open again: after three, the device asks for a new session, and gets what it has
    // not confirmed a second time.
    const again = this.#chance(0.03) ? seen.slice(-4) : this.#chance(0.2) ? visible.slice(0, 2) : [];
    this.counts.repeated += again.length;
    seen.splice(0, seen.length - 8, ...visible.map((one) => ({ ...one, message: one.message.slice() })));
    const shown = [...visible, ...again];
    if (shown.length < 2 || this.#chance(0.5)) return shown;
    this.counts.reordered++;
    return shown
      .map((one) => [this.#random(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one);
  }

  /** @returns whether the device lost power, and was started again */
  async #crashes({ device }: Party, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: 'storage_failed' });
      expect(device.storage.failAt).toBeDefined();
      this.counts.crashes++;
      await this.#world.reopen(device);
      return true;
    }
  }

  async #send(party: Party): Promise<void> {
    // Says nothing of its place.
    const text = this.#random().toString(36).slice(2) + this.#random().toString(36).slice(2);
    const before = party.stored;
    const hasCrashed = await this.#crashes(party, () => party.device.client.send(this.#conversation, text));
    // The application does not know whether it was stored; it looks, as it would after a crash.
    if (hasCrashed && [...party.stored].every((name) => before.has(name))) return;
    party.written.push(text);
    this.counts.sent++;
  }

  async #read(party: Party): Promise<void> {
    const got: Given[] = [];
    const hasCrashed = await this.#crashes(party, () => this.#world.drain(party.device, got));
    party.take(got, hasCrashed);
  }

  /**
   * The relay gives what it delayed, and drops nothing more. After a dropped resync, a session heals with the next one, an
   * hour later. The last messages tell about those that are missing before them.
   */
  async #end(): Promise<void> {
    const { relay, clock } = this.#world;
    relay.fault = () => undefined;
    relay.onStored = () => undefined;
    relay.onReceive = (to, messages) => messages.filter(({ name }) => this.#isVisible(to, name));
    for (let round = 0; round < 8; round++) {
      for (const party of this.#parties) {
        if (round < 6) await this.#send(party);
        await this.#read(party);
      }
      clock.time += day / 24;
    }
    for (const { device } of this.#parties) expect(await device.client.sync()).toMatchObject({ queued: 0 });
  }

  /**
   * Each application got the messages of each other device once, in the order of the list of this sender. A message that
   * the relay delayed for too long is marked as late, and one that it dropped is missing; both were reported. Devices that
   * the relay does not wrong get everything, and nothing late.
   */
  assertOrderOfSenders(): void {
    for (const reader of this.#parties)
      for (const sender of this.#parties) {
        if (reader !== sender) this.#assertPair(reader, sender);
      }
  }

  #assertPair(reader: Party, { device: { id }, written }: Party): void {
    const given = reader.given.filter(({ from }) => from === id);
    const texts = given.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    const late = new Set(given.filter(({ isLate }) => isLate).map(({ text }) => text));
    const missing = new Set(written.filter((text) => !texts.includes(text)));
    const onTime = written.filter((text) => !late.has(text) && !missing.has(text));
    expect(texts.filter((text) => !late.has(text))).toEqual(onTime);
    // Also the late ones have their place in the list.
    expect(given.map(({ counter }) => written[counter - 1])).toEqual(texts);
    const unreported = written.filter(
      (text, at) => (late.has(text) || missing.has(text)) && !reader.hasReported(id, at + 1),
    );
    expect(unreported).toEqual([]);
    const wronged = [...reader.wronged].filter((name) => name.startsWith(`${id}/`)).length;
    expect(late.size + missing.size).toBeLessThanOrEqual(wronged);
    this.counts.late += late.size;
    this.counts.missing += missing.size;
  }
}

async function pair() {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob, 'owner', undefined, { acceptsParticipants: true });
  const conversation = await phone.client.conversations.open({ persons: [ann, bob] });
  await bobPhone.client.sync();
  return { world, all: [phone, bobPhone], conversation };
}

interface Run {
  readonly devices: 2 | 5;
  readonly steps: number;
  readonly seed: number;
}

/** Runs the model, and asserts that its network and its devices did what it promises. */
export async function checkOrder({ devices, steps, seed }: Run): Promise<void> {
  const { world, all, conversation } = await (devices === 2 ? pair() : fullWorld());
  const model = await new OrderModel(world, all, conversation, seed).run(steps);
  model.assertOrderOfSenders();
  const { sent, crashes, late, missing, repeated, reordered } = model.counts;
  const kinds = all.flatMap(({ notices }) => notices.map(({ kind }) => kind));
  // By chance: 400 steps can go by without one.
  if (steps >= 2_000) expect(kinds).toContain('session_restarted');
  expect(sent).toBeGreaterThan(steps / 2);
  expect(Math.min(crashes, late + missing, repeated, reordered)).toBeGreaterThan(0);
}
