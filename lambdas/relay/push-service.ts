/** Push subscriptions of devices (docs/session-service.md, section 9). */
import { createHash } from 'node:crypto';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { DeletePushResponse, PutPushResponse } from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import { parsePushEndpoint } from './push-endpoint.ts';
import type { PushStore, SocketOwner } from './socket-ports.ts';

const subscriptionIdOf = (endpoint: string): string =>
  createHash('sha256').update(endpoint).digest().subarray(0, 16).toString('hex');
const ownerOf = ({ org, device }: SessionSigner): SocketOwner => ({ org, device: device.id });

export class PushService {
  readonly #store: PushStore;
  readonly #clock: Clock;

  constructor(store: PushStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Stores a subscription, or prolongs it. @throws VaultError `endpoint_refused`, `unavailable` */
  async put(signer: SessionSigner, endpoint: string): Promise<PutPushResponse> {
    if (parsePushEndpoint(endpoint) === undefined) {
      throw new VaultError('endpoint_refused', { detail: 'It is not https at a public name. Nothing was stored.' });
    }
    const owner = ownerOf(signer);
    const subscription = subscriptionIdOf(endpoint);
    const expiresAt = addSeconds(this.#clock(), sessionLimits.pushSubscriptionSeconds);
    await this.#store.putSubscription(owner, { id: subscription, endpoint, expiresAt });
    const others = (await this.#store.listSubscriptions(owner)).filter(({ id }) => id !== subscription);
    const kept = others.toSorted((a, b) => Date.parse(b.expiresAt) - Date.parse(a.expiresAt));
    for (const { id } of kept.slice(sessionLimits.pushSubscriptions - 1)) {
      await this.#store.deleteSubscription(owner, id);
    }
    return { subscription, expiresAt };
  }

  /** Removes one subscription, or all of the device. @throws VaultError `unavailable` */
  async delete(signer: SessionSigner, subscription: string | undefined): Promise<DeletePushResponse> {
    const owner = ownerOf(signer);
    const ids =
      subscription === undefined ? (await this.#store.listSubscriptions(owner)).map(({ id }) => id) : [subscription];
    let removed = 0;
    for (const id of ids) if (await this.#store.deleteSubscription(owner, id)) removed += 1;
    return { removed };
  }
}
