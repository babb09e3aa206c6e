import { routes } from '../../contract/routes.ts';
import { parseJson, problemOf, unexpected } from './answer.ts';
import type { Reader } from './decode.ts';
import { errorOf } from './errors.ts';
import {
  type CallOptions,
  type CallSettings,
  callSettingsOf,
  type Fetch,
  type Settings,
  type Signal,
} from './options.ts';
import { bounded, withRetries } from './retry.ts';
import { pathOf, type Target } from './url.ts';

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

/** Sends calls and brings back their decoded answers. The API key is in a private field and goes nowhere else. */
export class Transport {
  readonly baseURL: string;
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.baseURL = settings.baseURL;
    this.#settings = settings;
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
   * @throws AnimaError any code
   */
  request<T>(call: Call, settings: CallSettings, decode: Reader<T>): Promise<T> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const { headers: always, authorization } = this.#settings;
    const key = authorization !== undefined && routes[call.route].auth === 'api-key' ? { authorization } : {};
    const headers = { ...key, ...always, ...settings.callerHeaders, ...(body && jsonType) };
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
        signal,
      });
      return { response, text: await response.text() };
    } catch (error) {
      throw errorOf('connection_failed', { detail: `${reasonOf(error)} at ${baseURL}. ${outcome}` });
    }
  }
}

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
