import { isOpaqueName } from '../../../core/directory/directory-ids.ts';
import { type Bytes, fromBase64Url } from '../../../core/encoding/bytes.ts';
import { boundedTransport } from '../http/bounded-transport.ts';
import type { Transport } from '../http/transport.ts';
import { checkConfirm, notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { type CallSettings, deviceClientSettings, environmentInvite } from '../shared/client-options.ts';
import { Turns } from '../shared/turns.ts';
import { DirectoryCopy } from './directory/directory-copy.ts';
import { OwnCertificate } from './directory/own-certificate.ts';
import { platformWebSocket } from './live/live-socket.ts';
import { deviceRequests } from './requests/device-requests.ts';
import type { EnrollmentRequests, SessionRequests } from './requests/session-requests.ts';
import { SessionClient } from './session-client.ts';
import { systemClock } from './session-clock.ts';
import type { SessionContext } from './session-context.ts';
import { SessionEngine } from './session-engine.ts';
import { sessionError } from './session-errors.ts';
import type { CertifyKeys, EnrollOptions, JoinFleetOptions, SessionDevicesOptions } from './session-types.ts';
import {
  type DeviceRecord,
  loadOwnDevice,
  newOwnDevice,
  type OwnDevice,
  stageKeys,
  stageRecord,
} from './storage/own-device.ts';
import { Sequence } from './storage/sequence.ts';
import { Changes, type DeviceName, SessionStore } from './storage/session-store.ts';

/** The options beside those of requests. */
const ownOptionNames = [
  'storage',
  'clock',
  'historyDays',
  'receipts',
  'acceptsParticipants',
  'onNotice',
  'webSocket',
] as const satisfies (keyof SessionDevicesOptions)[];

/** Most starts only open the device. */
const loadEnrollment = () => import('./enrollment/enroll.ts');

/** How requests reach the service. */
export interface SessionService {
  device(own: OwnDevice, certificate: () => Bytes | undefined): SessionRequests;
  enrollment(invite: { readonly org: string; readonly id: string }): EnrollmentRequests | Promise<EnrollmentRequests>;
}

export interface OpenSessionOptions {
  readonly org: string;
  /** Name of the device in the storage. Default: `device`. */
  readonly name?: string | undefined;
  /** Required for a member of a fleet. */
  readonly certify?: CertifyKeys | undefined;
}

/**
 * The devices of session custody on this machine.
 *
 *     const sessions = new SessionDevices({ storage: nodeStorage({ folder }), baseURL });
 *     const client = await sessions.enroll({ invite });
 */
export class SessionDevices {
  readonly #options: SessionDevicesOptions;
  readonly #transport: Transport;
  readonly #service: SessionService;

  /**
   * @param service replaced by tests
   * @throws AnimaError missing_url, insecure_url, invalid_argument
   */
  constructor(options: SessionDevicesOptions, service?: SessionService) {
    this.#options = options;
    const { historyDays = 0 } = options;
    if (!(Number.isInteger(historyDays) && historyDays >= 0 && historyDays <= 3650))
      throw notSentError('invalid_argument', 'historyDays must be a whole number from 0 to 3650');
    const transport = boundedTransport(deviceClientSettings(options, ownOptionNames));
    this.#transport = transport;
    this.#service = service ?? {
      device: (own, certificate) => deviceRequests(transport, own, certificate),
      enrollment: async (invite) => (await loadEnrollment()).enrollmentRequests(transport, invite),
    };
  }

  /**
   * Enrolls this device with an invite, and waits until it is active: for the admin, and for another device of the person
   * unless it is the first one. With the same invite again, it goes on where it stopped, or opens the device; so a program
   * can call it at each start. With `org` instead of an invite, it goes on with the stored one.
   * @throws SessionError invite_malformed, invite_refused, invite_mismatch, enrollment_expired, not_enrolled; AnimaError aborted
   */
  async enroll({ invite: given, org, name, onProgress, ...options }: EnrollOptions = {}): Promise<SessionClient> {
    const { enroll, readInvite, storedInvite } = await loadEnrollment();
    const settings = this.#transport.callSettings(options, 'invite', 'org', 'name', 'onProgress');
    const resumed = given === undefined ? org : undefined;
    const text = resumed === undefined ? (given ?? environmentInvite()) : undefined;
    const device = nameOf(resumed ?? readInvite(text).org, name);
    const store = await SessionStore.open(this.#options.storage, device, resumed === undefined ? 'create' : 'refuse');
    return await this.#orClose(store, async () => {
      const answered = resumed === undefined ? text : await storedInvite(store, resumed);
      if (answered !== undefined) {
        const invite = readInvite(answered);
        const context = {
          ...{ store, clock: this.#options.clock ?? systemClock },
          enrollment: await this.#service.enrollment(invite),
          requestsOf: (own: OwnDevice) => this.#service.device(own, () => undefined),
        };
        await enroll(context, invite, answered, settings, onProgress);
      }
      return await this.#reachable(await this.#engine(store, device.org, undefined), settings);
    });
  }

  /**
   * Makes this device a member of a fleet: it is not in the directory, and shows a certificate of 24 hours. Called again, it
   * opens the device.
   * @throws SessionError pin_not_reached, not_active
   */
  async joinFleet({ org, pin: pinText, name, certify, ...options }: JoinFleetOptions): Promise<SessionClient> {
    const pin = fromBase64Url(pinText);
    if (pin?.length !== 32) throw notSentError('invalid_argument', 'pin must be 43 characters of base64url');
    const settings = this.#transport.callSettings(options, 'org', 'pin', 'name', 'certify');
    const store = await SessionStore.open(this.#options.storage, nameOf(org, name), 'create');
    return await this.#orClose(store, async () => {
      const loaded = (await loadOwnDevice(store, org)) ?? (await this.#newMember(store, org, pinText));
      if (loaded.record.phase !== 'active') {
        const { own, record } = loaded;
        const certificate = await OwnCertificate.load(store, own, certify);
        await certificate.renew(undefined, this.#now());
        const requests = this.#service.device(own, () => certificate.signed);
        const { PinnedStart } = await loadEnrollment();
        const start = new PinnedStart(org, pin);
        await start.read((after, s) => requests.entries(after, s), settings);
        if (!start.isPinned) throw sessionError('pin_not_reached');
        const changes = new Changes();
        DirectoryCopy.stage(changes, start);
        await store.write(stageRecord(changes, { ...record, phase: 'active' }));
      }
      return await this.#reachable(await this.#engine(store, org, certify), settings);
    });
  }

  /**
   * Opens the device of an org in the storage. Sends nothing: works offline.
   * @throws SessionError not_enrolled, in_use, storage_damaged, keys_locked
   */
  async open(options: OpenSessionOptions): Promise<SessionClient> {
    checkOptions(options, ['org', 'name', 'certify']);
    const { org, name, certify } = options;
    const store = await SessionStore.open(this.#options.storage, nameOf(org, name), 'refuse');
    return await this.#orClose(
      store,
      async () => new SessionClient(await this.#engine(store, org, certify), this.#transport),
    );
  }

  /**
   * Deletes keys, sessions and messages of a device from the storage. The directory still lists it until an admin revokes
   * it. @throws SessionError in_use; AnimaError invalid_argument
   */
  async forget(options: OpenSessionOptions & { readonly confirm: string }): Promise<void> {
    checkOptions(options, ['org', 'name', 'certify', 'confirm']);
    const { org, name, confirm } = options;
    checkConfirm(confirm, org);
    await SessionStore.forget(this.#options.storage, nameOf(org, name));
  }

  async #newMember(store: SessionStore, org: string, pin: string) {
    const own = newOwnDevice(org);
    const record: DeviceRecord = {
      ...{ phase: 'begun', invite: '', inviteId: '', pin, person: '', role: 'agent' },
      started: this.#now(),
    };
    await store.write(stageRecord(stageKeys(new Changes(), own), record));
    return { own, record };
  }

  /** A client to which others can write at once. */
  async #reachable(engine: SessionEngine, settings: CallSettings): Promise<SessionClient> {
    await engine.publishPrekeys(settings);
    return new SessionClient(engine, this.#transport);
  }

  async #engine(store: SessionStore, org: string, certify: CertifyKeys | undefined): Promise<SessionEngine> {
    const loaded = await loadOwnDevice(store, org);
    if (loaded?.record.phase !== 'active') throw sessionError('not_enrolled');
    const { own } = loaded;
    const {
      clock = systemClock,
      historyDays = 0,
      receipts = true,
      acceptsParticipants = false,
      onNotice,
      webSocket = platformWebSocket(),
    } = this.#options;
    const certificate = await OwnCertificate.load(store, own, certify);
    const turns = new Turns();
    const context: SessionContext = {
      ...{ store, own, clock, certificate, historyDays, receipts, acceptsParticipants },
      directory: await DirectoryCopy.load(store, org),
      requests: this.#service.device(own, () => certificate.signed),
      webSocket: webSocket === false ? undefined : webSocket,
      bells: new Set(),
      sequence: await Sequence.load(store),
      notify: (notice) => onNotice?.(notice),
      turn: (step) => turns.run(step),
    };
    return new SessionEngine(context);
  }

  async #orClose<T>(store: SessionStore, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  #now(): number {
    return (this.#options.clock ?? systemClock).now();
  }
}

/** @throws AnimaError invalid_argument */
function nameOf(org: unknown, name: unknown = 'device'): DeviceName {
  if (typeof org === 'string' && isOpaqueName(org) && typeof name === 'string' && /^[0-9a-z]{1,16}$/.test(name))
    return { org, name };
  throw notSentError('invalid_argument', 'org must be the id of an organization, and name 1 to 16 of 0-9 a-z');
}
