import type { RouteAuth } from '../../../contract/routes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import {
  type CallOptions,
  type CallSettings,
  type ClientSettings,
  type Credential,
  type Fetch,
  resolveCallSettings,
  type Signal,
  settingsForRead,
} from '../shared/client-options.ts';
import { type AnimaError, createError } from '../shared/errors.ts';
import type { LoginTarget } from '../shared/identity-types.ts';
import type { Decoder } from '../shared/json-decoders.ts';
import { buildRequestPath, type RequestTarget } from '../shared/url.ts';
import { errorFromResponse, parseJson, unexpectedResponseError } from './error-response.ts';
import { withRetries, withTimeout } from './retry.ts';

/** One request to the vault's API. */
export interface ApiCall extends RequestTarget {
  /** Sent as JSON. Built once, so that every attempt sends the same bytes and write ids. */
  readonly body?: object | undefined;
  /** Signs the request, for routes that take the signature of a device. No other credential is sent then. */
  readonly signer?: RequestSigner | undefined;
}

/** Computes the headers of a signature anew for each attempt, because a signature contains its time. */
export interface RequestSigner {
  /** @param url the whole address, and the body exactly as it is sent */
  sign(method: string, url: string, body: string | undefined): Promise<Readonly<Record<string, string>>>;
  /** Receives the header `Date` of each response. */
  observeDate(date: string | null): void;
}

/** The short-lived keys of a client that logs in. */
export interface LoginKeys {
  /** Sends a request with a key that works, from a login if necessary. @throws AnimaError */
  send<T>(settings: CallSettings, sendWith: (header: { readonly authorization: string }) => Promise<T>): Promise<T>;
}

export type LoadLoginKeys = (settings: ClientSettings, target: LoginTarget) => Promise<LoginKeys>;

/** The parts of a request that are the same in every attempt, and the signal that ends one attempt. */
interface PreparedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: Signal;
  readonly outcomeHint: string;
}

const jsonContentType = { 'content-type': 'application/json' };

/**
 * Credentials that each kind of route accepts. This client does not use routes for AWS credentials or message
 * providers. Requests of devices are signed by their own client.
 */
const acceptedCredentials: Readonly<Record<RouteAuth, readonly Credential['kind'][]>> = {
  'api-key': ['org'],
  user: ['user', 'session'],
  none: ['org', 'user', 'session', 'none'],
  iam: [],
  device: [],
  'session-device': [],
  invite: [],
  signature: [],
};

/** Sends calls and decodes the responses. The key is kept in private fields and is not passed elsewhere. */
export class Transport {
  readonly baseURL: string;
  readonly #settings: ClientSettings;
  /** Built once, because most reads have no settings of their own. */
  readonly #readDefaults: CallSettings;
  #credential: Credential;
  readonly #loadLoginKeys: LoadLoginKeys | undefined;
  #loginKeys: Promise<LoginKeys> | undefined;

  /** @param loadLoginKeys for clients that can log in instead of having a key */
  constructor(settings: ClientSettings, loadLoginKeys?: LoadLoginKeys) {
    this.#loadLoginKeys = loadLoginKeys;
    this.baseURL = settings.baseURL;
    this.#settings = settings;
    this.#readDefaults = settingsForRead(settings.callDefaults);
    this.#credential = settings.credential;
  }

  get credentialKind(): Credential['kind'] {
    return this.#credential.kind;
  }

  /** The user that this client's user key belongs to; undefined without a user key. */
  get owner(): { readonly org: string; readonly user: string } | undefined {
    const credential = this.#credential;
    return credential.kind === 'user' ? { org: credential.org, user: credential.user } : undefined;
  }

