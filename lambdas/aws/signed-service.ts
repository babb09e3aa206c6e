/**
 * Signed calls to one AWS service, with retries. A call may take effect although it fails: each write of the vault is
 * conditional, or harmless if it happens twice.
 */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClockOffset, processClock } from './clock-offset.ts';
import type { AwsCredentials, CredentialProvider } from './credentials.ts';
import { ExchangeError, exchange, type HttpReply, type HttpRequest } from './http-exchange.ts';
import { isExpiredCredentials, retryDelayMs, retryKindOf } from './retry-policy.ts';
import { resolveEndpoint, type ServiceLocation, type ServiceName } from './service-endpoint.ts';
import { ServiceError, toServiceError } from './service-error.ts';
import { signatureHeader, toAmzDate } from './signature-v4.ts';

/** Limits of a call. */
export interface CallLimits {
  readonly attempts: number;
  /** Until a new connection is established, in each attempt, milliseconds. */
  readonly connectMs: number;
  /** Until the response is complete, in each attempt, milliseconds. */
  readonly requestMs: number;
}

export interface ServiceOptions {
  readonly credentials: CredentialProvider;
  readonly limits: CallLimits;
  /** Default: by the environment. */
  readonly location?: ServiceLocation;
  readonly clock?: ClockOffset;
}

export interface CallOptions {
  /** Limit of all attempts together, milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface ServiceRequest {
  /** For errors, e.g. `GetItem`. */
  readonly operation: string;
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  /** Headers besides those of the signature, in lower case. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Prefix of the host name, for buckets. */
  readonly hostPrefix?: string;
}

/** The signing name of a service. `execute-api` has no regional endpoint: each API has its own address. */
type SigningName = ServiceName | 'execute-api';

function locate(service: SigningName): ServiceLocation {
  if (service === 'execute-api') throw new Error('an API needs its address');
  return resolveEndpoint(service);
}

/** No response arrives in less. Timers end up to a millisecond early, so an attempt could begin at the deadline. */
const minAttemptMs = 5;

export class SignedService {
  readonly location: ServiceLocation;
  readonly #service: SigningName;
  readonly #credentials: CredentialProvider;
  readonly #limits: CallLimits;
  readonly #clock: ClockOffset;

  constructor(service: SigningName, { credentials, limits, location, clock = processClock }: ServiceOptions) {
    this.location = location ?? locate(service);
    this.#service = service;
    this.#credentials = credentials;
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Sends a request and decodes the response. Expired credentials are renewed once, and a wrong clock is corrected
   * once; neither counts as an attempt.
   * @param decode of a response with status 2xx. An ExchangeError counts as a failed attempt.
   * @throws ServiceError; errors of the credentials and of `decode`
   */
  async call<Output>(
    request: ServiceRequest,
    decode: (reply: HttpReply) => Output,
    { timeoutMs = Number.POSITIVE_INFINITY }: CallOptions = {},
  ): Promise<Output> {
    const deadline = performance.now() + timeoutMs;
    let credentials = await this.#credentials();
    let mayRenew = true;
    let mayCorrect = true;
    for (let attempt = 1; ; ) {
      const outcome = await this.#attempt(request, credentials, decode, deadline - performance.now());
      if (!(outcome instanceof FailedAttempt)) return outcome;
      const { error, signedAt, serverDate } = outcome;
      if (mayRenew && isExpiredCredentials(error)) {
        mayRenew = false;
        credentials = await this.#credentials({ rejected: credentials });
      } else if (mayCorrect && this.#clock.correct(error.name, signedAt, serverDate)) {
        mayCorrect = false;
      } else {
        await this.#waitForRetry(error, attempt, deadline);
        attempt += 1;
      }
    }
  }

  /** @throws the error if it is not to be retried */
  async #waitForRetry(error: ServiceError, attempt: number, deadline: number): Promise<void> {
    const kind = retryKindOf(error);
    if (kind === undefined || attempt === this.#limits.attempts) throw error;
    const delay = retryDelayMs(kind, attempt);
    if (performance.now() + delay + minAttemptMs >= deadline) throw error;
    await sleep(delay);
  }

  async #attempt<Output>(
    request: ServiceRequest,
    credentials: AwsCredentials,
    decode: (reply: HttpReply) => Output,
    remainingMs: number,
  ): Promise<Output | FailedAttempt> {
    const operation = `${this.#service} ${request.operation}`;
    const { connectMs, requestMs } = this.#limits;
    const signedAt = this.#clock.now();
    try {
      const reply = await exchange(this.#sign(request, credentials, signedAt), {
        connectMs,
        requestMs: Math.max(1, Math.min(requestMs, remainingMs)),
      });
      if (reply.status >= 200 && reply.status < 300) return decode(reply);
      return new FailedAttempt(toServiceError(operation, reply), signedAt, reply.headers.date);
    } catch (error) {
      if (error instanceof ExchangeError) return new FailedAttempt(new ServiceError(error.reason, operation), signedAt);
      throw error;
    }
  }

  #sign(request: ServiceRequest, credentials: AwsCredentials, signedAt: number): HttpRequest {
    const { method, path, body, hostPrefix = '' } = request;
    const { protocol, port, region } = this.location;
    const hostname = hostPrefix + this.location.hostname;
    const amzDate = toAmzDate(signedAt);
    const unsorted: Record<string, string> = {
      ...request.headers,
      host: port === '' ? hostname : `${hostname}:${port}`,
      'x-amz-date': amzDate,
    };
    if (credentials.sessionToken !== undefined) unsorted['x-amz-security-token'] = credentials.sessionToken;
    const headers: Record<string, string> = {};
    for (const name of Object.keys(unsorted).sort()) headers[name] = unsorted[name] ?? '';
    const bodyHash = hash('sha256', body);
    const scope = { region, service: this.#service };
    const canonicalPath = this.#service === 's3' ? path : encodePath(path);
    const signable = { method, path: canonicalPath, headers, bodyHash };
    const authorization = signatureHeader(signable, scope, credentials, amzDate);
    return {
      endpoint: { protocol, hostname, port },
      method,
      path,
      headers: {
        ...headers,
        authorization,
        'content-length': String(typeof body === 'string' ? Buffer.byteLength(body) : body.length),
      },
      body,
    };
  }
}

/** Encodes each segment of a path that is already encoded once. */
const encodePath = (path: string): string => (path === '/' ? path : path.split('/').map(encodeURIComponent).join('/'));

class FailedAttempt {
  readonly error: ServiceError;
  readonly signedAt: number;
  readonly serverDate: string | undefined;

  constructor(error: ServiceError, signedAt: number, serverDate?: string) {
    this.error = error;
    this.signedAt = signedAt;
    this.serverDate = serverDate;
  }
}
