import { type Auth, routes } from '../../../contract/routes.ts';
import { refused } from '../shared/argument-validation.ts';
import {
  type CallOptions,
  type CallSettings,
  type Credential,
  callSettingsOf,
  credentialOf,
  type Fetch,
  type Settings,
  type Signal,
} from '../shared/client-options.ts';
import { type AnimaError, errorOf } from '../shared/errors.ts';
import type { Reader } from '../shared/json-decoders.ts';
import { pathOf, type Target } from '../shared/url.ts';
import { parseJson, problemOf, unexpected } from './error-response.ts';
import { bounded, withRetries } from './retry.ts';

/** One request of the vault's API. */
export interface Call extends Target {
  /** Sent as JSON; said once, so that every attempt sends the same bytes and write ids. */
  readonly body?: object | undefined;
}

/** What of a request is the same in every attempt, and the signal that ends one. */
interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: Signal;
  readonly outcome: string;
}

const jsonType = { 'content-type': 'application/json' };

/** Credentials that routes of each kind take; those of AWS and of providers of messages are no matter of this client. */
const takes: Readonly<Record<Auth, readonly Credential['kind'][]>> = {
  'api-key': ['org'],
  user: ['user', 'session'],
  none: ['org', 'user', 'session', 'none'],
  iam: [],
  signature: [],
};

/** Sends calls and brings back their decoded answers. The key is in private fields and goes nowhere else. */
export class Transport {
  readonly baseURL: string;
  readonly #settings: Settings;
  #credential: Credential;

  constructor(settings: Settings) {
    this.baseURL = settings.baseURL;
    this.#settings = settings;
    this.#credential = settings.credential;
  }

  get kind(): Credential['kind'] {
    return this.#credential.kind;
  }

  /** Whose user key this client has; undefined when it has none. */
  get owner(): { readonly org: string; readonly user: string } | undefined {
    const credential = this.#credential;
    return credential.kind === 'user' ? { org: credential.org, user: credential.user } : undefined;
  }

  /** The same with another key. */
  withKey(key: string): Transport {
    return new Transport({ ...this.#settings, credential: credentialOf(key) });
  }

  /** Uses another key from the next call on. */
  useKey(key: string): void {
    this.#credential = credentialOf(key);
  }

  /** The `fetch` of this client by itself, for requests that are not to the vault. */
  get fetch(): Fetch {
    return this.#settings.fetch;
  }

  /** The settings of a call with these options. @throws AnimaError invalid_argument */
  settings(options: CallOptions): CallSettings {
    return callSettingsOf(options, this.#settings.calls);
  }

  /**
   * Makes a call, with retries.
   * @param decode reads the JSON of a successful answer; returns undefined when it has not the documented shape.
   * @throws AnimaError any code; wrong_key_kind before anything is sent
   */
  async request<T>(call: Call, settings: CallSettings, decode: Reader<T>): Promise<T> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const credential = this.#credential;
    const { auth } = routes[call.route];
    if (!takes[auth].includes(credential.kind)) throw wrongKind(auth, credential.kind);
    const key = auth !== 'none' && 'authorization' in credential ? { authorization: credential.authorization } : {};
    const headers = { ...key, ...this.#settings.headers, ...settings.callerHeaders, ...(body && jsonType) };
    const { outcome } = settings;
    const send = (signal: Signal) => this.#attempt(call, { headers, body, signal, outcome }, decode);
    return withRetries(settings, () => bounded(settings, send));
  }

  async #attempt<T>(call: Call, sent: Sent, decode: Reader<T>): Promise<T> {
    const { response, text } = await this.#exchange(call, sent);
    if (!response.ok || response.redirected) throw problemOf(response, text);
    const result = decode(parseJson(text));
    if (result === undefined) throw unexpected(response, 'it has not the documented shape');
    return result;
  }

  async #exchange(call: Call, { headers, body, signal, outcome }: Sent): Promise<{ response: Response; text: string }> {
    const { fetch, baseURL } = this.#settings;
    try {
      const response = await fetch(baseURL + pathOf(call), {
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
      throw errorOf('connection_failed', { detail: `${reasonOf(error)} at ${baseURL}. ${outcome}` });
    }
  }
}

const names: Readonly<Record<Credential['kind'], string>> = {
  org: 'an API key of the organization',
  user: 'a user key',
  session: 'a session',
  none: 'none',
};

/** Which kind of key a call takes, and which the client has. */
const wrongKind = (auth: Auth, kind: Credential['kind']): AnimaError =>
  refused(
    'wrong_key_kind',
    `it takes ${takes[auth].map((one) => names[one]).join(' or ')}; this client has ${names[kind]}`,
  );

/**
 * The system's code of a failed connection, e.g. `ECONNREFUSED`. Only that is taken from what `fetch` threw: a
 * custom one may throw errors that hold the whole request, key included.
 */
export function reasonOf(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const code: unknown = Reflect.get(cause, 'code');
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
  }
  return 'no connection';
}
