/**
 * Devices of one vault that do random things while connections, storages and the service break. What they were promised
 * is noted, and compared with what is there in the end.
 */
import { expect } from 'vitest';
import { type ChainState, recordKey } from '../../core/devices/chain-state.ts';
import { recoverToDevice } from '../../sdk/src/device/recover-vault.ts';
import { ArchivedLog } from './archived-log.ts';
import { InMemoryDeviceService } from './in-memory-device-service.ts';
import { codeOf, ModelDevice, SeededRandom } from './model-device.ts';
import { pairInModel } from './model-pairing.ts';
import { nextData, type Promised, Promises, recordIds, recordTypes } from './model-promises.ts';
import { ServedLog } from './served-log.ts';

const maxDevices = 5;

/** Refusals that follow from what another device did, or from the model not looking before it acts. */
const tolerated: ReadonlySet<string> = new Set([
  'conflict_pending',
  'not_an_admin',
  'not_a_member',
  'unknown_device',
  'last_admin',
  'record_unknown',
  'pairing_unknown',
  'pairing_expired',
  'members_full',
  'rotation_due',
  'code_replaced',
  'recovery_missing',
  'too_many_conflicts',
  'prune_refused',
  'bundle_replaced',
]);

const rosterOperations: ReadonlySet<string> = new Set(['pair', 'remove', 'leave', 'rotate', 'code', 'recover']);

type Operation = readonly [weight: number, name: string, run: (device: ModelDevice) => Promise<void>];

export class DeviceModel {
  readonly #random: SeededRandom;
  readonly service = new InMemoryDeviceService(12);
  readonly #promises = new Promises(new ArchivedLog(this.service));
  readonly devices: ModelDevice[] = [];
  /** Devices that are no members any more. */
  readonly removed: ModelDevice[] = [];
  /** What was done, for the report of a failure. */
  readonly done: string[] = [];
  #log: ServedLog | undefined;
  #code: string | undefined;
  readonly #churn: number;
  #tokens = 0;

  /** @param churn how much more often devices come and go */
  constructor(seed: number, churn = 1) {
    this.#random = new SeededRandom(seed);
    this.#churn = churn;
  }

  get log(): ServedLog {
    return this.#log ?? expect.fail('not begun');
  }