  /** A transport with the same settings and another key. */
  withKey(credential: Credential): Transport {
    return new Transport({ ...this.#settings, credential });
  }

  /** Uses another key, starting with the next call. */
  useKey(credential: Credential): void {
    this.#credential = credential;
  }

  /** This client's `fetch`, for requests that do not go to the vault. */
  get fetch(): Fetch {
    return this.#settings.fetch;
  }

  /**
   * The settings of a call with these options.
   * @param own names of the method's other options, also of those that were already taken out. All others are refused
   * @throws AnimaError invalid_argument
   */
  callSettings(options: CallOptions, ...own: string[]): CallSettings {
    return resolveCallSettings(options, this.#settings.callDefaults, own);
  }

  /**
   * Makes a call, with retries.
   * @param decode decodes the JSON of a successful response; returns undefined if it does not have the documented
   * shape
   * @throws AnimaError any code; wrong_key_kind before anything is sent
   */
  async request<T>(call: ApiCall, given: CallSettings, decode: Decoder<T>): Promise<T> {
    const { method, verb = '' } = call.route;
    // Batches and searches are a POST, but only read.
    const settings = method === 'GET' || /(?:read|list)$/.test(verb) ? this.#forRead(given) : given;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const { callerHeaders, outcomeHint } = settings;
    const sendWith = (key: { readonly authorization?: string }) => {
      const headers = { ...key, ...this.#settings.headers, ...callerHeaders, ...(body && jsonContentType) };
      const send = (signal: Signal) => this.#sendAndDecode(call, { headers, body, signal, outcomeHint }, decode);
      return withRetries(settings, () => withTimeout(settings, send));
    };
    if (call.signer !== undefined) return sendWith({});
    const header = this.#credentialHeader(call);
    if (!('login' in header)) return sendWith(header);
    this.#loginKeys ??= this.#loadLoginKeys?.(this.#settings, header.login);
    const keys = await this.#loginKeys;
    return keys?.send(settings, sendWith) ?? sendWith({});
  }

  #forRead(settings: CallSettings): CallSettings {
    return settings === this.#settings.callDefaults ? this.#readDefaults : settingsForRead(settings);
  }

  /** @throws AnimaError wrong_key_kind */
  #credentialHeader(call: ApiCall): { readonly authorization?: string } | { readonly login: LoginTarget } {
    const credential = this.#credential;
    const { auth } = call.route;
    if (!acceptedCredentials[auth].includes(credential.kind)) throw wrongKeyKindError(auth, credential.kind);
    if (auth === 'none') return {};
    if ('login' in credential) return { login: credential.login };
    return 'authorization' in credential ? { authorization: credential.authorization } : {};
  }

  async #sendAndDecode<T>(call: ApiCall, sent: PreparedRequest, decode: Decoder<T>): Promise<T> {
    const { response, text } = await this.#sendOnce(call, sent);
    if (!response.ok || response.redirected) throw errorFromResponse(response, text);
    const result = decode(parseJson(text));
    if (result === undefined) throw unexpectedResponseError(response, 'it lacks the documented shape');
    return result;
  }

  async #sendOnce(
    call: ApiCall,
    { headers, body, signal, outcomeHint }: PreparedRequest,
  ): Promise<{ response: Response; text: string }> {
    const { fetch, baseURL } = this.#settings;
    const { method } = call.route;
    const url = baseURL + buildRequestPath(call);
    const signature = call.signer && (await call.signer.sign(method, url, body));
    try {
      const response = await fetch(url, {
        method,
        headers: signature === undefined ? headers : { ...headers, ...signature },
        ...(body === undefined ? {} : { body }),
        // A followed redirect could send the key to another host. Workers do not support the `error` mode.
        redirect: 'manual',
        // Set only for sessions: it is the browsers' default, and some workers do not support the option.
        ...(this.#credential.kind === 'session' ? { credentials: 'same-origin' as const } : {}),
        signal,
      });
      call.signer?.observeDate(response.headers.get('date'));
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

/** States which kind of credential a call requires and which kind the client has. */
const wrongKeyKindError = (auth: RouteAuth, kind: Credential['kind']): AnimaError =>
  notSentError(
    'wrong_key_kind',
    `it takes ${acceptedCredentials[auth].map((one) => credentialNames[one]).join(' or ')}; this client has ${credentialNames[kind]}`,
  );

/**
 * The system error code of a failed connection, e.g. `ECONNREFUSED`. Nothing else is copied from the error, because a
 * custom `fetch` may throw errors that contain the whole request, including the key.
 */
export function connectionErrorCode(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const code: unknown = Reflect.get(cause, 'code');
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
  }
  return 'no connection';
}
