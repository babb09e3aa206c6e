import { type RouteAuth, routes } from '../../../contract/routes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import {
  type CallOptions,
  type CallSettings,
  type ClientSettings,
  type Credential,
  type Fetch,
  parseCredential,
  resolveCallSettings,
  type Signal,
} from '../shared/client-options.ts';
import { type AnimaError, createError } from '../shared/errors.ts';
import type { Decoder } from '../shared/json-decoders.ts';
import { buildRequestPath, type RequestTarget } from '../shared/url.ts';
import { errorFromResponse, parseJson, unexpectedResponseError } from './error-response.ts';
import { withRetries, withTimeout } from './retry.ts';

/** One request of the vault's API. */
export interface ApiCall extends RequestTarget {
  /** Sent as JSON; said once, so that every attempt sends the same bytes and write ids. */
  readonly body?: object | undefined;
}

/** What of a request is the same in every attempt, and the signal that ends one. */
interface PreparedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: Signal;
  readonly outcomeHint: string;
}

const jsonContentType = { 'content-type': 'application/json' };

/** Credentials that routes of each kind take; those of AWS and of providers of messages are no matter of this client. */
const acceptedCredentials: Readonly<Record<RouteAuth, readonly Credential['kind'][]>> = {
  'api-key': ['org'],
  user: ['user', 'session'],
  none: ['org', 'user', 'session', 'none'],
  iam: [],
  signature: [],
};

/** Sends calls and brings back their decoded answers. The key is in private fields and goes nowhere else. */
export class Transport {
  readonly baseURL: string;
  readonly #settings: ClientSettings;
  #credential: Credential;

  constructor(settings: ClientSettings) {
    this.baseURL = settings.baseURL;
    this.#settings = settings;
    this.#credential = settings.credential;
  }

  get credentialKind(): Credential['kind'] {
    return this.#credential.kind;
  }

  /** Whose user key this client has; undefined when it has none. */
  get owner(): { readonly org: string; readonly user: string } | undefined {
    const credential = this.#credential;
    return credential.kind === 'user' ? { org: credential.org, user: credential.user } : undefined;
  }

  /** The same with another key. */
  withKey(key: string): Transport {
    return new Transport({ ...this.#settings, credential: parseCredential(key) });
  }

  /** Uses another key from the next call on. */
  useKey(key: string): void {
    this.#credential = parseCredential(key);
  }

  /** The `fetch` of this client by itself, for requests that are not to the vault. */
  get fetch(): Fetch {
    return this.#settings.fetch;
  }

  /** The settings of a call with these options. @throws AnimaError invalid_argument */
  callSettings(options: CallOptions): CallSettings {
    return resolveCallSettings(options, this.#settings.callDefaults);
  }

  /**
   * Makes a call, with retries.
   * @param decode reads the JSON of a successful answer; returns undefined when it has not the documented shape.
   * @throws AnimaError any code; wrong_key_kind before anything is sent
   */
  async request<T>(call: ApiCall, settings: CallSettings, decode: Decoder<T>): Promise<T> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const credential = this.#credential;
    const { auth } = routes[call.route];
    if (!acceptedCredentials[auth].includes(credential.kind)) throw wrongKeyKindError(auth, credential.kind);
    const key = auth !== 'none' && 'authorization' in credential ? { authorization: credential.authorization } : {};
    const headers = { ...key, ...this.#settings.headers, ...settings.callerHeaders, ...(body && jsonContentType) };
    const { outcomeHint } = settings;
    const send = (signal: Signal) =>
      this.#sendAndDecode(call, { headers, body, signal, outcomeHint: outcomeHint }, decode);
    return withRetries(settings, () => withTimeout(settings, send));
  }

  async #sendAndDecode<T>(call: ApiCall, sent: PreparedRequest, decode: Decoder<T>): Promise<T> {
    const { response, text } = await this.#sendOnce(call, sent);
    if (!response.ok || response.redirected) throw errorFromResponse(response, text);
    const result = decode(parseJson(text));
    if (result === undefined) throw unexpectedResponseError(response, 'it has not the documented shape');
    return result;
  }

  async #sendOnce(
    call: ApiCall,
    { headers, body, signal, outcomeHint }: PreparedRequest,
  ): Promise<{ response: Response; text: string }> {
    const { fetch, baseURL } = this.#settings;
    try {
      const response = await fetch(baseURL + buildRequestPath(call), {
        method: routes[call.route].method,
        headers: { ...headers },
        ...(body === undefined ? {} : { body }),
        // Followed, a redirect could carry the key to another host; Workers know no `error` mode.
        redirect: 'manual',
        // Said for sessions only: it is the default of browsers, and some workers know no such option.
        ...(this.#credential.kind === 'session' ? { credentials: 'same-origin' as const } : {}),
        signal,
      });
      return { response, text: await response.text() };
    } catch (error) {
      throw createError('connection_failed', { detail: `${connectionErrorCode(error)} at ${baseURL}. ${outcomeHint}` });
    }
  }
}

const credentialNames: Readonly<Record<Credential['kind'], string>> = {
  org: 'an API key of the organization',
  user: 'a user key',
  session: 'a session',
  none: 'none',
};

/** Which kind of key a call takes, and which the client has. */
const wrongKeyKindError = (auth: RouteAuth, kind: Credential['kind']): AnimaError =>
  notSentError(
    'wrong_key_kind',
    `it takes ${acceptedCredentials[auth].map((one) => credentialNames[one]).join(' or ')}; this client has ${credentialNames[kind]}`,
  );

/**
 * The system's code of a failed connection, e.g. `ECONNREFUSED`. Only that is taken from what `fetch` threw: a
 * custom one may throw errors that hold the whole request, key included.
 */
export function connectionErrorCode(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const code: unknown = Reflect.get(cause, 'code');
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
  }
  return 'no connection';
}
