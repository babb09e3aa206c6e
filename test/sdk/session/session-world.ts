/** An org with a directory, an admin and enrolled devices, over the fake relay. */
import type { SessionStorage } from '../../../sdk/src/device/storage/storage-ports.ts';
import { DirectoryAdmin } from '../../../sdk/src/session/admin/directory-admin.ts';
import { newFleetKey } from '../../../sdk/src/session/admin/fleet-keys.ts';
import type { SessionClient } from '../../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../../sdk/src/session/session-devices.ts';
import type { DirectoryRole, SessionDevicesOptions, SessionNotice } from '../../../sdk/src/session/session-types.ts';
import { type WatchedStorage, watchedStorage } from '../device/watched-storage.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeRelay } from './fake-relay.ts';

export const org = '0123456789abcdef';
export const ann = 'annannannannanna';
export const bob = 'bobbobbobbobbobb';
export const day = 86_400_000;

/** A device with its storage. */
export interface WorldDevice {
  readonly sessions: SessionDevices;
  readonly storage: WatchedStorage;
  readonly notices: SessionNotice[];
  client: SessionClient;
  readonly id: string;
}

export interface Given {
  readonly from: string;
  readonly text: string;
  readonly counter: number;
  readonly isLate: boolean;
}

const unreachable = async (): Promise<never> => {
  throw new Error('the tests use no network');
};

export class SessionWorld {
  readonly clock = new FakeClock();
  readonly relay = new FakeRelay(org, () => this.clock.time);
  readonly keys = DirectoryAdmin.newKeys();
  readonly admin = this.newAdmin(this.keys.authority);
  readonly fleetKey = newFleetKey();
  /** Rights of the devices that are enrolled from now on. */
  can: readonly string[] = [];

  newAdmin(authority: Uint8Array, pin?: string): DirectoryAdmin {
    const options = { org, authority, pin, apiKey: undefined, session: true, baseURL: 'http://127.0.0.1:1' };
    return new DirectoryAdmin(options, this.relay.admin(), () => this.clock.time);
  }

  static async create(): Promise<SessionWorld> {
    const world = new SessionWorld();
    await world.admin.genesis(world.keys.recovery);
    return world;
  }

  sessions(
    storage: SessionStorage,
    notices: SessionNotice[],
    more: Partial<SessionDevicesOptions> = {},
  ): SessionDevices {
    const options = {
      ...{
        storage,
        clock: this.clock,
        baseURL: 'http://127.0.0.1:1',
        fetch: unreachable,
        maxRetries: 0,
        webSocket: false as const,
      },
      onNotice: (notice: SessionNotice) => void notices.push(notice),
      ...more,
    };
    return new SessionDevices(options, this.relay.service());
  }

  /** Enrolls a device, which then synchronizes once. */
  async enroll(...given: Parameters<SessionWorld['enrollOnly']>): Promise<WorldDevice> {
    const device = await this.enrollOnly(...given);
    await device.client.sync();
    return device;
  }

  /** Enrolls a device; the admin and the person's other device do their part while it waits. */
  async enrollOnly(
    person: string,
    role: DirectoryRole = 'owner',
    confirmer?: WorldDevice,
    more: Partial<SessionDevicesOptions> = {},
  ): Promise<WorldDevice> {
    const storage = watchedStorage();
    const notices: SessionNotice[] = [];
    const sessions = this.sessions(storage, notices, more);
    const invite = await this.admin.invite({ person, role });
    let admitted: string | undefined;
    this.clock.onWait = async () => {
      if (admitted === undefined) admitted = await this.admin.admit({ invite, can: this.can });
      else if (confirmer !== undefined) {
        const fingerprint = this.admin.devices().find(({ device }) => device === admitted)?.fingerprint;
        await confirmer.client.countersign(admitted, { fingerprint });
      }
    };
    const client = await sessions.enroll({ invite: invite.invite });
    this.clock.onWait = async () => undefined;
    return { sessions, storage, notices, client, id: client.device };
  }

  async reopen(device: WorldDevice): Promise<void> {
    device.storage.failAt = undefined;
    await device.client.close().catch(() => undefined);
    device.client = await device.sessions.open({ org });
  }

  /** Polls until nothing new is there, and returns what the application got. */
  async drain({ client }: Pick<WorldDevice, 'client'>, given: Given[] = []): Promise<Given[]> {
    const controller = new AbortController();
    const before = this.clock.onWait;
    this.clock.onWait = async () => controller.abort();
    try {
      for await (const message of client.messages({ signal: controller.signal })) {
        given.push({
          ...{ from: message.sender.device, text: await message.text() },
          ...{ counter: message.counter, isLate: message.isLate },
        });
      }
    } finally {
      this.clock.onWait = before;
    }
    return given;
  }

  async texts(device: Pick<WorldDevice, 'client'>): Promise<string[]> {
    return (await this.drain(device)).map(({ text }) => text);
  }
}

/** Two people with two devices each, and an agent of Ann's, in one conversation. */
export async function fullWorld() {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const laptop = await world.enroll(ann, 'owner', phone);
  const agent = await world.enroll(ann, 'agent', phone, { acceptsParticipants: true });
  const bobPhone = await world.enroll(bob);
  const bobLaptop = await world.enroll(bob, 'owner', bobPhone);
  const conversation = await phone.client.conversations.open({ persons: [ann, bob], agents: [agent.id] });
  const all = [phone, laptop, agent, bobPhone, bobLaptop];
  for (const device of all) {
    await device.client.sync();
    await device.client.conversations.accept(await device.client.conversations.changes(conversation));
  }
  return { world, phone, laptop, agent, bobPhone, bobLaptop, all, conversation };
}
