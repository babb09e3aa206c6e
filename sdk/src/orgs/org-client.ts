import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import type { Rotation } from '../../../contract/rotation/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { ShredResponse } from '../../../contract/shredding/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkConfirm, checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';

export interface ShredOptions extends CallOptions {
  /** The id of the organization, to confirm; `org.get()` tells it. */
  confirm: string;
  /** Days to wait, 0 to 30, in which the organization is locked and `cancelShred` works; 0 unless told. */
  waitDays?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/** The organization of the client's key, and the keys under which its data lies. */
export class Org {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Its state, and its data-encryption keys without their material. Works when it is locked or shredded too. */
  async get(options: CallOptions = {}): Promise<OrgResponse> {
    return this.#transport.request(
      { route: 'getOrg' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeOrg,
    );
  }

  /**
   * Rotates the data-encryption key: new values are sealed by a new version at once, old ones are re-encrypted in the
   * background. While a rotation runs, that one is returned. Undefined when there is no key yet to rotate.
   * @throws OrgStateError org_locked, org_shredded
   */
  async rotate(options: CallOptions = {}): Promise<Rotation | undefined> {
    const call = { route: 'startRotation', body: {} } as const;
    return (
      await this.#transport.request(call, this.#transport.callSettings(options), (await loadLazyModules()).decodeLatest)
    ).latest;
  }

  /** The latest rotation and how far it is; undefined when there was none. */
  async rotation(options: CallOptions = {}): Promise<Rotation | undefined> {
    const call = { route: 'getRotation' } as const;
    return (
      await this.#transport.request(call, this.#transport.callSettings(options), (await loadLazyModules()).decodeLatest)
    ).latest;
  }

  /**
   * Destroys the data-encryption keys, at once or after a waiting period: from then on no value can be opened by anyone.
   * Nothing brings them back.
   * @throws InvalidRequestError when `confirm` does not name the organization
   */
  async shred(options: ShredOptions): Promise<ShredResponse> {
    const waitDays = checkInteger('waitDays', options.waitDays, 0, limits.shredWaitDays);
    const body = { confirm: checkConfirm(options.confirm), waitDays };
    return this.#transport.request(
      { route: 'shredOrg', body },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeShred,
    );
  }

  /** Cancels a shredding that waits, and unlocks the organization. @throws ConflictError no_shred_pending */
  async cancelShred(options: CallOptions = {}): Promise<ShredResponse> {
    return this.#transport.request(
      { route: 'cancelShred' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeShred,
    );
  }

  /** Whether it is locked or shredded, with the signed receipts. */
  async shredStatus(options: CallOptions = {}): Promise<ShredResponse> {
    return this.#transport.request(
      { route: 'getShred' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeShred,
    );
  }
}
