/** People with devices of the SDK at a local vault, whose enrollments take no time. */
import type { SessionStorage } from '../../sdk/src/device/storage/storage-ports.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import type { SessionClock } from '../../sdk/src/session/session-clock.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import type { DirectoryRole, SessionDevicesOptions } from '../../sdk/src/session/session-types.ts';

/** The real time; waiting runs what a test wants to happen meanwhile. */
class TestClock {
  onWait: () => Promise<void> = async () => undefined;
  now(): number {
    return Date.now();
  }
  async wait(): Promise<void> {
    await this.onWait();
  }
}

export class ServedSessions {
  readonly org: string;
  readonly baseURL: string;
  readonly admin: DirectoryAdmin;
  readonly #clock = new TestClock();

  private constructor(org: string, baseURL: string, admin: DirectoryAdmin) {
    this.org = org;
    this.baseURL = baseURL;
    this.admin = admin;
  }

  static async begin(org: string, apiKey: string, baseURL: string): Promise<ServedSessions> {
    const keys = DirectoryAdmin.newKeys();
    const admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey, baseURL });
    await admin.genesis(keys.recovery);
    return new ServedSessions(org, baseURL, admin);
  }

  /** Enrolls a device in the storage, and closes it. */
  async enroll(
    storage: SessionStorage,
    person: string,
    role: DirectoryRole = 'owner',
    confirmer?: SessionClient,
  ): Promise<string> {
    const invite = await this.admin.invite({ person, role });
    let admitted: string | undefined;
    this.#clock.onWait = async () => {
      if (admitted === undefined) admitted = await this.admin.admit({ invite });
      else if (confirmer !== undefined)
        await confirmer.countersign(admitted, {
          fingerprint: this.admin.devices().find(({ device }) => device === admitted)?.fingerprint,
        });
    };
    const devices = new SessionDevices({ storage, baseURL: this.baseURL, clock: this.#clock, webSocket: false });
    const client = await devices.enroll({ invite: invite.invite });
    await client.close();
    return client.device;
  }

  /** Opens a device as a program does, with the sockets of the platform. */
  async open(
    storage: SessionStorage,
    clock?: SessionClock,
    more: Partial<SessionDevicesOptions> = {},
  ): Promise<SessionClient> {
    const options = { storage, clock, baseURL: this.baseURL, acceptsParticipants: true, ...more };
    return await new SessionDevices(options).open({ org: this.org });
  }
}
