/** Web Push subscriptions of a device (docs/session-service.md, section 9). A notice says only that there is something. */
import { sha256 } from '../../../core/blobs/blob-key-derivation.ts';
import { toHex, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import type { SessionEngine } from './session-engine.ts';

/** A `PushSubscription` of a browser, or its JSON. Its keys are not used, because a notice has no body. */
export interface PushEndpoint {
  readonly endpoint: string;
}

const idBytes = 16;

/**
 * Push notices for this device, while no page is open.
 *
 *     const applicationServerKey = await client.push.key();
 *     const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
 *     await client.push.subscribe(subscription);
 */
export class Push {
  readonly #engine: SessionEngine;
  readonly #settings: (options: CallOptions) => CallSettings;

  /** @internal */
  constructor(engine: SessionEngine, settings: (options: CallOptions) => CallSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** Public key of the service (RFC 8292, section 3.2): `applicationServerKey` of the browser, 65 bytes. */
  async key(options: CallOptions = {}): Promise<Uint8Array> {
    return await this.#engine.context.requests.push.key(this.#settings(options));
  }

  /**
   * Notices go to this endpoint for 90 days. Call it again at each start of the program.
   * @returns when the subscription ends
   * @throws AnimaError endpoint_refused
   */
  async subscribe({ endpoint }: PushEndpoint, options: CallOptions = {}): Promise<{ readonly expiresAt: Date }> {
    const checked = checkEndpoint(endpoint);
    const { expiresAt } = await this.#engine.context.requests.push.put(checked, this.#settings(options));
    return { expiresAt };
  }

  /** Ends notices to this endpoint; without one, to all of this device. @returns how many were ended */
  async unsubscribe(subscription?: PushEndpoint, options: CallOptions = {}): Promise<number> {
    const id = subscription === undefined ? undefined : await subscriptionId(checkEndpoint(subscription.endpoint));
    return await this.#engine.context.requests.push.delete(id, this.#settings(options));
  }
}

/** The name that the service gives to an endpoint. */
const subscriptionId = async (endpoint: string): Promise<string> =>
  toHex((await sha256(utf8Bytes(endpoint))).subarray(0, idBytes));

/** @throws AnimaError invalid_argument */
function checkEndpoint(endpoint: unknown): string {
  if (typeof endpoint === 'string' && endpoint.startsWith('https://') && URL.canParse(endpoint)) return endpoint;
  throw notSentError('invalid_argument', 'the subscription needs an endpoint that is an https URL');
}
