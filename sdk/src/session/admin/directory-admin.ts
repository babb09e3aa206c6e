import { sessionLimits } from '../../../../contract/sessions/limits.ts';
import { applyEntry } from '../../../../core/directory/apply-entry.ts';
import { deviceIdOf, fingerprintOf, isOpaqueName, zeroHash } from '../../../../core/directory/directory-ids.ts';
import { directoryPin } from '../../../../core/directory/directory-pin.ts';
import type { DirectoryState } from '../../../../core/directory/directory-state.ts';
import { isProvenEnrollment } from '../../../../core/directory/enrollment.ts';
import type { EntryBody } from '../../../../core/directory/entry-bodies.ts';
import {
  createInvite,
  formatInvite,
  inviteLookup,
  parseInvite,
  storedLookup,
} from '../../../../core/directory/invite.ts';
import { inviteMs } from '../../../../core/directory/limits.ts';
import { generateSigningKey, type SigningKey, signingKeyOf } from '../../../../core/directory/signing-key.ts';
import { checkpointBody, orgKeysBody, proveRecoveryKey, writeEntry } from '../../../../core/directory/write-entry.ts';
import { type Bytes, equalBytes, fromBase64Url, toBase64Url } from '../../../../core/encoding/bytes.ts';
import { boundedTransport } from '../../http/bounded-transport.ts';
import type { Transport } from '../../http/transport.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import { type CallOptions, resolveClientSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { PinnedStart } from '../directory/pinned-start.ts';
import { adminRequests } from '../requests/admin-requests.ts';
import type { AdminRequests } from '../requests/session-requests.ts';
import { deviceInfo } from '../session-client.ts';
import { sessionError } from '../session-errors.ts';
import type { SessionDeviceInfo } from '../session-types.ts';
import type {
  AdmitOptions,
  CreatedInvite,
  DirectoryAdminOptions,
  InviteOptions,
  NewOrgKeys,
  RotateOptions,
  WaitingEnrollment,
} from './admin-types.ts';
import { type DirectorySummary, directorySummary } from './directory-summary.ts';

const maxAttempts = 8;
const enrollmentMs = sessionLimits.enrollmentSeconds * 1000;

/**
 * The directory of an org, for its admins: an API key with `directory.write`, and an authority key that only this machine
 * has. The service can add nobody.
 */
export class DirectoryAdmin {
  readonly #org: string;
  readonly #authority: SigningKey;
  readonly #requests: AdminRequests;
  readonly #transport: Transport;
  readonly #now: () => number;
  readonly #isPinRequired: boolean;
  readonly #directory: PinnedStart;

  /** @param requests, now replaced by tests @throws AnimaError invalid_argument, missing_api_key */
  constructor(options: DirectoryAdminOptions, requests?: AdminRequests, now: () => number = () => Date.now()) {
    const { org, authority, pin, ...rest } = options;
    if (!isOpaqueName(org) || authority.length !== 32)
      throw notSentError('invalid_argument', 'org must be an id, and authority the seed of a key, 32 bytes');
    this.#transport = boundedTransport(resolveClientSettings(rest, ['org', 'authority', 'pin']));
    this.#requests = requests ?? adminRequests(this.#transport);
    this.#org = org;
    this.#authority = signingKeyOf(authority.slice());
    this.#isPinRequired = pin !== undefined;
    this.#now = now;
    this.#directory = new PinnedStart(org, fromBase64Url(pin ?? '') ?? new Uint8Array(0));
  }

  /** New seeds of an authority and a recovery key. */
  static newKeys(): NewOrgKeys {
    return { authority: generateSigningKey().seed, recovery: generateSigningKey().seed };
  }

  /** The public key of this authority, for `genesis` and `rotate`. */
  get publicKey(): Uint8Array {
    return this.#authority.publicKey.slice();
  }