  async begin(): Promise<void> {
    const first = this.#newDevice();
    await first.create();
    this.devices.push(first);
    this.#log = new ServedLog(this.service, first.vault.scope);
    const random = new SeededRandom(this.#random.below(2 ** 31));
    for (const { faults } of this.#stores())
      faults.next = () => (random.chance(0.02) ? (random.chance(0.5) ? 'before' : 'after') : undefined);
  }

  #stores() {
    const { rosters, logs, pairings, bundles } = this.service;
    return [rosters, logs, pairings, bundles];
  }

  #newDevice(): ModelDevice {
    return new ModelDevice(this.service, new SeededRandom(this.#random.below(2 ** 31)));
  }

  readonly #operations: readonly Operation[] = [
    [40, 'put', (device) => this.#put(device, this.#pickRecord())],
    [6, 'delete', (device) => this.#delete(device, this.#pickRecord())],
    [20, 'sync', (device) => this.#sync(device)],
    [4, 'restore', (device) => this.#restore(device, this.#pickRecord())],
    [5, 'resolve', (device) => this.#resolve(device)],
    [3, 'restart', (device) => device.restart()],
    [6, 'connection', async (device) => device.toggleConnection()],
    [4, 'breaking', async (device) => device.toggleBreaking()],
    [8, 'race', () => this.#race()],
    [6, 'busy', (device) => this.#busy(device)],
    [8, 'prune', (device) => this.#prune(device)],
    [3, 'pair', (device) => this.#pair(device)],
    [1.5, 'remove', (device) => this.#remove(device)],
    [1, 'leave', (device) => this.#leave(device)],
    [1, 'rotate', (device) => device.vault.rotate()],
    [1, 'code', (device) => this.#makeCode(device)],
    [0.6, 'recover', () => this.#recover()],
  ];

  /** One random operation of a random device. */
  async step(): Promise<void> {
    const weightOf = ([weight, name]: Operation) => (rosterOperations.has(name) ? weight * this.#churn : weight);
    let at = this.#random.next() * this.#operations.reduce((sum, one) => sum + weightOf(one), 0);
    const found = this.#operations.find((one) => {
      at -= weightOf(one);
      return at < 0;
    });
    const [, name, run] = found ?? expect.fail();
    await this.#attempt(this.#random.pick(this.devices), name, run);
    await this.#noteRemoved();
  }

  /** Runs an operation that may be refused or lose power, but may not find anything damaged. */
  async #attempt(device: ModelDevice, name: string, run: Operation[2]): Promise<void> {
    if (this.#random.chance(0.1)) {
      device.powerLoss = { left: 1 + this.#random.below(4), when: this.#random.chance(0.5) ? 'before' : 'after' };
    }
    this.done.push(`${name} at ${device.name}${device.isOffline ? ', offline' : ''}`);
    try {
      await run(device);
    } catch (error) {
      await this.#tolerate(device, error);
    }
    if (device.isOpen && device.isPowered) await this.#promises.noteConflicts(device);
  }

  async #tolerate(device: ModelDevice, error: unknown): Promise<void> {
    const code = codeOf(error);
    this.done.push(`  ${code}`);
    if (code === 'storage_failed') return await device.restart();
    if (code === 'temporary' || tolerated.has(code)) return;
    const isMember = (await this.log.read()).members.has(device.id);
    if (code === 'device_refused' && !isMember) return;
    throw error;
  }

  /** Sorts out devices that were removed. The log decides who is a member. */
  async #noteRemoved(): Promise<void> {
    const { members } = await this.log.read();
    for (const device of this.devices.filter(({ id }) => !members.has(id))) {
      this.devices.splice(this.devices.indexOf(device), 1);
      device.remember();
      this.removed.push(device);
      this.done.push(`  ${device.name} is no member any more`);
    }
    const hasAdmin = this.devices.some(({ id }) => members.get(id)?.role === 'admin');
    expect(hasAdmin, 'a device with the role admin is left').toBe(true);
  }

  #pickRecord(): Omit<Promised, 'token'> {
    return { type: this.#random.pick(recordTypes), id: this.#random.pick(recordIds) };
  }

  async #put(device: ModelDevice, { type, id }: Omit<Promised, 'token'>): Promise<void> {
    const promised = { type, id, token: `<${++this.#tokens}>` };
    const records = device.vault.records(type);
    const before = (await records.get(id))?.data;
    this.#promises.forgetQueued(device, promised);
    const record = await records.put(nextData(promised, before, this.#random), { id });
    this.#promises.note(device, promised, record);
  }

  async #delete(device: ModelDevice, { type, id }: Omit<Promised, 'token'>): Promise<void> {
    this.#promises.forgetQueued(device, { type, id });
    await device.vault.records(type).delete(id);
  }

  async #restore(device: ModelDevice, { type, id }: Omit<Promised, 'token'>): Promise<void> {
    const versions = await device.vault.records(type).history(id);
    const { version } = this.#random.pick(versions) ?? {};
    if (version === undefined) return;
    this.#promises.forgetQueued(device, { type, id });
    await device.vault.records(type).restore(id, version);
  }

  async #sync(device: ModelDevice): Promise<void> {
    const { notices } = await device.vault.sync();
    const harmless = ['roster_changed', 'rotation_due'];
    expect(notices.filter(({ kind }) => !harmless.includes(kind))).toEqual([]);
  }

  async #resolve(device: ModelDevice): Promise<void> {
    const provider = device.vault.records('provider');
    const conflict = this.#random.pick(await provider.conflicts());
    if (conflict === undefined) return;
    const { id } = conflict;
    const token = `<${++this.#tokens}>`;
    this.#promises.forgetConflict(device, id);
    this.#promises.forgetQueued(device, { type: 'provider', id });
    await provider.resolve(id, this.#random.pick(['mine', 'theirs', { data: { key: token } }] as const));
  }

  /** Two devices at once. */
  async #race(): Promise<void> {
    const record = this.#pickRecord();
    const chosen = new Set([this.#random.pick(this.devices), this.#random.pick(this.devices)]);
    const works = [...chosen].map(async (device) => {
      const work = this.#random.pick([
        ['put', () => this.#put(device, record)],
        ['put', () => this.#put(device, record)],
        ['delete', () => this.#delete(device, record)],
        ['sync', () => this.#sync(device)],
        ['rotate', () => device.vault.rotate()],
      ] as const);
      await this.#attempt(device, `race: ${work[0]}`, work[1]);
    });
    await Promise.all(works);
  }

  /** An application that writes on a device while it syncs. */
  async #busy(device: ModelDevice): Promise<void> {
    const works = [this.#sync(device), this.#put(device, this.#pickRecord()), this.#sync(device)];
    for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
  }

  async #pair(approver: ModelDevice): Promise<void> {
    // Pairings that failed would stay for ten minutes.
    this.service.pairings.pairings.clear();
    const { members } = await this.log.read();
    if (members.size >= maxDevices || members.get(approver.id)?.role !== 'admin') return;
    const device = this.#newDevice();
    device.breaking = this.#random.chance(0.2) ? 0.05 : 0;
    const role = this.#random.chance(0.7) ? 'admin' : 'data';
    const { joined: result, approved } = await pairInModel(approver, device, role);
    this.done.push(`  joined as ${device.name}: ${typeof result === 'string' ? result : 'done'}`);
    if (typeof result !== 'string') {
      await device.use(result);
      this.devices.push(device);
    } else expect(['temporary', 'pairing_unknown', 'pairing_expired']).toContain(result);
    if (approved instanceof Error) throw approved;
  }

  /** A person confirms it. Each request is one step, so this is interrupted at any of them. */
  async #prune(device: ModelDevice): Promise<void> {
    if (this.#random.chance(0.7)) this.service.pairings.pairings.clear();
    const { checkpoint, isWaiting } = await device.vault.prune({ confirmed: true });
    this.done.push(`  pruned to ${checkpoint}${isWaiting ? ', waiting' : ''}`);
  }

  async #remove(by: ModelDevice): Promise<void> {
    const members = [...(await this.log.read()).members.values()];
    const others = members.filter(({ id, role }) => id !== by.id && role !== 'recovery');
    const other = this.#random.pick(others);
    if (other !== undefined && this.devices.length > 1) await by.vault.remove(other.id);
  }

  async #leave(device: ModelDevice): Promise<void> {
    const { members } = await this.log.read();
    // A member whose pairing broke at its last step has no device, so it does not count.
    const isNeeded = !this.devices.some((other) => other !== device && members.get(other.id)?.role === 'admin');
    if (isNeeded) return;
    device.remember();
    await device.vault.leave({ confirm: this.log.scope.vault });
  }

  async #makeCode(device: ModelDevice): Promise<void> {
    const before = (await this.log.read()).recoveryBox;
    try {
      this.#code = (await device.vault.recoveryCode()).code;
    } catch (error) {
      // The code that was made got lost with the answer.
      if ((await this.log.read()).recoveryBox !== before) this.#code = undefined;
      throw error;
    }
  }

  async #recover(): Promise<void> {
    const code = this.#code;
    if (code === undefined) return;
    const device = this.#newDevice();
    device.breaking = this.#random.chance(0.5) ? 0.1 : 0;
    if (this.#random.chance(0.3)) device.powerLoss = { left: 1 + this.#random.below(4), when: 'after' };
    const { vault } = this.log.scope;
    const attempt = () => recoverToDevice(device.context, vault, { code }, device.settings);
    const first = await attempt().catch(codeOf);
    device.repair();
    let result = first;
    // The person tries again until the service answers.
    while (result === 'temporary' || result === 'storage_failed') result = await attempt().catch(codeOf);
    this.done.push(`  recovered at ${device.name}: ${typeof result === 'string' ? result : 'done'}`);
    if (typeof result !== 'string') {
      await device.use(result.engine);
      this.#code = result.code.code;
    } else {
      // An entry whose answer was lost made this device the only member.
      expect([first, result]).toEqual([first, 'vault_exists']);
      await device.open(vault);
      await device.vault.sync();
      this.#code = undefined;
    }
    this.devices.push(device);
  }

  /** Nothing breaks any more, and all devices sync until none has anything to say. */
  async settle(): Promise<void> {
    for (const { faults } of this.#stores()) faults.next = () => undefined;
    for (const device of this.devices) {
      device.repair();
      device.checkpointEvery = Number.POSITIVE_INFINITY;
      device.vault.upkeep.every = device.checkpointEvery;
    }
    // Checkpoints are acknowledged in the first of them, and read in the second.
    for (let round = 0; round < 4; round++) for (const device of this.devices) await this.#sync(device);
  }

  /** Versions that devices have from checkpoints. */
  async countFromCheckpoints(): Promise<number> {
    let count = 0;
    for (const { vault } of this.devices)
      for (const type of recordTypes)
        for (const id of recordIds)
          count += (await vault.records(type).history(id)).filter((one) => one.isFromCheckpoint).length;
    return count;
  }

  /** What all devices have in the end, which is the same. */
  async checkPromises(): Promise<void> {
    for (const device of this.devices) {
      expect(await device.vault.sync()).toMatchObject({ pulled: 0, pushed: 0, queued: 0, notices: [] });
      await device.restart();
    }
    await this.#promises.check(this.devices);
    const state = await this.log.read();
    for (const { engine } of this.devices) {
      expect(engine.view.state.head).toEqual(state.head);
      expect(membersOf(engine.view.state)).toEqual(membersOf(state));
      expect(heads(engine.view.state)).toEqual(heads(state));
      for (let epoch = 1; epoch <= state.epoch; epoch++) expect(engine.view.key(epoch), `epoch ${epoch}`).toBeDefined();
    }
  }
}

/** Without when they were last heard of, which a device that went on at a checkpoint does not know exactly. */
const membersOf = ({ members }: ChainState) =>
  [...members].map(([id, { lastSeq: _, lastTime: __, ...member }]) => [id, member]);

const heads = ({ records }: ChainState) => records.values().toSorted((a, b) => (recordKey(a) < recordKey(b) ? -1 : 1));
