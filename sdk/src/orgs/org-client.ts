import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import type { Rotation } from '../../../contract/rotation/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { ShredResponse } from '../../../contract/shredding/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkConfirm, checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';

export interface ShredOptions extends CallOptions {
  /** The organization's id, as confirmation; see `org.get()`. */
  confirm: string;
  /** Waiting period in days, 0 to 30. During it the organization is locked and `cancelShred` works. Default: 0. */
  waitDays?: number | undefined;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/** The organization of the client's key, and its data-encryption keys. */
export class Org {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Returns the organization's state and its data-encryption keys without key material. Also works while the
   * organization is locked or shredded.
   */
  async get(options: CallOptions = {}): Promise<OrgResponse> {
    return this.#transport.request(
      { route: 'getOrg' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeOrg,
    );
  }

  /**
   * Rotates the data-encryption key. New values are encrypted under the new version immediately; existing values are
   * re-encrypted in the background. If a rotation is already running, it is returned. Undefined if there is no key to
   * rotate yet.
   * @throws OrgStateError org_locked, org_shredded
   */
  async rotate(options: CallOptions = {}): Promise<Rotation | undefined> {
    const call = { route: 'startRotation', body: {} } as const;
    return (
      await this.#transport.request(call, this.#transport.callSettings(options), (await loadLazyModules()).decodeLatest)
    ).latest;
  }

  /** Returns the latest rotation and its progress; undefined if there was none. */
  async rotation(options: CallOptions = {}): Promise<Rotation | undefined> {
    const call = { route: 'getRotation' } as const;
    return (
      await this.#transport.request(call, this.#transport.callSettings(options), (await loadLazyModules()).decodeLatest)
    ).latest;
  }

  /**
   * Destroys the data-encryption keys, immediately or after a waiting period. After that nobody can decrypt any
   * value, and the keys cannot be restored.
   * @throws InvalidRequestError if `confirm` is not the organization's id
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

  /** Cancels a pending shredding and unlocks the organization. @throws ConflictError no_shred_pending */
  async cancelShred(options: CallOptions = {}): Promise<ShredResponse> {
    return this.#transport.request(
      { route: 'cancelShred' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeShred,
    );
  }

  /** Returns whether the organization is locked or shredded, with the signed receipts. */
  async shredStatus(options: CallOptions = {}): Promise<ShredResponse> {
    return this.#transport.request(
      { route: 'getShred' },
      this.#transport.callSettings(options),
      (await loadLazyModules()).decodeShred,
    );
  }
}
