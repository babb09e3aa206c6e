/** The certificate of this device, if it is a member of a fleet. It is renewed before it ends. */
import {
  acceptCertificate,
  type FleetCertificate,
  readCertificate,
} from '../../../../core/directory/fleet-certificate.ts';
import type { Party } from '../../../../core/directory/may-write.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { sessionError } from '../session-errors.ts';
import type { CertifyKeys } from '../session-types.ts';
import type { OwnDevice } from '../storage/own-device.ts';
import { Changes, type SessionStore } from '../storage/session-store.ts';
import type { DirectoryCopy } from './directory-copy.ts';

const name = 'certificate';
/** Part of the lifetime after which a new one is asked for. */
const renewAfter = 0.75;

export class OwnCertificate {
  readonly #store: SessionStore;
  readonly #own: OwnDevice;
  readonly #certify: CertifyKeys | undefined;
  #signed: Bytes | undefined;

  private constructor(store: SessionStore, own: OwnDevice, certify: CertifyKeys | undefined, signed?: Bytes) {
    this.#store = store;
    this.#own = own;
    this.#certify = certify;
    this.#signed = signed;
  }

  static async load(store: SessionStore, own: OwnDevice, certify: CertifyKeys | undefined): Promise<OwnCertificate> {
    return new OwnCertificate(store, own, certify, await store.bytes(name));
  }

  /** The signed certificate, for requests. */
  get signed(): Bytes | undefined {
    return this.#signed;
  }

  /** This device for the rules of the directory. */
  party({ state }: DirectoryCopy): Party {
    return this.#parse(state) ?? this.#own.device.id;
  }

  /** Asks for a certificate if there is none, or it soon ends. @throws SessionError not_active for a wrong one */
  async renew(directory: DirectoryCopy | undefined, now: number): Promise<void> {
    if (this.#certify === undefined) return;
    const last = directory && this.#parse(directory.state);
    const isFresh = last !== undefined && now < last.issued + (last.expires - last.issued) * renewAfter;
    if (isFresh || (directory === undefined && this.#signed !== undefined)) return;
    const { id, ik, dh } = this.#own.device;
    const signed = new Uint8Array(await this.#certify({ device: id, ik: ik.slice(), dh: dh.slice() }));
    if (directory !== undefined && acceptCertificate(directory.state, signed, now, undefined)?.id !== id)
      throw sessionError('not_active', 'the certificate of the fleet is not valid');
    await this.#store.write(new Changes().putBytes(name, signed));
    this.#signed = signed;
  }

  #parse(state: DirectoryCopy['state']): FleetCertificate | undefined {
    return this.#signed && readCertificate(state, this.#signed);
  }
}