  /** What this admin verified, to keep for the next start and for members of fleets: 43 characters. */
  get pin(): string {
    return toBase64Url(directoryPin(this.#directory.state));
  }

  /** Devices of the org, by the directory that this object verified last. */
  devices(): readonly SessionDeviceInfo[] {
    return this.#directory.state.devices.values().map((device) => deviceInfo(device, this.#org, '', this.#now()));
  }

  /** Keys, fleets and links, by the directory that this object verified last. */
  summary(): DirectorySummary {
    return directorySummary(this.#directory.state, this.#now());
  }

  /**
   * Begins the directory of the org.
   * @param recovery seed of the recovery key @param others public keys of further authorities
   */
  async genesis(recovery: Uint8Array, others: readonly Uint8Array[] = [], options: CallOptions = {}): Promise<void> {
    const key = signingKeyOf(recovery.slice());
    const keys = {
      authorities: [this.#authority.publicKey, ...others.map((one) => new Uint8Array(one))],
      recovery: key.publicKey,
    };
    const body = orgKeysBody('genesis', keys, proveRecoveryKey(this.#org, key));
    key.seed.fill(0);
    await this.#append(() => body, options);
  }

  /**
   * Makes an invite for a device. It is valid for ten minutes; the service gets only a hash of a value from it.
   * @throws AnimaError too_many_invites
   */
  async invite({ person, role, ...options }: InviteOptions): Promise<CreatedInvite> {
    this.#transport.callSettings(options, 'person', 'role');
    if (!isOpaqueName(person)) throw notSentError('invalid_argument', 'person must be 16 characters of 0-9 a-z');
    await this.#follow(options);
    const invite = createInvite(this.#org, directoryPin(this.#directory.state));
    const stored = storedLookup(await inviteLookup(invite));
    const expiresAt = new Date(this.#now() + inviteMs);
    await this.#requests.createInvite(
      { invite: invite.id, person, role, stored },
      this.#transport.callSettings(options),
    );
    return { invite: formatInvite(invite), id: invite.id, person, role, expiresAt };
  }

  /** Devices that answered to invites. Nothing of it is verified before `admit`. */
  async waiting(options: CallOptions = {}): Promise<readonly WaitingEnrollment[]> {
    const invites = await this.#requests.invites(this.#transport.callSettings(options));
    return invites.flatMap(({ invite, person, role, enrollment }) =>
      enrollment === undefined ? [] : [{ id: invite, person, role, fingerprint: fingerprintOf(this.#org, enrollment) }],
    );
  }

  /** Ends an invite. */
  cancelInvite(id: string, options: CallOptions = {}): Promise<boolean> {
    return this.#requests.deleteInvite(id, this.#transport.callSettings(options));
  }

  /**
   * Checks proof and possession of the device that answered to an invite, and admits it. A further device of a person, an
   * agent and a broker are pending until a device of the person countersigns.
   * @returns id of the device
   * @throws SessionError invite_refused, subject_unknown, change_refused
   */
  async admit({ invite: created, can = [], expiresAt, cosigner, ...options }: AdmitOptions): Promise<string> {
    const settings = this.#transport.callSettings(options, 'invite', 'can', 'expiresAt', 'cosigner');
    const { person, role } = created;
    const invite = parseInvite(created.invite);
    if (invite === undefined || invite.org !== this.#org) throw sessionError('invite_malformed');
    const open = (await this.#requests.invites(settings)).find((one) => one.invite === invite.id);
    if (open?.enrollment === undefined) throw sessionError('subject_unknown', `no device answered to ${invite.id}`);
    const enrollment = { ...open.enrollment, invite: invite.id };
    const deadline = created.expiresAt.getTime() + enrollmentMs;
    const { challenge } = open;
    if (!(await isProvenEnrollment(invite, { person, role }, deadline, enrollment, challenge, this.#now())))
      throw sessionError('invite_refused', 'the keys, person or role are not those of the invited device');
    const { ik, dh } = enrollment;
    const facts = { person, role, can: [...can].sort(), ik, dh, name: zeroHash, invite: invite.id };
    await this.#append(
      () => ({ op: 'admit', device: { ...facts, expires: expiresAt?.getTime() ?? 0 } }),
      options,
      cosigner,
    );
    return deviceIdOf(this.#org, { ik, dh });
  }

  /**
   * Lists the broker of a person: the service asks the person's devices with the right `approve` whether requests may use
   * values. It is pending until a device of the person countersigns.
   * @returns id and fingerprint of the broker, for the person to compare.
   * @throws SessionError change_refused
   */
  async admitBroker(
    person: string,
    options: CallOptions = {},
  ): Promise<{ readonly device: string; readonly fingerprint: string }> {
    if (!isOpaqueName(person)) throw notSentError('invalid_argument', 'person must be 16 characters of 0-9 a-z');
    const { ik, dh } = await this.#requests.brokerKeys(person, this.#transport.callSettings(options));
    const facts = { person, role: 'broker' as const, can: [], ik, dh, name: zeroHash, invite: '', expires: 0 };
    const device = deviceIdOf(this.#org, { ik, dh });
    await this.#follow(options);
    if (this.#directory.state.devices.get(device)?.person !== person)
      await this.#append(() => ({ op: 'admit', device: facts }), options);
    return { device, fingerprint: fingerprintOf(this.#org, { ik, dh }) };
  }

  async suspend(subject: string, options: CallOptions = {}): Promise<void> {
    await this.#append(() => ({ op: 'suspend', subject, certificate: new Uint8Array(0) }), options);
  }

  /** As `suspend`, of a member of a fleet that the directory does not know. @param certificate signed */
  async suspendMember(subject: string, certificate: Uint8Array, options: CallOptions = {}): Promise<void> {
    await this.#append(() => ({ op: 'suspend', subject, certificate: new Uint8Array(certificate) }), options);
  }

  async resume(subject: string, options: CallOptions = {}): Promise<void> {
    await this.#append(() => ({ op: 'resume', subject }), options);
  }

  /** For ever. The keys of the device are never accepted again. */
  async revoke(subject: string, options: CallOptions = {}): Promise<void> {
    await this.#append(() => ({ op: 'revoke', subject, certificate: new Uint8Array(0) }), options);
  }

  /** Lets two agents or fleets write to each other, after devices of both persons countersigned. */
  async link(one: string, other: string, options: CallOptions = {}): Promise<void> {
    const [a = '', b = ''] = [one, other].sort();
    await this.#append(() => ({ op: 'link', a, b }), options);
  }

  async unlink(one: string, other: string, options: CallOptions = {}): Promise<void> {
    const [a = '', b = ''] = [one, other].sort();
    await this.#append(() => ({ op: 'unlink', a, b }), options);
  }

  /** Delegates to a fleet key, after a device of the person countersigned. @returns id of the fleet */
  async delegate(
    fleet: {
      readonly key: Uint8Array;
      readonly person: string;
      readonly can?: readonly string[];
      readonly expiresAt: Date;
    },
    options: CallOptions = {},
  ): Promise<string> {
    const { key, person, can = [], expiresAt } = fleet;
    const facts = { key: new Uint8Array(key), person, can: [...can].sort(), expires: expiresAt.getTime() };
    await this.#append(() => ({ op: 'delegate', fleet: facts }), options);
    const found = [...this.#directory.state.fleets.values()].find((one) => equalBytes(one.key, facts.key));
    if (found === undefined) throw sessionError('change_refused');
    return found.id;
  }

  /** Replaces the keys of the org, after one was lost or stolen. */
  async rotate({ authorities, recovery, cosigner, signer, ...options }: RotateOptions): Promise<void> {
    this.#transport.callSettings(options, 'authorities', 'recovery', 'cosigner', 'signer');
    const key = signingKeyOf(recovery.slice());
    const keys = { authorities: authorities.map((one) => new Uint8Array(one)), recovery: key.publicKey };
    const body = orgKeysBody('rotate', keys, proveRecoveryKey(this.#org, key));
    key.seed.fill(0);
    await this.#append(() => body, options, cosigner, signer);
  }

  /** Lets new devices verify the directory in one step. */
  async checkpoint(options: CallOptions = {}): Promise<void> {
    await this.#append((state) => checkpointBody(state), options);
  }

  /** Reads and verifies the directory. @throws SessionError bad_directory, pin_not_reached */
  async sync(options: CallOptions = {}): Promise<void> {
    await this.#follow(options);
  }

  async #append(
    draft: (state: DirectoryState) => EntryBody,
    options: CallOptions,
    cosigner?: Uint8Array,
    signer?: Uint8Array,
  ): Promise<void> {
    const settings = this.#transport.callSettings(options);
    const keys = [signer, cosigner].map((seed) => (seed === undefined ? undefined : signingKeyOf(seed.slice())));
    const [first = this.#authority, second] = keys;
    try {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        await this.#follow(options);
        const signed = writeEntry(this.#directory.state, draft(this.#directory.state), this.#now(), first, second);
        // All readers would judge the entry alike, so one without effect is not sent.
        const outcome = applyEntry(this.#directory.state, signed);
        if (outcome.result !== 'accept') throw sessionError('change_refused', outcome.reason);
        if (await this.#send(signed, settings)) return await this.#follow(options);
      }
      throw sessionError('too_many_conflicts');
    } finally {
      for (const key of keys) key?.seed.fill(0);
    }
  }

  /** @returns false if another entry has the place */
  async #send(signed: Bytes, settings: Parameters<AdminRequests['append']>[1]): Promise<boolean> {
    try {
      await this.#requests.append(signed, settings);
      return true;
    } catch (error) {
      if (error instanceof AnimaError && error.code === 'log_conflict') return false;
      throw error;
    }
  }

  async #follow(options: CallOptions): Promise<void> {
    const settings = this.#transport.callSettings(options);
    await this.#directory.read((after, s) => this.#requests.entries(after, s), settings);
    if (this.#isPinRequired && !this.#directory.isPinned) throw sessionError('pin_not_reached');
  }
}
