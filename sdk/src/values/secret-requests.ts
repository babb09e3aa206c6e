/** Requests for a secret, which a person types on a page (docs/secret-requests.md). Loaded on first use. */
import { secretRequestLimits as limits, secretRequestStates } from '../../../contract/secret-requests/limits.ts';
import { secretRequestRoutes } from '../../../contract/secret-requests/routes.ts';
import type {
  CreatedSecretRequest,
  CreateSecretRequest,
  SecretRequestStatus,
} from '../../../contract/secret-requests/wire.ts';
import { delay } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, checkName, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { decodeObject, decodeOneOf, decodeText, optional } from '../shared/json-decoders.ts';
import { addSecretRequestErrors } from './secret-request-errors.ts';

export interface RequestOptions extends CallOptions {
  /** Why the secret is needed, for the person who is asked: 1 to 200 characters. */
  why: string;
  /** Seconds until the link expires: 60 to 86400. Default: 3600. */
  expiresIn?: number | undefined;
  /** Replaces a value with that name, and all its versions. Needs a key that can write values. */
  replace?: boolean | undefined;
}

export interface FilledOptions extends CallOptions {
  /** Called with the status after each time that the vault was asked. */
  onStatus?: ((status: SecretRequestStatus) => void) | undefined;
}

/** A request that was made, by its id. */
export interface SecretRequestHandle {
  readonly id: string;
  /** @throws NotFoundError secret_request_not_found */
  status(options?: CallOptions): Promise<SecretRequestStatus>;
  /**
   * Waits until a person has typed the secret. A connection that fails for a while does not end the wait.
   * @throws PermissionError secret_request_denied, if it was denied or cancelled; NotFoundError secret_request_expired;
   *   AbortError aborted
   */
  filled(options?: FilledOptions): Promise<SecretRequestStatus>;
  /** Ends the link. @throws ConflictError secret_request_filled */
  cancel(options?: CallOptions): Promise<SecretRequestStatus>;
}

/** A new request. */
export interface SecretRequest extends SecretRequestHandle {
  /** The link for the person. It works once. */
  readonly url: string;
  readonly name: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** First and longest interval between two requests, milliseconds. */
const firstIntervalMs = 1_000;
const maxIntervalMs = 10_000;

const decodeCreated = decodeObject<CreatedSecretRequest>({
  id: decodeText,
  url: decodeText,
  name: decodeText,
  createdAt: decodeText,
  expiresAt: decodeText,
});

const decodeStatus = decodeObject<SecretRequestStatus>({
  id: decodeText,
  name: decodeText,
  state: decodeOneOf(secretRequestStates),
  createdAt: decodeText,
  expiresAt: decodeText,
  closedAt: optional(decodeText),
});

export async function requestSecret(
  transport: Transport,
  name: string,
  { why, expiresIn, replace, ...options }: RequestOptions,
): Promise<SecretRequest> {
  addSecretRequestErrors();
  const settings = transport.callSettings(options, 'why', 'expiresIn', 'replace');
  if (typeof why !== 'string' || why === '' || [...why].length > limits.whyLength)
    throw notSentError('invalid_argument', `why is not a text of 1 to ${limits.whyLength} characters`);
  const body = {
    name: checkName(name),
    why,
    expiresIn: checkInteger('expiresIn', expiresIn, limits.expiresInMin, limits.expiresInMax),
    ...(replace === true ? { replace } : {}),
  } satisfies CreateSecretRequest;
  const call = { route: secretRequestRoutes.createSecretRequest, body };
  const { id, url, expiresAt } = await transport.request(call, settings, (json) => {
    const created = decodeCreated(json);
    return created?.name === name ? created : undefined;
  });
  return { ...findSecretRequest(transport, id), url, name, expiresAt };
}

export function findSecretRequest(transport: Transport, given: string): SecretRequestHandle {
  addSecretRequestErrors();
  if (!/^[0-9a-z]{16}$/.test(given))
    throw notSentError('invalid_argument', 'id must be the id of a request, 16 characters');
  const id = given;
  const ask = (route: 'getSecretRequest' | 'cancelSecretRequest', options: CallOptions) =>
    transport.request({ route: secretRequestRoutes[route], id }, transport.callSettings(options), (json) => {
      const status = decodeStatus(json);
      return status?.id === id ? status : undefined;
    });
  const status = (options: CallOptions = {}) => ask('getSecretRequest', options);
  return {
    id,
    status,
    filled: (options = {}) => waitUntilFilled(transport, status, options),
    cancel: (options = {}) => ask('cancelSecretRequest', options),
  };
}

async function waitUntilFilled(
  transport: Transport,
  ask: (options: CallOptions) => Promise<SecretRequestStatus>,
  { onStatus, ...options }: FilledOptions,
): Promise<SecretRequestStatus> {
  const settings = transport.callSettings(options, 'onStatus');
  for (let interval = firstIntervalMs; ; interval = Math.min(maxIntervalMs, interval * 1.5)) {
    const status = await ask(options).catch((error: unknown) => {
      if (error instanceof AnimaError && error.retryable) return undefined;
      throw error;
    });
    if (status !== undefined) onStatus?.(status);
    const state = status?.state;
    if (status !== undefined && state === 'filled') return status;
    if (state === 'expired') throw createError('secret_request_expired');
    if (state === 'denied' || state === 'cancelled') throw createError('secret_request_denied');
    await delay(interval * (0.75 + Math.random() / 2), settings);
  }
}
