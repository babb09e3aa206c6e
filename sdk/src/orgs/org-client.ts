import type { OrgResponse } from '../../../contract/orgs/wire.ts';
import type { Rotation } from '../../../contract/rotation/wire.ts';
import type { ShredResponse } from '../../../contract/shredding/wire.ts';
import type { Transport } from '../http/transport.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { ShredOptions } from './org-types.ts';

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
    return (await loadLazyModules()).getOrg(this.#transport, options);
  }

  /**
   * Rotates the data-encryption key. New values are encrypted under the new version immediately; existing values are
   * re-encrypted in the background. If a rotation is already running, it is returned. Undefined if there is no key to
   * rotate yet.
   * @throws OrgStateError org_locked, org_shredded
   */
  async rotate(options: CallOptions = {}): Promise<Rotation | undefined> {
    return (await loadLazyModules()).startRotation(this.#transport, options);
  }

  /** Returns the latest rotation and its progress; undefined if there was none. */
  async rotation(options: CallOptions = {}): Promise<Rotation | undefined> {
    return (await loadLazyModules()).getRotation(this.#transport, options);
  }

  /**
   * Destroys the data-encryption keys, immediately or after a waiting period. After that nobody can decrypt any
   * value, and the keys cannot be restored.
   * @throws InvalidRequestError if `confirm` is not the organization's id
   */
  async shred(options: ShredOptions): Promise<ShredResponse> {
    return (await loadLazyModules()).shredOrg(this.#transport, options);
  }

  /** Cancels a pending shredding and unlocks the organization. @throws ConflictError no_shred_pending */
  async cancelShred(options: CallOptions = {}): Promise<ShredResponse> {
    return (await loadLazyModules()).cancelShred(this.#transport, options);
  }

  /** Returns whether the organization is locked or shredded, with the signed receipts. */
  async shredStatus(options: CallOptions = {}): Promise<ShredResponse> {
    return (await loadLazyModules()).getShred(this.#transport, options);
  }
}
