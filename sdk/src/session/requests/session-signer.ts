/** Signs requests with the key of a device (docs/session-service.md, section 1). */
import { signSessionRequest } from '../../../../core/directory/request-signature.ts';
import { type Bytes, toBase64, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { ServiceClock } from '../../http/service-clock.ts';
import type { RequestSigner } from '../../http/transport.ts';
import type { OwnDevice } from '../storage/own-device.ts';

export class SessionSigner implements RequestSigner {
  readonly #own: OwnDevice;
  readonly #certificate: () => Bytes | undefined;
  readonly clock = new ServiceClock();

  constructor(own: OwnDevice, certificate: () => Bytes | undefined) {
    this.#own = own;
    this.#certificate = certificate;
  }

  async sign(method: string, url: string, body: string | undefined): Promise<Readonly<Record<string, string>>> {
    const { host, pathname, search } = new URL(url);
    const target = { method, authority: host, path: pathname, query: search.replace(/^\?/, '') };
    const { org, ik, device } = this.#own;
    const certificate = this.#certificate();
    const signer = { org, device: device.id, created: this.clock.seconds() };
    const more = certificate === undefined ? {} : { certificate: toBase64(certificate) };
    return { ...(await signSessionRequest(ik, { ...signer, ...more }, target, utf8Bytes(body ?? ''))) };
  }

  observeDate(date: string | null): void {
    this.clock.observeDate(date);
  }
}
